package parquet

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
)

// lineOrder takes the lines of a source in any order and gives them back by
// number. Beyond limit bytes, sorted runs go to a file without a name.
type lineOrder struct {
	work  string
	limit int
	text  []byte // of the lines in memory
	refs  []lineRef
	file  *os.File // nil until the limit was reached
	ends  []int64  // of each run
	count int64    // lines taken
}

// lineRef is a line in lineOrder.text.
type lineRef struct {
	line     int64
	from, to int
}

// orderMemory is how many bytes of lines are sorted in memory.
const orderMemory = 3 << 20

// mergeMemory is how many bytes the buffers of all runs take, while they are
// not too many.
const mergeMemory = 3 << 20

// add takes one line, which build appends to the buffer it is given.
func (o *lineOrder) add(line int64, build func(dst []byte) []byte) error {
	if o.text == nil && o.file != nil {
		o.text = make([]byte, 0, o.limit)
	}
	from := len(o.text)
	o.text = build(o.text)
	o.refs = append(o.refs, lineRef{line, from, len(o.text)})
	o.count++
	if len(o.text)+24*len(o.refs) < o.limit {
		return nil
	}
	return o.spill()
}

func (o *lineOrder) sort() {
	slices.SortFunc(o.refs, func(a, b lineRef) int { return cmp.Compare(a.line, b.line) })
}

func (o *lineOrder) spill() error {
	if o.file == nil {
		f, err := unnamedFile(o.work)
		if err != nil {
			return err
		}
		o.file = f
	}
	o.sort()
	w := bufio.NewWriterSize(o.file, 256<<10)
	var head []byte
	var prev int64
	for _, r := range o.refs {
		head = binary.AppendVarint(head[:0], r.line-prev)
		head = binary.AppendUvarint(head, uint64(r.to-r.from))
		prev = r.line
		_, _ = w.Write(head) // the writer keeps its first error for Flush
		_, _ = w.Write(o.text[r.from:r.to])
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write spill file: %w", err)
	}
	end, err := o.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return fmt.Errorf("write spill file: %w", err)
	}
	o.ends = append(o.ends, end)
	o.text, o.refs = o.text[:0], o.refs[:0]
	if cap(o.text) > 2*o.limit {
		o.text = nil
	}
	return nil
}

// each calls f for every line by number; its bytes are valid during the call.
func (o *lineOrder) each(f func(line int64, text []byte) error) error {
	if o.file == nil {
		o.sort()
		for _, r := range o.refs {
			if err := f(r.line, o.text[r.from:r.to]); err != nil {
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

func (o *lineOrder) merge(f func(line int64, text []byte) error) error {
	var h lineHeap
	var from int64
	size := min(max(mergeMemory/len(o.ends), 4<<10), 64<<10)
	for _, end := range o.ends {
		u := &lineRun{r: bufio.NewReaderSize(io.NewSectionReader(o.file, from, end-from), size)}
		from = end
		if err := u.advance(); err != nil {
			return err
		}
		h = append(h, u)
	}
	heap.Init(&h)
	var text []byte
	for len(h) > 0 {
		u := h[0]
		var err error
		if text, err = u.read(text); err != nil {
			return err
		}
		if err := f(u.line, text); err != nil {
			return err
		}
		if cap(text) > 4<<20 {
			text = nil
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

func (o *lineOrder) close() error {
	if o.file == nil {
		return nil
	}
	return o.file.Close()
}

// lineRun reads one run back: first the head of a line, then its text.
type lineRun struct {
	r    *bufio.Reader
	line int64
	size int
}

// advance reads the next head; io.EOF after the last.
func (u *lineRun) advance() error {
	d, err := binary.ReadVarint(u.r)
	if err != nil {
		return err
	}
	n, err := binary.ReadUvarint(u.r)
	if err != nil {
		return fmt.Errorf("read spill file: %w", io.ErrUnexpectedEOF)
	}
	u.line += d
	u.size = int(n)
	return nil
}

func (u *lineRun) read(text []byte) ([]byte, error) {
	text = slices.Grow(text[:0], u.size)[:u.size]
	if _, err := io.ReadFull(u.r, text); err != nil {
		return nil, fmt.Errorf("read spill file: %w", io.ErrUnexpectedEOF)
	}
	return text, nil
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
