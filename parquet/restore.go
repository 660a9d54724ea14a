package parquet

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/parquet/internal/rowread"
	"github.com/auditsidecar/auditsidecar/parquet/internal/rowsort"
)

// Input is one object of a source.
type Input struct {
	// Name is used in errors.
	Name string
	io.ReaderAt
	// Size is in bytes.
	Size int64
}

var (
	// ErrIncomplete is returned by [Restore] and [Check] where objects or rows
	// of the source are missing, or rows are there twice; the error's text says which.
	ErrIncomplete = errors.New("incomplete source")
	// ErrMismatch is returned by [Restore] and [Check] where the rebuilt
	// source is not the one that was converted.
	ErrMismatch = errors.New("rebuilt source differs from the original")
)

// Restore writes the source whose objects are in, all of them and in any
// order. Nothing is written where one is missing ([ErrIncomplete]), belongs to
// another source ([ErrMismatch]) or is not one of ours ([ErrNotOurs]). The
// checksum can be compared only at the end: after [ErrMismatch] the bytes
// already written are not to be trusted.
//
// A source beyond 3 MiB is sorted in a temporary file of its size, which goes
// to [os.TempDir]; [RestoreIn] takes another directory.
func Restore(ctx context.Context, in []Input, w io.Writer) error {
	return RestoreIn(ctx, "", in, w)
}

// orderMemory is how many bytes of lines are sorted in memory.
const orderMemory = 3 << 20

// RestoreIn is [Restore] with its temporary file in the directory work, or in
// [os.TempDir] if it is empty.
func RestoreIn(ctx context.Context, work string, in []Input, w io.Writer) error {
	r := restoration{order: rowsort.NewLines(work, orderMemory)}
	err := r.run(ctx, in, w)
	if closeErr := r.order.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("close spill file: %w", closeErr)
	}
	return err
}

// lineTaker takes the lines of a source in any order. A line that is long is
// written piece by piece.
type lineTaker interface {
	Add(line int64, build func(dst []byte) []byte) error
	AddLong(line int64, write func(io.Writer) error) error
}

// restoration is the state of one call of Restore, or of a check.
type restoration struct {
	to    lineTaker // of the collected part
	order *rowsort.Lines
	meta  ObjectMeta // of the first object
	files []*rowread.File
	lines int64 // rows of lines that were read
	bytes int64 // of them, at least
}

func (r *restoration) run(ctx context.Context, in []Input, w io.Writer) error {
	r.to = r.order
	if err := r.open(in); err != nil {
		return err
	}
	if err := r.collectAll(ctx, in); err != nil {
		return err
	}
	if r.order.Count() != r.meta.SourceLines {
		return r.missingLines()
	}
	return r.write(ctx, w)
}

// open reads the metadata of all objects and proves that they are one source.
func (r *restoration) open(in []Input) error {
	if len(in) == 0 {
		return fmt.Errorf("restore: %w: no objects", ErrIncomplete)
	}
	have := map[string]string{}
	for i, obj := range in {
		f, err := rowread.Open(obj, obj.Size)
		if err != nil {
			return fmt.Errorf("%s: %w", obj.Name, err)
		}
		m, err := objectMeta(f)
		if err != nil {
			return fmt.Errorf("%s: %w", obj.Name, err)
		}
		if i == 0 {
			r.meta = m
		}
		if m.identity() != r.meta.identity() {
			return fmt.Errorf("restore: %w: %s is from %s, %s from %s", ErrMismatch, obj.Name, m.identity(), in[0].Name, r.meta.identity())
		}
		if other, ok := have[m.Day]; ok {
			return fmt.Errorf("restore: %w: %s and %s are both the object of day %q", ErrMismatch, other, obj.Name, m.Day)
		}
		have[m.Day] = obj.Name
		r.files = append(r.files, f)
	}
	return r.missingObjects(have)
}

// identity names the source of an object.
func (m *ObjectMeta) identity() string {
	return fmt.Sprintf("cluster %s, node %s, epoch %s, seq %d, file %s, SHA-256 %x",
		m.Cluster, m.Node, m.Epoch, m.Seq, m.SourceName, m.SourceSHA256)
}

