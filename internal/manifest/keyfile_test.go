package manifest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func keyFile(t testing.TB, data []byte, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "signing.key")
	must(t, os.WriteFile(path, data, 0o600))
	must(t, os.Chmod(path, mode))
	return path
}

func endorsedKey() SigningKey {
	e := Endorse(testKey(1), public(testKey(2)))
	return SigningKey{Private: testKey(2), Endorsement: &e}
}

func TestKeyFiles(t *testing.T) {
	for name, key := range map[string]SigningKey{"first": {Private: testKey(1)}, "endorsed": endorsedKey()} {
		data, err := key.MarshalPEM()
		must(t, err)
		got, err := ReadSigningKey(keyFile(t, data, 0o600))
		if err != nil || !reflect.DeepEqual(got, key) {
			t.Errorf("%s: read %+v, %v", name, got, err)
		}
		open, err := MarshalPublicPEM(key.Public())
		must(t, err)
		keys, err := ReadPublicKeys(keyFile(t, append(open, open...), 0o644))
		if err != nil || len(keys) != 2 || !keys[0].Equal(key.Public()) {
			t.Errorf("%s: read %v, %v", name, keys, err)
		}
		if _, err := ReadPublicKeys(keyFile(t, data, 0o600)); err == nil || !strings.Contains(err.Error(), "private key") {
			t.Errorf("%s: a private key for a public one: %v", name, err)
		}
	}
}

func TestReadSigningKeyRefuses(t *testing.T) {
	good, err := endorsedKey().MarshalPEM()
	must(t, err)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(other)
	must(t, err)
	for name, c := range map[string]struct {
		path string
		want string
	}{
		"not there":         {filepath.Join(t.TempDir(), "none"), "keygen"},
		"a directory":       {t.TempDir(), "not a key file"},
		"empty":             {keyFile(t, nil, 0o600), "no Ed25519 private key"},
		"another algorithm": {keyFile(t, pem.EncodeToMemory(&pem.Block{Type: pemPrivate, Bytes: der}), 0o600), "one Ed25519"},
		"damaged":           {keyFile(t, pem.EncodeToMemory(&pem.Block{Type: pemPrivate, Bytes: der[:9]}), 0o600), "one Ed25519"},
		"two keys":          {keyFile(t, append(good, good...), 0o600), "one Ed25519"},
		"bad endorsement":   {keyFile(t, []byte(strings.Replace(string(good), "Key-ID: ", "Key-ID: x", 1)), 0o600), "endorsement"},
		"for the group":     {keyFile(t, good, 0o640), "0640"},
		"for everybody":     {keyFile(t, good, 0o604), "chmod 0600"},
	} {
		_, err := ReadSigningKey(c.path)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v does not say %q", name, err, c.want)
		}
	}
	if _, err := ReadSigningKey(keyFile(t, good, 0o660)); !errors.Is(err, ErrKeyMode) {
		t.Error(err)
	}
}

func FuzzParseKeys(f *testing.F) {
	good, err := endorsedKey().MarshalPEM()
	must(f, err)
	open, err := MarshalPublicPEM(public(testKey(1)))
	must(f, err)
	f.Add(good)
	f.Add(open)
	f.Fuzz(func(t *testing.T, data []byte) {
		if key, err := parseSigningKey(data); err == nil {
			if r := keyRecord(1, key.Private, nil); r.Key.PublicKey != key.Record().PublicKey {
				t.Fatal("another public key")
			}
		}
		keys, err := parsePublicKeys(data)
		if (err == nil) != (len(keys) > 0) {
			t.Fatalf("%d keys, %v", len(keys), err)
		}
	})
}
