package parquet

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"math/bits"
)

// LineTree computes the Merkle tree hash of lines as RFC 6962 defines it
// (section 2.1): a leaf is the SHA-256 of a zero byte and the line without its
// newline, a node the SHA-256 of a one byte and its two children. With it, one
// line can be proven to be in a file without the others. Its memory is
// constant. The zero value is ready for the first line.
type LineTree struct {
	hash  hash.Hash // made at the first use
	size  uint64    // leaves
	roots [64][sha256.Size]byte
	leaf  [sha256.Size]byte
	open  bool // the line that Write is in has begun
}

// Domain separation of RFC 6962.
var (
	leafPrefix = []byte{0}
	nodePrefix = []byte{1}
)

// Add takes the next line, without its newline.
func (t *LineTree) Add(line []byte) {
	t.begin()
	t.hash.Write(line)
	t.end()
}

// Write takes the next bytes of a file, in pieces of any length. It implements
// [io.Writer] and never fails. A last line without a newline is counted by
// [LineTree.Root].
func (t *LineTree) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if !t.open {
			t.begin()
			t.open = true
		}
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			t.hash.Write(p)
			break
		}
		t.hash.Write(p[:end])
		t.end()
		t.open = false
		p = p[end+1:]
	}
	return n, nil
}

// Lines is the number of lines taken; one that Write has only the beginning of
// does not count.
func (t *LineTree) Lines() int64 { return int64(t.size) }

// Root ends a line that has begun and returns the tree hash of all lines: the
// SHA-256 of nothing where there are none.
func (t *LineTree) Root() [sha256.Size]byte {
	if t.open {
		t.end()
		t.open = false
	}
	if t.size == 0 {
		return sha256.Sum256(nil)
	}
	// The subtrees from right to left, the smallest first.
	level := bits.TrailingZeros64(t.size)
	root := t.roots[level]
	for level++; level < bits.Len64(t.size); level++ {
		if t.size>>level&1 == 1 {
			t.node(&root, &t.roots[level], &root)
		}
	}
	return root
}

func (t *LineTree) begin() {
	if t.hash == nil {
		t.hash = sha256.New()
	}
	t.hash.Reset()
	t.hash.Write(leafPrefix)
}

// end adds the leaf that was begun.
func (t *LineTree) end() {
	t.hash.Sum(t.leaf[:0])
	t.join(&t.leaf)
}

// join adds a leaf: as in binary counting, it joins every perfect subtree that
// it completes.
func (t *LineTree) join(leaf *[sha256.Size]byte) {
	if t.hash == nil {
		t.hash = sha256.New()
	}
	t.leaf = *leaf
	level := 0
	for ; t.size>>level&1 == 1; level++ {
		t.node(&t.leaf, &t.roots[level], &t.leaf)
	}
	t.roots[level] = t.leaf
	t.size++
}

// node sets to to the hash of two children, which may be to itself.
func (t *LineTree) node(to, left, right *[sha256.Size]byte) {
	t.hash.Reset()
	t.hash.Write(nodePrefix)
	t.hash.Write(left[:])
	t.hash.Write(right[:])
	t.hash.Sum(to[:0])
}
