package parquet

import (
	"crypto/sha256"
	"hash"
)

// PrefixHash is a SHA-256 that remembers its value after n bytes.
type PrefixHash struct {
	hash.Hash
	left int64 // bytes until then
	sum  []byte
}

// NewPrefixHash returns a hash that remembers its value after n bytes.
func NewPrefixHash(n int64) *PrefixHash { return &PrefixHash{Hash: sha256.New(), left: n} }

// Write takes the next bytes.
func (h *PrefixHash) Write(p []byte) (int, error) {
	n := len(p)
	if h.sum == nil && h.left <= int64(n) {
		h.Hash.Write(p[:h.left])
		h.sum = h.Sum(nil)
		p = p[h.left:]
	}
	h.left -= int64(n)
	h.Hash.Write(p)
	return n, nil
}

// Prefix returns the checksum of the prefix and true, or that of all bytes if they
// are fewer.
func (h *PrefixHash) Prefix() (sum [sha256.Size]byte, complete bool) {
	if h.sum == nil {
		return [sha256.Size]byte(h.Sum(nil)), false
	}
	return [sha256.Size]byte(h.sum), true
}
