package rowsort

import (
	"bufio"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

// Lines takes the lines of a source in any order and gives them back by
// number. Beyond limit bytes, sorted runs go to a file without a name; a line
// that is long goes there at once, as a run of its own.
type Lines struct {
	work  string
	limit int
	text  []byte // of the lines in memory
	refs  []lineRef
	file  *os.File // nil until the first run
	out   *bufio.Writer
	ends  []int64 // of each run
	taken int64
}

// NewLines returns a lineOrder that holds limit bytes in memory and has its file
// in the directory work.
func NewLines(work string, limit int) *Lines { return &Lines{work: work, limit: limit} }

// lineRef is a line in lineOrder.text.
type lineRef struct {
	line     int64
	from, to int
}

// mergeMemory is how many bytes the buffers of all runs take, while they are
// not too many.
const mergeMemory = 3 << 20

// Add takes one line, which build appends to the buffer it is given.
func (o *Lines) Add(line int64, build func(dst []byte) []byte) error {
	if o.text == nil && o.file != nil {
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
	return o.addRun(func(w *bufio.Writer) error {
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
	err := o.addRun(func(w *bufio.Writer) error {
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

// addRun appends a run to the file.
func (o *Lines) addRun(write func(w *bufio.Writer) error) error {
	if o.file == nil {
		f, err := UnnamedFile(o.work)
		if err != nil {
			return err
		}
		o.file = f
		o.out = bufio.NewWriterSize(f, 256<<10)
	}
	if err := errors.Join(write(o.out), o.out.Flush()); err != nil {
		return fmt.Errorf("write spill file: %w", err)
	}
	end, err := o.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return fmt.Errorf("write spill file: %w", err)
	}
	o.ends = append(o.ends, end)
	return nil
}

// Each calls f with every line by number: with all of its text, or piece by
// piece until more is false. text is valid during the call.
func (o *Lines) Each(f func(line int64, text []byte, more bool) error) error {
	if o.file == nil {
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
	o.text, o.refs, o.out = nil, nil, nil
	return o.merge(f)
}

func (o *Lines) merge(f func(line int64, text []byte, more bool) error) error {
	var h lineHeap
	var from int64
	size := min(max(mergeMemory/len(o.ends), 4<<10), 64<<10)
	for _, end := range o.ends {
		u := &lineRun{r: bufio.NewReaderSize(io.NewSectionReader(o.file, from, end-from), size), left: end - from}
		from = end
		if err := u.advance(); err != nil {
			return err
		}
		h = append(h, u)
	}
	heap.Init(&h)
	for len(h) > 0 {
		u := h[0]
		if err := u.read(f); err != nil {
			return err
		}
		switch err := u.advance(); {
		case errors.Is(err, io.EOF):
			heap.Pop(&h)
		case err != nil:
			return err
		default:
			heap.Fix(&h, 0)
		}
	}
	return nil
}

// Count returns how many lines were taken.
func (o *Lines) Count() int64 { return o.taken }

// Close frees the file, if there is one.
func (o *Lines) Close() error {
	if o.file == nil {
		return nil
	}
	return o.file.Close()
}

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

// lineHeap has the run with the least line first.
type lineHeap []*lineRun

// Len, Less, Swap, Push and Pop make a heap for container/heap.
func (h lineHeap) Len() int { return len(h) }

// Less orders runs by line.
func (h lineHeap) Less(i, j int) bool { return h[i].line < h[j].line }

// Swap exchanges two runs.
func (h lineHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push is not used: the number of runs only falls.
func (h *lineHeap) Push(u any) { *h = append(*h, u.(*lineRun)) }

// Pop removes the last run.
func (h *lineHeap) Pop() any {
	u := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return u
}
