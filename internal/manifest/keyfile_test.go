package manifest

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/auditsidecar/auditsidecar/internal/durable"
)

// keyFile writes a file for a test.
func keyFile(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(path, []byte(text), mode))
	must(t, os.Chmod(path, mode))
	return path
}

// privateOf is a private key with these bytes after its kind.
func privateOf(name string, seed []byte) string {
	hash := "00000000"
	if len(seed) == ed25519.SeedSize {
		vkey, _ := note.NewEd25519VerifierKey(name, ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
		hash = strings.Split(vkey, "+")[1]
	}
	return privatePrefix + name + "+" + hash + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, seed...))
}

func TestSigningKeyFile(t *testing.T) {
	name := KeyName("prod", "cp-1")
	old, err := GenerateKey(name, nil)
	must(t, err)
	next, err := GenerateKey(name, old)
	must(t, err)
	for _, key := range []*SigningKey{old, next} {
		got, err := ReadSigningKey(keyFile(t, "k", key.Text(), 0o600), name)
		must(t, err)
		if got.Vkey != key.Vkey || got.Text() != key.Text() || (got.Handover == nil) != (key.Handover == nil) {
			t.Errorf("read %+v", got.Record())
		}
		signed, err := note.Sign(&note.Note{Text: "text\n"}, got.signer)
		must(t, err)
		verifier, err := note.NewVerifier(key.Vkey)
		must(t, err)
		if _, err := note.Open(signed, note.VerifierList(verifier)); err != nil {
			t.Error(err)
		}
	}
	if !next.Record().HandedOverBy(old.Vkey) || next.Record().HandedOverBy(next.Vkey) || old.Record().HandedOverBy(old.Vkey) {
		t.Error("the handover is not by the old key")
	}
	if !next.Is(old.Vkey) || !next.Is(next.Vkey) || old.Is(next.Vkey) {
		t.Error("a key's signers are wrong")
	}
	other, err := GenerateKey(KeyName("prod", "cp-2"), nil)
	must(t, err)
	if _, err := GenerateKey(name, other); err == nil {
		t.Error("the key of another node hands over")
	}
}

func TestReadSigningKeyRefuses(t *testing.T) {
	name := KeyName("prod", "cp-1")
	key, next := testKey(t, 1), testKeyFrom(t, 2, 1)
	seed := bytes.Repeat([]byte{1, 2}, 16)
	for what, c := range map[string]struct {
		text string
		want string
	}{
		"empty":               {"", "PRIVATE+KEY+"},
		"PEM":                 {"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n", "keygen makes one"},
		"a public key":        {key.Vkey + "\n", "PRIVATE+KEY+"},
		"another node's":      {privateOf(KeyName("prod", "cp-2"), seed), "proves only its own node"},
		"short":               {privateOf(name, seed[:31]), "has 32 bytes, this one 31"},
		"long":                {privateOf(name, append(seed, 1)), "this one 33"},
		"NULs":                {privateOf(name, make([]byte, 32)), "all its bytes are equal"},
		"equal bytes":         {privateOf(name, bytes.Repeat([]byte{7}, 32)), "all its bytes are equal"},
		"another hash":        {strings.Replace(privateOf(name, seed), "+"+strings.Split(privateOf(name, seed), "+")[3]+"+", "+01234567+", 1), "damaged"},
		"no base64":           {privatePrefix + name + "+00000000+!", "damaged"},
		"more":                {key.Text() + "x\n", "second line"},
		"handover to another": {key.Text() + strings.SplitN(next.Text(), "\n", 2)[1], "second line"},
		"a damaged handover":  {strings.Replace(next.Text(), "handover ", "handover x", 1), "second line"},
		"two handovers":       {next.Text() + strings.SplitN(next.Text(), "\n", 2)[1], "second line"},
	} {
		_, err := ReadSigningKey(keyFile(t, "k", c.text, 0o600), name)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", what, err, c.want)
		}
		if len(c.text) > 90 && err != nil && strings.Contains(err.Error(), c.text[60:90]) && !strings.Contains(what, "public") {
			t.Errorf("%s: the error has the key in it: %v", what, err)
		}
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o602, 0o666} {
		if _, err := ReadSigningKey(keyFile(t, "k", key.Text(), mode), name); !errors.Is(err, durable.ErrKeyFile) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	if _, err := ReadSigningKey(t.TempDir(), name); err == nil {
		t.Error("a directory is a key")
	}
	if _, err := ReadSigningKey(filepath.Join(t.TempDir(), "x"), name); err == nil || !strings.Contains(err.Error(), "keygen") {
		t.Errorf("a missing file: %v", err)
	}
}
