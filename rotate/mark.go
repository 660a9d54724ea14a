package rotate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MarkSize is the most bytes that a Mark covers.
const MarkSize = 1024

// Mark recognises a file: its inode number as a hint (inodes are used again
// soon after a prune), and the SHA-256 of its first bytes as the evidence.
type Mark struct {
	// Inode is the inode number when the mark was made; Matches ignores it.
	Inode uint64
	// N is how many bytes Sum covers, at most MarkSize; less if the file was
	// shorter. With N 0 the mark says nothing about the content.
	N int
	// Sum is the SHA-256 of the first N bytes.
	Sum [sha256.Size]byte
}

// ReadMark makes the mark of the plain file f, whose inode number is inode.
func ReadMark(f io.ReaderAt, inode uint64) (Mark, error) {
	var buf [MarkSize]byte
	n, err := f.ReadAt(buf[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return Mark{}, fmt.Errorf("read the start of the file for its mark: %w", err)
	}
	return newMark(buf[:n], inode), nil
}

// newMark makes the mark of a file that starts with head.
func newMark(head []byte, inode uint64) Mark {
	head = head[:min(len(head), MarkSize)]
	return Mark{Inode: inode, N: len(head), Sum: sha256.Sum256(head)}
}

// Matches reports whether f begins with the bytes that the mark covers. A file
// shorter than N does not match; every file matches a mark with N 0.
func (m Mark) Matches(f io.ReaderAt) (bool, error) {
	if m.N < 0 || m.N > MarkSize {
		return false, fmt.Errorf("compare a mark of %d bytes: it must be 0 to %d", m.N, MarkSize)
	}
	var buf [MarkSize]byte
	n, err := f.ReadAt(buf[:m.N], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("read the start of the file to compare its mark: %w", err)
	}
	return n == m.N && sha256.Sum256(buf[:n]) == m.Sum, nil
}

// markJSON is the JSON form of a Mark.
type markJSON struct {
	Inode uint64 `json:"inode"`
	N     int    `json:"n"`
	Sum   string `json:"sha256"`
}

// MarshalJSON writes {"inode": …, "n": …, "sha256": "<64 hex digits>"}.
func (m Mark) MarshalJSON() ([]byte, error) {
	return json.Marshal(markJSON{Inode: m.Inode, N: m.N, Sum: hex.EncodeToString(m.Sum[:])})
}

// UnmarshalJSON reads what MarshalJSON writes and refuses a sum that is not 64
// hex digits and an n outside 0 to MarkSize.
func (m *Mark) UnmarshalJSON(data []byte) error {
	var j markJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return fmt.Errorf("decode a mark: %w", err)
	}
	sum, err := hex.DecodeString(j.Sum)
	if err != nil {
		return fmt.Errorf("decode a mark's sha256: %w", err)
	}
	if len(sum) != sha256.Size || j.N < 0 || j.N > MarkSize {
		return fmt.Errorf("decode a mark: sha256 has %d bytes (want %d), n is %d (want 0 to %d)", len(sum), sha256.Size, j.N, MarkSize)
	}
	*m = Mark{Inode: j.Inode, N: j.N, Sum: [sha256.Size]byte(sum)}
	return nil
}
