package rowsort

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

// Lines takes the lines of a source in any order and gives them back by
// number. Beyond limit bytes, sorted runs go to a file without a name; a line
// that is long goes there at once, as a run of its own.
type Lines struct {
	limit int
	text  []byte // of the lines in memory
	refs  []lineRef
	runs  runFile
	taken int64 // lines
}

// NewLines returns an order that holds limit bytes in memory and has its file in
// the directory work.
func NewLines(work string, limit int) *Lines { return &Lines{limit: limit, runs: runFile{work: work}} }

// lineRef is a line in Lines.text.
type lineRef struct {
	line     int64
	from, to int
}

// mergeMemory is how many bytes the buffers of all runs take, while they are
// not too many.
const mergeMemory = 3 << 20

// Add takes one line, which build appends to the buffer it is given.
func (o *Lines) Add(line int64, build func(dst []byte) []byte) error {
	if o.text == nil && len(o.runs.ends) > 0 {
		o.text = make([]byte, 0, o.limit)
	}
	from := len(o.text)
	o.text = build(o.text)
	o.refs = append(o.refs, lineRef{line, from, len(o.text)})
	o.taken++
	if len(o.text)+24*len(o.refs) < o.limit {
		return nil
	}
	return o.spill()
}

// AddLong takes one line, which write writes piece by piece.
func (o *Lines) AddLong(line int64, write func(io.Writer) error) error {
	o.taken++
	return o.runs.add(func(w *bufio.Writer) error {
		head := binary.AppendVarint(nil, line)
		_, _ = w.Write(append(head, restOfRun)) // the writer keeps its first error for Flush
		return write(w)
	})
}

// restOfRun stands for the length of a line that ends with its run.
const restOfRun = 0

func (o *Lines) sort() {
	slices.SortFunc(o.refs, func(a, b lineRef) int { return cmp.Compare(a.line, b.line) })
}

func (o *Lines) spill() error {
	o.sort()
	err := o.runs.add(func(w *bufio.Writer) error {
		var head []byte
		var prev int64
		for _, r := range o.refs {
			head = binary.AppendVarint(head[:0], r.line-prev)
			head = binary.AppendUvarint(head, uint64(r.to-r.from)+1)
			prev = r.line
			_, _ = w.Write(head) // the writer keeps its first error for Flush
			_, _ = w.Write(o.text[r.from:r.to])
		}
		return nil
	})
	if err != nil {
		return err
	}
	o.text, o.refs = auditline.Emptied(o.text, 2*o.limit), o.refs[:0]
	return nil
}

// Each calls f with every line by number: with all of its text, or piece by
// piece until more is false. text is valid during the call.
func (o *Lines) Each(f func(line int64, text []byte, more bool) error) error {
	if len(o.runs.ends) == 0 {
		o.sort()
		for _, r := range o.refs {
			if err := f(r.line, o.text[r.from:r.to], false); err != nil {
				return err
			}
		}
		return nil
	}
	if len(o.refs) > 0 {
		if err := o.spill(); err != nil {
			return err
		}
	}
	o.text, o.refs = nil, nil
	return o.merge(f)
}

func (o *Lines) merge(f func(line int64, text []byte, more bool) error) error {
	var m merger[*lineRun]
	err := o.runs.open(mergeMemory, func(in *bufio.Reader, size int64) error { return m.put(&lineRun{r: in, left: size}) })
	for err == nil && len(m) > 0 {
		if err = m[0].read(f); err == nil {
			err = m.advance()
		}
	}
	return err
}

// Count returns how many lines were taken.
func (o *Lines) Count() int64 { return o.taken }

// Close frees the file, if there is one.
func (o *Lines) Close() error { return o.runs.close() }

// lineRun reads one run back: first the head of a line, then its text.
type lineRun struct {
	r    *bufio.Reader
	line int64
	size int64 // of the line's text
	left int64 // bytes of the run
}

// ReadByte reads a byte of a head.
func (u *lineRun) ReadByte() (byte, error) {
	b, err := u.r.ReadByte()
	if err == nil {
		u.left--
	}
	return b, err
}

// advance reads the next head; io.EOF after the last.
func (u *lineRun) advance() error {
	d, err := binary.ReadVarint(u)
	if err != nil {
		return err
	}
	n, err := binary.ReadUvarint(u)
	if err != nil {
		return fmt.Errorf("read spill file: %w", io.ErrUnexpectedEOF)
	}
	u.line += d
	if u.size = int64(n) - 1; n == restOfRun {
		u.size = u.left
	}
	u.left -= u.size
	return nil
}

// read calls f with the pieces of the line's text.
func (u *lineRun) read(f func(line int64, text []byte, more bool) error) error {
	for more := true; more; {
		piece, err := u.r.Peek(int(min(u.size, int64(u.r.Size()))))
		if err != nil {
			return fmt.Errorf("read spill file: %w", io.ErrUnexpectedEOF)
		}
		u.size -= int64(len(piece))
		more = u.size > 0
		if err := f(u.line, piece, more); err != nil {
			return err
		}
		_, _ = u.r.Discard(len(piece)) // it was peeked at
	}
	return nil
}

func (u *lineRun) compare(v *lineRun) int { return cmp.Compare(u.line, v.line) }
