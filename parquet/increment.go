package parquet

import (
	"context"
	"fmt"
	"io"
	"math"
)

// Increment says which part of a file a source is that is not the whole: some
// complete lines of a file that was still being written. The zero value says
// that the source is a whole file.
type Increment struct {
	// From is the offset of the source's first byte in the file.
	From int64
	// FirstLine is the number of the source's first line in the file, from 1;
	// 0 where the source is no increment. The rows' source_line counts from it.
	FirstLine int64
}

// before is the number of lines before the source in its file.
func (i Increment) before() int64 { return max(i.FirstLine, 1) - 1 }

// check says whether i is the zero value or an increment that can be.
func (i Increment) check() error {
	if i == (Increment{}) || i.From >= 0 && i.FirstLine > 0 && i.FirstLine < math.MaxInt64-math.MaxUint32 {
		return nil
	}
	return fmt.Errorf("convert: an increment from byte %d, line %d cannot be", i.From, i.FirstLine)
}

// increment reads the metadata that only increments have.
func (p *metaParser) increment(size int64) Increment {
	if _, ok := p.pairs[keyIncrementFirst]; !ok {
		return Increment{}
	}
	i := Increment{From: p.number(keyIncrementFrom), FirstLine: p.number(keyIncrementFirst)}
	if to := p.number(keyIncrementTo); p.err == nil && (i.check() != nil || i.FirstLine < 1 || to < i.From || to-i.From != size) {
		p.fail(keyIncrementTo, fmt.Errorf("bytes %d to %d, first line %d, for a source of %d bytes", i.From, to, i.FirstLine, size))
	}
	return i
}

// HoleError says that increments of a file do not join.
type HoleError struct {
	// From and To are the first byte of the file that is missing and the first
	// one after it that is there.
	From, To int64
}

// Error returns the message.
func (e *HoleError) Error() string {
	return fmt.Sprintf("bytes %d to %d of the file are missing between its increments", e.From, e.To)
}

// Increments writes the beginning of a file from its increments, given one
// after another, so that only one needs to be open at a time. The zero value
// is ready for the first.
type Increments struct {
	// Work is the directory of temporary files; [os.TempDir] if empty.
	Work string

	meta  Meta  // of the first increment
	to    int64 // end of the written bytes
	lines int64 // in the written bytes
}

// Offset is how much of the file was written, in bytes from its beginning.
func (x *Increments) Offset() int64 { return x.to }

// Append writes the increment that begins at [Increments.Offset] to w. Nothing
// is written, and the next increment is still due, after a [*HoleError] (in
// begins later), [ErrMismatch] (it begins earlier, or is of another file or
// no increment at all) and [ErrNotOurs]. The SHA-256 of the increment's lines
// is compared at its end: where that fails, with [ErrMismatch] too, w has
// bytes that are not to be trusted and is to be given up.
func (x *Increments) Append(ctx context.Context, in Input, w io.Writer) error {
	m, err := ReadMeta(in, in.Size)
	if err != nil {
		return fmt.Errorf("%s: %w", in.Name, err)
	}
	if err := x.joins(&m); err != nil {
		return fmt.Errorf("%s: %w", in.Name, err)
	}
	if err := RestoreIn(ctx, x.Work, []Input{in}, w); err != nil {
		return err
	}
	x.meta, x.to, x.lines = m.Meta, x.to+m.SourceSize, x.lines+m.SourceLines
	return nil
}

// joins says whether an increment begins where the one before it ended.
func (x *Increments) joins(m *ObjectMeta) error {
	i := m.Increment
	switch {
	case i.FirstLine == 0:
		return fmt.Errorf("%w: it holds a whole file and no increment of one", ErrMismatch)
	case x.to > 0 && !m.sameFile(x.meta):
		return fmt.Errorf("%w: it is of cluster %s, node %s, %s/%d, the one before of cluster %s, node %s, %s/%d", ErrMismatch,
			m.Cluster, m.Node, m.Epoch, m.Seq, x.meta.Cluster, x.meta.Node, x.meta.Epoch, x.meta.Seq)
	case i.From > x.to:
		return &HoleError{From: x.to, To: i.From}
	case i.From < x.to || i.FirstLine != x.lines+1:
		return fmt.Errorf("%w: it begins at byte %d, line %d of the file; byte %d, line %d is due", ErrMismatch, i.From, i.FirstLine, x.to, x.lines+1)
	case !m.FinalNewline:
		return fmt.Errorf("%w: it does not end with a line", ErrMismatch)
	}
	return nil
}

// sameFile says whether two sources are of one file. Its name may have changed
// in between: the number in the tree counts.
func (m Meta) sameFile(other Meta) bool {
	return m.Cluster == other.Cluster && m.Node == other.Node && m.Epoch == other.Epoch && m.Seq == other.Seq
}

// Complete says whether in are all the objects of one source. The error is the
// one that [Restore] would return without writing anything: [ErrIncomplete],
// [ErrMismatch] or [ErrNotOurs]. No rows are read.
func Complete(in []Input) error {
	var r restoration
	return r.open(in)
}
