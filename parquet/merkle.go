package parquet

import (
	"crypto/sha256"
	"hash"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
)

// LineTree computes the Merkle tree hash of lines as RFC 6962 defines it
// (section 2.1): a leaf is the SHA-256 of a zero byte and the line without its
// newline, a node the SHA-256 of a one byte and its two children. With it, one
// line can be proven to be in a file without the others. Its memory grows
// with the logarithm of their number. The zero value is ready for the first line.
type LineTree struct {
	// Visit, if set, is called with each node that will not change any more.
	Visit compact.VisitFn

	hash hash.Hash // made at the first use, as is tree
	tree *compact.Range
	open bool // the line that Write is in has begun
}

// Add takes the next line, without its newline.
func (t *LineTree) Add(line []byte) {
	t.begin()
	t.add(line)
	t.end()
}

// Write takes the next bytes of a file, in pieces of any length. It implements
// [io.Writer] and never fails. A last line without a newline is counted by
// [LineTree.Root].
func (t *LineTree) Write(p []byte) (int, error) {
	t.open = cutLines(p, t.open, t)
	return len(p), nil
}

// Lines is the number of lines taken; one that Write has only the beginning of
// does not count.
func (t *LineTree) Lines() int64 {
	t.init()
	return int64(t.tree.End())
}

// Root ends a line that has begun and returns the tree hash of all lines: the
// SHA-256 of nothing without any.
func (t *LineTree) Root() [sha256.Size]byte {
	if t.open {
		t.end()
		t.open = false
	}
	t.init()
	root, err := t.tree.GetRootHash(nil)
	if err != nil || root == nil { // the tree begins at the first line: it is empty
		root = rfc6962.DefaultHasher.EmptyRoot()
	}
	return [sha256.Size]byte(root)
}

func (t *LineTree) init() {
	if t.hash == nil {
		h := sha256.New()
		// rfc6962.DefaultHasher allocates a hash for every node.
		node := func(left, right []byte) []byte {
			h.Reset()
			h.Write([]byte{rfc6962.RFC6962NodeHashPrefix})
			h.Write(left)
			h.Write(right)
			return h.Sum(nil)
		}
		t.hash, t.tree = h, (&compact.RangeFactory{Hash: node}).NewEmptyRange(0)
	}
}

func (t *LineTree) begin() {
	t.init()
	t.hash.Reset()
	t.hash.Write([]byte{rfc6962.RFC6962LeafHashPrefix})
}

func (t *LineTree) add(p []byte) { t.hash.Write(p) }

// end adds the leaf that was begun.
func (t *LineTree) end() {
	_ = t.tree.Append(t.hash.Sum(nil), t.Visit) // it fails for nodes that are not neighbours only
}
