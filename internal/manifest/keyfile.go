package manifest

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// The blocks of key files.
const (
	pemPrivate     = "PRIVATE KEY" // PKCS #8
	pemPublic      = "PUBLIC KEY"  // PKIX
	pemEndorsement = "AUDITSIDECAR KEY ENDORSEMENT"
	headerKeyID    = "Key-ID"
)

// SigningKey is a private key and, where it takes over from another, the
// consent of that one.
type SigningKey struct {
	Private     ed25519.PrivateKey
	Endorsement *Endorsement
}

// Public returns the public key.
func (k SigningKey) Public() ed25519.PublicKey {
	public, _ := k.Private.Public().(ed25519.PublicKey)
	return public
}

// Record returns the content of the [KindKey] record that begins the use of
// the key.
func (k SigningKey) Record() *Key {
	return &Key{PublicKey: hex.EncodeToString(k.Public()), Endorsement: k.Endorsement}
}

// MarshalPEM returns the private key as PKCS #8 in PEM form, with the
// endorsement, if there is one, in a block of its own.
func (k SigningKey) MarshalPEM() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.Private)
	if err != nil {
		return nil, fmt.Errorf("encode the private key: %w", err)
	}
	out := pem.EncodeToMemory(&pem.Block{Type: pemPrivate, Bytes: der})
	if k.Endorsement != nil {
		signature, err := hex.DecodeString(k.Endorsement.Signature)
		if err != nil {
			return nil, fmt.Errorf("encode the endorsement: %w", err)
		}
		out = append(out, pem.EncodeToMemory(&pem.Block{
			Type: pemEndorsement, Headers: map[string]string{headerKeyID: k.Endorsement.KeyID}, Bytes: signature,
		})...)
	}
	return out, nil
}

// MarshalPublicPEM returns a public key as PKIX in PEM form.
func MarshalPublicPEM(key ed25519.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode the public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemPublic, Bytes: der}), nil
}

// ErrKeyMode is returned by [ReadSigningKey] for a file that others may read
// or write.
var ErrKeyMode = errors.New("others than its owner may read or write it: chmod 0600")

// ReadSigningKey reads a private key as [SigningKey.MarshalPEM] writes it. The
// file must be readable by its owner only. No error has the key in it.
func ReadSigningKey(path string) (SigningKey, error) {
	data, err := readKeyFile(path, true)
	if err != nil {
		return SigningKey{}, fmt.Errorf("read the signing key: %w", err)
	}
	key, err := parseSigningKey(data)
	if err != nil {
		return SigningKey{}, fmt.Errorf("read the signing key %s: %w", path, err)
	}
	return key, nil
}

// maxKeyFile is more than any key file has.
const maxKeyFile = 1 << 20

func readKeyFile(path string, private bool) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w (auditsidecar keygen makes one)", err)
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > maxKeyFile:
		return nil, fmt.Errorf("%s is not a key file", path)
	case private && info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("%s has mode %04o: %w", path, info.Mode().Perm(), ErrKeyMode)
	}
	return os.ReadFile(path)
}

func parseSigningKey(data []byte) (SigningKey, error) {
	var key SigningKey
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case pemPrivate:
			parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			private, ok := parsed.(ed25519.PrivateKey)
			if err != nil || !ok || key.Private != nil {
				return SigningKey{}, errors.New("it must hold one Ed25519 private key (PKCS #8)")
			}
			key.Private = private
		case pemEndorsement:
			key.Endorsement = &Endorsement{KeyID: block.Headers[headerKeyID], Signature: hex.EncodeToString(block.Bytes)}
		}
	}
	if key.Private == nil {
		return SigningKey{}, errors.New("there is no Ed25519 private key in it (PEM, PKCS #8); auditsidecar keygen makes one")
	}
	if err := key.Record().check(); err != nil {
		return SigningKey{}, fmt.Errorf("its endorsement is damaged: %w", err)
	}
	return key, nil
}

// ReadPublicKeys reads the public keys of a PEM file: one or more.
func ReadPublicKeys(path string) ([]ed25519.PublicKey, error) {
	data, err := readKeyFile(path, false)
	if err != nil {
		return nil, fmt.Errorf("read the public key: %w", err)
	}
	keys, err := parsePublicKeys(data)
	if err != nil {
		return nil, fmt.Errorf("read the public key %s: %w", path, err)
	}
	return keys, nil
}

func parsePublicKeys(data []byte) ([]ed25519.PublicKey, error) {
	var keys []ed25519.PublicKey
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case pemPublic:
			parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
			public, ok := parsed.(ed25519.PublicKey)
			if err != nil || !ok {
				return nil, errors.New("it holds a key that is no Ed25519 public key")
			}
			keys = append(keys, public)
		case pemPrivate:
			return nil, errors.New("it holds a private key, which stays on its node: give the file that ends in .pub")
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no Ed25519 public key in it (PEM)")
	}
	return keys, nil
}
