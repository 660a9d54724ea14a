package rowfind

import (
	"fmt"
	"io"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/parquet/internal/rowsort"
	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// Lines renders the rows that [Object.Lines] finds.
type Lines struct {
	// Work is the directory of temporary files; empty: [os.TempDir].
	Work string
	// Columns are those that Append needs; nil: all.
	Columns []auditline.Field
	// Append appends the rendered row to dst; nil: its line.
	Append func(dst []byte, r *Row) []byte
	// Keep, if not nil, gets the line of a row; it needs all columns.
	Keep func(line []byte) bool
}

// orderMemory is how many bytes are sorted in memory.
const orderMemory = 3 << 20

// Found are lines that were found, in memory or in a temporary file.
type Found struct {
	order *rowsort.Lines
	lines int64
}

// Len is how many there are.
func (f *Found) Len() int64 { return f.lines }

// Close removes the temporary file.
func (f *Found) Close() error { return f.order.Close() }

// WriteTo writes them in the order of the lines, with a newline after each.
func (f *Found) WriteTo(w io.Writer) (n int64, err error) {
	err = f.order.Each(func(_ int64, text []byte, more bool) error {
		m, err := w.Write(text)
		if n += int64(m); err == nil && !more {
			m, err = w.Write([]byte{'\n'})
			n += int64(m)
		}
		return err
	})
	return n, err
}

// Lines finds the rows of a query and puts the rendered rows in the order of the file. A
// line that several rows are of, because it is damaged, is found once.
func (o *Object) Lines(q *Query, l Lines) (found *Found, err error) {
	found = &Found{order: rowsort.NewLines(l.Work, orderMemory)}
	defer func() {
		if err != nil {
			_ = found.Close() // the error is the cause
			found = nil
		}
	}()
	var b auditline.Rebuilder
	var line []byte
	taken, partial := map[int64]bool{}, map[int64]bool{}
	err = o.Find(q, l.Columns, func(r *Row) error {
		if l.Keep != nil {
			if line = r.Append(auditline.Emptied(line, auditline.MaxKept), &b); !l.Keep(line) {
				return nil
			}
		}
		if l.Append == nil && r.Part > 0 { // its bytes are those of part 0
			partial[r.Line] = true
			return nil
		}
		if r.Raw != nil && r.Part == 0 {
			taken[r.Line] = true
		}
		return found.add(r, &l, &b)
	})
	if err != nil || len(partial) == 0 {
		return found, err
	}
	return found, o.Find(&Query{}, []auditline.Field{schema.Raw}, func(r *Row) error {
		if r.Part > 0 || r.Raw == nil || !partial[r.Line] || taken[r.Line] {
			return nil
		}
		return found.add(r, &l, &b)
	})
}

func (f *Found) add(r *Row, l *Lines, b *auditline.Rebuilder) error {
	f.lines++
	var err error
	switch {
	case l.Append != nil:
		err = f.order.Add(r.Line, func(dst []byte) []byte { return l.Append(dst, r) })
	case r.IsLong():
		err = f.order.AddLong(r.Line, func(w io.Writer) error { return r.Write(w, b) })
	default:
		err = f.order.Add(r.Line, func(dst []byte) []byte { return r.Append(dst, b) })
	}
	if err != nil {
		return fmt.Errorf("keep line %d: %w", r.Line, err)
	}
	return nil
}