func (r *restoration) missingObjects(have map[string]string) error {
	var missing []string
	for _, d := range r.meta.Days {
		if _, ok := have[d.Day]; !ok {
			missing = append(missing, fmt.Sprintf("the object of %s (%d rows)", d.Day, d.Rows))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("restore %s: %w: missing %s", r.meta.SourceName, ErrIncomplete, strings.Join(missing, ", "))
}

// collectAll rebuilds the lines of all objects.
func (r *restoration) collectAll(ctx context.Context, in []Input) error {
	for i, f := range r.files {
		if err := r.collect(ctx, f); err != nil {
			return fmt.Errorf("read %s: %w", in[i].Name, err)
		}
	}
	return nil
}

// collect rebuilds the lines of one object.
func (r *restoration) collect(ctx context.Context, f *rowread.File) error {
	o, err := rowread.NewReader(f)
	if err != nil {
		return err
	}
	defer o.Close()
	var row rowread.Row
	var b auditline.Rebuilder
	build := func(dst []byte) []byte { return row.Append(dst, &b) }
	for n := 1; ; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := o.Next(&row); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if row.Part > 0 {
			continue
		}
		if err := r.count(&row); err != nil {
			return err
		}
		if row.IsLong() {
			err = r.to.AddLong(row.Line, func(w io.Writer) error { return row.Write(w, &b) })
		} else {
			err = r.to.Add(row.Line, build)
		}
		if err != nil {
			return err
		}
	}
}

// count makes sure that there are no more lines, and no more bytes in them, than the source has.
func (r *restoration) count(row *rowread.Row) error {
	n := row.Line - r.meta.Increment.before()
	if r.lines++; n < 1 || n > r.meta.SourceLines || r.lines > 2*r.meta.SourceLines {
		return fmt.Errorf("%w: row %d is for line %d of %d", ErrMismatch, r.lines, n, r.meta.SourceLines)
	}
	if r.bytes += int64(row.Size()); r.bytes > 2*r.meta.SourceSize {
		return fmt.Errorf("%w: the rows have more than the %d bytes of the source", ErrMismatch, r.meta.SourceSize)
	}
	return nil
}

// maxListed is how many ranges of missing lines an error lists.
const maxListed = 10

// missingLines says which lines have no row, or two.
func (r *restoration) missingLines() error {
	var found []string
	first := r.meta.Increment.before()
	last := first
	note := func(line int64) {
		switch {
		case len(found) >= maxListed:
		case line == last:
			found = append(found, fmt.Sprintf("line %d twice", line))
		case line > last+1:
			found = append(found, fmt.Sprintf("lines %d to %d missing", last+1, line-1))
		}
		last = line
	}
	err := r.order.Each(func(line int64, _ []byte, more bool) error {
		if !more {
			note(line)
		}
		return nil
	})
	if err != nil {
		return err
	}
	note(first + r.meta.SourceLines + 1)
	return fmt.Errorf("restore %s: %w: rows for %d of %d lines: %s", r.meta.SourceName, ErrIncomplete,
		r.order.Count(), r.meta.SourceLines, strings.Join(found, ", "))
}

// write gives out the lines in order and compares the checksum.
func (r *restoration) write(ctx context.Context, w io.Writer) error {
	sum := sha256.New()
	out := bufio.NewWriterSize(&holeWriter{ctx: ctx, to: io.MultiWriter(w, sum), holes: r.meta.Holes}, 256<<10)
	first := r.meta.Increment.before()
	next := first + 1
	err := r.order.Each(func(line int64, text []byte, more bool) error {
		if line != next {
			return fmt.Errorf("restore %s: %w: found line %d where line %d is due", r.meta.SourceName, ErrIncomplete, line, next)
		}
		_, _ = out.Write(text) // the writer keeps its first error for Flush
		if more {
			return nil
		}
		if next++; next%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if line-first < r.meta.SourceLines || r.meta.FinalNewline {
			return out.WriteByte('\n')
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write restored lines: %w", err)
	}
	if got := [sha256.Size]byte(sum.Sum(nil)); got != r.meta.SourceSHA256 {
		return fmt.Errorf("restore %s: %w: SHA-256 is %x, want %x", r.meta.SourceName, ErrMismatch, got, r.meta.SourceSHA256)
	}
	return nil
}
