package redact

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/auditsidecar/auditsidecar/internal/durable"
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
// error wraps [io/fs.ErrNotExist] if there is no file, and [ErrBadKey].
func ReadKey(file string) (Key, error) {
	data, err := durable.ReadKeyFile(file, true)
	switch {
	case errors.Is(err, durable.ErrKeyFile):
		return Key{}, fmt.Errorf("%w: %w", ErrBadKey, err)
	case err != nil:
		return Key{}, fmt.Errorf("read the redaction key: %w", err)
	case len(data) != KeySize:
		return Key{}, fmt.Errorf("%w %s: it has %d bytes, expected %d; make one with: head -c %d /dev/urandom", ErrBadKey, file, len(data), KeySize, KeySize)
	case bytes.Count(data, data[:1]) == KeySize:
		return Key{}, fmt.Errorf("%w %s: all its bytes are equal; make one with: head -c %d /dev/urandom", ErrBadKey, file, KeySize)
	}
	return Key(data), nil
}

// ID names the key without disclosing it, in 16 hex digits: markers of two nodes can be
// compared where it is the same.
func (k Key) ID() string {
	mac := hmac.New(sha256.New, k[:])
	_, _ = mac.Write([]byte("auditsidecar redaction key")) // never fails (hash.Hash)
	return hex.EncodeToString(mac.Sum(nil)[:8])
}
