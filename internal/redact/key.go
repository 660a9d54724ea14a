package redact

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
)

// KeySize is the length of a key, in bytes.
const KeySize = 32

// Key is the key of the hashes in the markers. Its owner can guess
// a short value; no one else can.
type Key [KeySize]byte

// NewKey returns a random key.
func NewKey() (k Key) {
	_, _ = rand.Read(k[:]) // never fails (crypto/rand)
	return k
}

// ErrBadKey is returned by [ReadKey] for a file that cannot be a key, or that
// others may have read.
var ErrBadKey = errors.New("unusable redaction key")

// ReadKey reads a key file: 32 bytes that only their owner can read. The
// error wraps [os.ErrNotExist] if there is no file, and [ErrBadKey].
func ReadKey(file string) (k Key, err error) {
	f, err := os.Open(file)
	if err != nil {
		return Key{}, fmt.Errorf("read the redaction key: %w", err)
	}
	defer f.Close()
	switch info, err := f.Stat(); {
	case err != nil:
		return Key{}, fmt.Errorf("look at the redaction key: %w", err)
	case !info.Mode().IsRegular():
		return Key{}, fmt.Errorf("%w %s: it is no regular file", ErrBadKey, file)
	case info.Mode().Perm()&^0o600 != 0:
		return Key{}, fmt.Errorf("%w %s: others than its owner may read it (mode %04o): chmod 0600 it, or make a new one if they should not have it", ErrBadKey, file, info.Mode().Perm())
	case info.Size() != KeySize:
		return Key{}, fmt.Errorf("%w %s: it has %d bytes, expected %d; make one with: head -c %d /dev/urandom", ErrBadKey, file, info.Size(), KeySize, KeySize)
	}
	switch _, err := io.ReadFull(f, k[:]); {
	case err != nil:
		return Key{}, fmt.Errorf("read the redaction key %s: %w", file, err)
	case bytes.Count(k[:], k[:1]) == KeySize:
		return Key{}, fmt.Errorf("%w %s: all its bytes are equal; make one with: head -c %d /dev/urandom", ErrBadKey, file, KeySize)
	}
	return k, nil
}

// ID names the key without disclosing it, in 16 hex digits: markers of two nodes can be
// compared where it is the same.
func (k Key) ID() string {
	mac := hmac.New(sha256.New, k[:])
	_, _ = mac.Write([]byte("auditsidecar redaction key")) // never fails (hash.Hash)
	return hex.EncodeToString(mac.Sum(nil)[:8])
}
