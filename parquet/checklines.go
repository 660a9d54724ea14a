package parquet

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"

	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

// maxLeaves is how many lines are proven by their tree hash: 4 MiB of leaves.
const maxLeaves = 1 << 17

// leaves are the leaves of a tree of lines (see [LineTree]), which come in any
// order.
type leaves struct {
	first  int64 // number of the line before the first
	leaves [][sha256.Size]byte
	count  int64 // of lines taken
	bytes  int64 // of them, without newlines
	hash   hash.Hash
	line   []byte // memory
}

// checkLines proves that the rows of all objects are the lines of the source:
// that their Merkle tree hash is the one that was computed from the source, and
// that they have its length. That says as much as the SHA-256 of the rebuilt
// source, and the lines need not be put in order for it.
func checkLines(ctx context.Context, in []Input, want Result) error {
	l := leaves{leaves: make([][sha256.Size]byte, want.Lines), hash: sha256.New()}
	r := restoration{to: &l}
	if err := r.open(in); err != nil {
		return err
	}
	l.first = r.meta.Increment.before()
	if err := r.collectAll(ctx, in); err != nil {
		return err
	}
	return l.compare(want)
}

// Add takes one line.
func (l *leaves) Add(line int64, build func(dst []byte) []byte) error {
	l.line = build(auditline.Emptied(l.line, auditline.MaxKept))
	return l.AddLong(line, func(w io.Writer) error {
		_, err := w.Write(l.line)
		return err
	})
}

// AddLong takes one line, which write writes piece by piece.
func (l *leaves) AddLong(line int64, write func(io.Writer) error) error {
	n := line - l.first - 1
	if n < 0 || n >= int64(len(l.leaves)) {
		return fmt.Errorf("%w: there is a row for line %d of %d", ErrMismatch, line, len(l.leaves))
	}
	if l.leaves[n] != [sha256.Size]byte{} {
		return fmt.Errorf("%w: line %d twice", ErrIncomplete, line)
	}
	l.hash.Reset()
	l.hash.Write([]byte{rfc6962.RFC6962LeafHashPrefix})
	out := countingWriter{to: l.hash}
	if err := write(&out); err != nil {
		return err
	}
	l.hash.Sum(l.leaves[n][:0])
	l.count++
	l.bytes += out.n
	return nil
}

// compare compares the lines with those of Convert.
func (l *leaves) compare(want Result) error {
	if l.count != want.Lines {
		return fmt.Errorf("%w: rows for %d of %d lines", ErrIncomplete, l.count, want.Lines)
	}
	size := l.bytes + want.Lines
	if want.Lines > 0 && !want.FinalNewline {
		size--
	}
	if size != want.Bytes {
		return fmt.Errorf("%w: the lines have %d bytes, want %d", ErrMismatch, size, want.Bytes)
	}
	var tree LineTree
	for i := range l.leaves {
		tree.join(l.leaves[i][:])
	}
	if root := tree.Root(); root != want.Root {
		return fmt.Errorf("%w: the tree hash of the lines is %x, want %x", ErrMismatch, root, want.Root)
	}
	return nil
}

// countingWriter counts the bytes it passes on.
type countingWriter struct {
	to io.Writer
	n  int64
}

// Write passes b on.
func (w *countingWriter) Write(b []byte) (int, error) {
	n, err := w.to.Write(b)
	w.n += int64(n)
	return n, err
}
