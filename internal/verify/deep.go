package verify

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"

	"github.com/auditsidecar/auditsidecar/internal/catalog"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// restore restores a file from its objects and compares its hashes with those
// of the record, and its beginnings with those that heartbeats saw.
func (o *objects) restore(ctx context.Context, r *record) error {
	p := newRehash(r.marks())
	err := o.restoreTo(ctx, r, p)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, new(*os.PathError)): // the disk for temporary files
		return err
	case err != nil:
		o.found.find(r.finding(KindSourceMismatch, err.Error()))
		return nil
	}
	if detail := p.differs(r.Stored()); detail != "" {
		o.found.find(r.finding(KindSourceMismatch, detail))
		return nil
	}
	if mark, lines, ok := p.firstEdited(); ok {
		f := r.finding(KindLogEdited, fmt.Sprintf("the file was changed between %s, when its first %d bytes had SHA-256 %s, and its rotation",
			mark.at.Format(timeLayout), mark.Size, mark.SHA256))
		f.Lines = &lines
		o.found.find(f)
	}
	return nil
}

// restoreTo writes the file of a record to w.
func (v *verification) restoreTo(ctx context.Context, r *record, w io.Writer) error {
	objects := make([]catalog.Object, len(r.Objects))
	for i, o := range r.Objects {
		objects[i] = catalog.NewObject(v.archive, o.Key)
	}
	return catalog.WriteObjects(ctx, objects, os.TempDir(), w)
}

// rehash hashes a restored file, and each beginning of it that a heartbeat saw.
type rehash struct {
	tree  parquet.LineTree
	sum   hash.Hash
	size  int64
	marks []seen   // by size; only those with a plain hash
	at    [][]byte // the SHA-256 at each mark that was reached
	// within says whether a line was not complete there.
	within []bool
	last   byte // that was written
}

// marks are the beginnings of a file that heartbeats saw and that can be
// compared: where the archive is redacted, none can.
func (r *record) marks() []seen {
	if r.Content != nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(r.heard), func(s seen) bool { return s.Size > r.Source.Size })
}

// newRehash returns a rehash for these marks; only plain hashes are compared.
func newRehash(marks []seen) *rehash {
	p := &rehash{sum: sha256.New(), marks: slices.DeleteFunc(slices.Clone(marks), func(s seen) bool { return s.SHA256 == "" })}
	slices.SortStableFunc(p.marks, func(a, b seen) int { return cmp.Compare(a.Size, b.Size) })
	p.reach()
	return p
}

// differs says where the file is not the one that a record describes.
func (p *rehash) differs(want manifest.Content) string {
	got, root := hex.EncodeToString(p.sum.Sum(nil)), p.tree.Root()
	switch {
	case p.size != want.Size || p.tree.Lines() != want.Lines:
		return fmt.Sprintf("it restores to %d bytes, %d lines; the record says %d, %d", p.size, p.tree.Lines(), want.Size, want.Lines)
	case got != want.SHA256:
		return fmt.Sprintf("it restores to a file with SHA-256 %s; the record says %s", got, want.SHA256)
	case want.MerkleRoot != "" && hex.EncodeToString(root[:]) != want.MerkleRoot:
		return fmt.Sprintf("it restores to lines with the Merkle root %x; the record says %s", root, want.MerkleRoot)
	}
	return ""
}

// firstEdited finds the first mark that does not fit. The changed lines lie between
// the mark before it and this one.
func (p *rehash) firstEdited() (mark seen, lines Lines, ok bool) {
	lines.From = 1
	for i := range p.at {
		mark = p.marks[i]
		if hex.EncodeToString(p.at[i]) != mark.SHA256 {
			lines.To = mark.Lines
			if p.within[i] {
				lines.To++
			}
			lines.To = max(lines.From, lines.To)
			return mark, lines, true
		}
		lines.From = mark.Lines + 1
	}
	return seen{}, Lines{}, false
}

// Write takes the next bytes.
func (p *rehash) Write(b []byte) (int, error) {
	n := len(b)
	_, _ = p.tree.Write(b)
	for len(b) > 0 {
		part := b
		if i := len(p.at); i < len(p.marks) {
			part = b[:min(int64(len(b)), p.marks[i].Size-p.size)]
		}
		p.sum.Write(part)
		if len(part) > 0 {
			p.last = part[len(part)-1]
		}
		p.size += int64(len(part))
		p.reach()
		b = b[len(part):]
	}
	return n, nil
}

// reach notes the hash for every mark that has been reached.
func (p *rehash) reach() {
	for i := len(p.at); i < len(p.marks) && p.marks[i].Size == p.size; i++ {
		p.at = append(p.at, p.sum.Sum(nil))
		p.within = append(p.within, p.last != '\n')
	}
}
