package parquet

import (
	"crypto/sha256"
	"hash"
)

// prefixHash is a hash that remembers what it was after so many bytes.
type prefixHash struct {
	hash.Hash
	left int64 // bytes until then
	sum  []byte
}

// Write takes the next bytes.
func (h *prefixHash) Write(p []byte) (int, error) {
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

// prefix is the checksum of the prefix, or of all bytes where they are fewer.
func (h *prefixHash) prefix() [sha256.Size]byte {
	if h.sum == nil {
		return [sha256.Size]byte(h.Sum(nil))
	}
	return [sha256.Size]byte(h.sum)
}
