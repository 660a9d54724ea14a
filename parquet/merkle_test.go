package parquet

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// referenceRoot is the tree hash by a library that Certificate Transparency
// logs use.
func referenceRoot(t *testing.T, lines [][]byte) [sha256.Size]byte {
	t.Helper()
	r := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	for _, line := range lines {
		if err := r.Append(rfc6962.DefaultHasher.HashLeaf(line), nil); err != nil {
			t.Fatal(err)
		}
	}
	root, err := r.GetRootHash(nil)
	if err != nil {
		t.Fatal(err)
	}
	if root == nil {
		root = rfc6962.DefaultHasher.EmptyRoot()
	}
	return [sha256.Size]byte(root)
}

func TestLineTreeAgreesWithTheReference(t *testing.T) {
	var lines [][]byte
	for n := range 130 {
		want := referenceRoot(t, lines)
		var added, written LineTree
		for _, line := range lines {
			added.Add(line)
		}
		text := bytes.Join(lines, []byte{'\n'})
		if n > 0 {
			text = append(text, '\n')
		}
		for _, b := range text { // in pieces of one byte
			_, _ = written.Write([]byte{b})
		}
		if got := added.Root(); got != want || added.Lines() != int64(n) {
			t.Errorf("Add: %d lines: root %x of %d lines, want %x", n, got, added.Lines(), want)
		}
		if got := written.Root(); got != want || written.Lines() != int64(n) {
			t.Errorf("Write: %d lines: root %x of %d lines, want %x", n, got, written.Lines(), want)
		}
		lines = append(lines, []byte(fmt.Sprintf("line %d of another length %s", n, bytes.Repeat([]byte{'x'}, n))))
	}
}

// The test vectors of RFC 6962 as Certificate Transparency's own tests have
// them (certificate-transparency, merkletree/merkle_tree_test.cc).
func TestLineTreeVectors(t *testing.T) {
	for lines, want := range map[string]string{
		"":         "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"\n":       "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"\n\x00\n": "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	} {
		var tree LineTree
		_, _ = tree.Write([]byte(lines))
		if got := tree.Root(); hex.EncodeToString(got[:]) != want {
			t.Errorf("root of %q is %x, want %s", lines, got, want)
		}
	}
}

func TestLineTreeLastLineWithoutNewline(t *testing.T) {
	var with, without LineTree
	_, _ = with.Write([]byte("a\nb\n"))
	_, _ = without.Write([]byte("a\nb"))
	if without.Root() != with.Root() || without.Lines() != 2 {
		t.Errorf("%d lines, root %x; want 2, %x", without.Lines(), without.Root(), with.Root())
	}
}

func BenchmarkLineTree(b *testing.B) {
	log := audittest.Corpus(b, "rotated.log")
	b.SetBytes(int64(len(log)))
	for b.Loop() {
		var tree LineTree
		_, _ = tree.Write(log)
		tree.Root()
	}
}

func BenchmarkSHA256(b *testing.B) {
	log := audittest.Corpus(b, "rotated.log")
	b.SetBytes(int64(len(log)))
	for b.Loop() {
		sha256.Sum256(log)
	}
}
