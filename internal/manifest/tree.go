package manifest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
)

// Hash is a hash of a tree: that of a leaf, or a root.
type Hash [sha256.Size]byte

// String is the hash in lower-case hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Tree is the RFC 6962 tree of the records of one node, as far as it takes to add
// the next one: some hashes. The zero Tree is empty.
type Tree struct{ nodes *compact.Range }

// nodesOf is the range of the first nodes with these hashes.
func nodesOf(size uint64, hashes [][]byte) (*compact.Range, error) {
	return (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewRange(0, size, hashes)
}

// Size is the number of records.
func (t Tree) Size() int64 {
	if t.nodes == nil {
		return 0
	}
	return int64(t.nodes.End())
}

// With returns the tree with one leaf more; t stays as it is.
func (t Tree) With(leaf Hash) Tree {
	next, _ := nodesOf(0, nil)
	if t.nodes != nil { // the hashes of a range of the right length are no error
		next, _ = nodesOf(t.nodes.End(), slices.Clone(t.nodes.Hashes()))
	}
	_ = next.Append(leaf[:], nil) // fails only for a leaf that is not next
	return Tree{next}
}

// TreeOf returns the tree of size records from the hashes of its perfect subtrees, from
// left to right.
func TreeOf(size int64, hashes []Hash) (Tree, error) {
	var all [][]byte
	for i := range hashes {
		all = append(all, hashes[i][:])
	}
	nodes, err := nodesOf(uint64(size), all)
	if err != nil {
		return Tree{}, fmt.Errorf("make the tree of %d records: %w", size, err)
	}
	return Tree{nodes}, nil
}

// Root is the root of the tree.
func (t Tree) Root() (root Hash) {
	if t.Size() == 0 {
		return Hash(rfc6962.DefaultHasher.EmptyRoot())
	}
	hash, _ := t.nodes.GetRootHash(nil) // fails only for a range that begins later
	return Hash(hash)
}

// Hashes are those of the perfect subtrees, from left to right: what [TreeOf] takes.
func (t Tree) Hashes() (hashes []Hash) {
	if t.nodes == nil {
		return nil
	}
	for _, hash := range t.nodes.Hashes() {
		hashes = append(hashes, Hash(hash))
	}
	return hashes
}

// Origin names the tree with a number, from 1, of a log; see the package documentation.
func Origin(cluster, node string, tree int) string {
	if tree == 1 {
		return KeyName(cluster, node)
	}
	return fmt.Sprintf("%s/%d", KeyName(cluster, node), tree)
}

// KeyName names the keys of a node.
func KeyName(cluster, node string) string { return "auditsidecar/" + cluster + "/" + node }

// Head is the last record of a tree; the zero Head stands for none.
type Head struct {
	// Tree is the number of the tree, from 1, and Number that of the record in it.
	Tree   int   `json:"tree"`
	Number int64 `json:"number"`
	// Root of the tree that ends with the record, lower-case hex.
	Root string `json:"root"`
	// Epoch, Seq and Time are the record's.
	Epoch string `json:"epoch"`
	Seq   int64  `json:"seq"`
	Time  Stamp  `json:"time"`
}
