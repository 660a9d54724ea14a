package rowsort

import (
	"bufio"
	"bytes"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// runFile holds sorted runs of an index, one after another. The file has no
// name, so that a crash leaves nothing behind.
type runFile struct {
	dir    string
	memory int // what the buffers of all runs take while they are merged
	file   *os.File
	ends   []int64 // of each run
}

const (
	runBuffer = 32 << 10
	// leastRunBuffer is the smallest buffer of a run that is merged.
	leastRunBuffer = 4 << 10
	// fewRuns are merged at once in any case.
	fewRuns = 8
)

func newRunFile(dir string, memory int) (*runFile, error) {
	f, err := UnnamedFile(dir)
	if err != nil {
		return nil, err
	}
	return &runFile{dir: dir, memory: memory, file: f}, nil
}

// UnnamedFile returns an open file in dir that has no name any more.
func UnnamedFile(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "spill-*")
	if err != nil {
		return nil, fmt.Errorf("make spill file in %s (is the work directory there and writable?): %w", dir, err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("unlink spill file: %w", err), f.Close())
	}
	return f, nil
}

// size is how many bytes all runs take.
func (f *runFile) size() int64 {
	if len(f.ends) == 0 {
		return 0
	}
	return f.ends[len(f.ends)-1]
}

// write appends a run: refs in the given order, their keys numbered by rank.
func (f *runFile) write(refs []Ref, order []uint32, keys [][]byte) error {
	w := runWriter{out: bufio.NewWriterSize(f.file, runBuffer)}
	for i, n := range order {
		r := &refs[n]
		if err := w.add(r, keys[r.key], i > 0 && r.key == w.prev.key); err != nil {
			return err
		}
	}
	return f.end(&w)
}

// end ends a run.
func (f *runFile) end(w *runWriter) error {
	if err := w.out.Flush(); err != nil {
		return fmt.Errorf("write spill file: %w", err)
	}
	end, err := f.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return fmt.Errorf("write spill file: %w", err)
	}
	f.ends = append(f.ends, end)
	return nil
}

// runWriter writes one run. Each row is stored as its differences to the
// previous one, and a key only where it changes.
type runWriter struct {
	out  *bufio.Writer
	prev Ref
	buf  []byte
}

// add writes a row. sameKey says that it has the key of the row before.
func (w *runWriter) add(r *Ref, key []byte, sameKey bool) error {
	buf := w.buf[:0]
	if sameKey {
		buf = append(buf, 0)
	} else {
		buf = binary.AppendUvarint(buf, uint64(len(key))+1)
		buf = append(buf, key...)
	}
	buf = binary.AppendVarint(buf, int64(r.Day-w.prev.Day))
	buf = binary.AppendVarint(buf, r.Time-w.prev.Time) // wraps around for noTime, and back again
	buf = binary.AppendVarint(buf, int64(r.Line)-int64(w.prev.Line))
	buf = binary.AppendVarint(buf, r.Offset-w.prev.Offset)
	buf = binary.AppendUvarint(buf, uint64(r.Size))
	buf = binary.AppendUvarint(buf, uint64(r.Part))
	buf = binary.AppendUvarint(buf, uint64(r.Sum))
	w.prev, w.buf = *r, buf
	if _, err := w.out.Write(buf); err != nil {
		return fmt.Errorf("write spill file: %w", err)
	}
	return nil
}

func (f *runFile) close() error { return f.file.Close() }

// run reads one run back.
type run struct {
	r    *bufio.Reader
	head Ref
	key  []byte
}

// advance reads the next row into head; it returns io.EOF after the last.
func (u *run) advance() error {
	n, err := binary.ReadUvarint(u.r)
	if err != nil {
		return err // io.EOF where the run ends
	}
	if n > 0 {
		u.key = slices.Grow(u.key[:0], int(n-1))[:n-1]
		if _, err := io.ReadFull(u.r, u.key); err != nil {
			return fmt.Errorf("read spill file: %w", io.ErrUnexpectedEOF)
		}
	}
	var d [4]int64
	for i := range d {
		if d[i], err = binary.ReadVarint(u.r); err != nil {
			return fmt.Errorf("read spill file: %w", io.ErrUnexpectedEOF)
		}
	}
	var v [3]uint64
	for i := range v {
		if v[i], err = binary.ReadUvarint(u.r); err != nil {
			return fmt.Errorf("read spill file: %w", io.ErrUnexpectedEOF)
		}
	}
	u.head.Day += int32(d[0])
	u.head.Time += d[1]
	u.head.Line += uint32(d[2])
	u.head.Offset += d[3]
	u.head.Size, u.head.Part, u.head.Sum = uint32(v[0]), uint32(v[1]), uint32(v[2])
	return nil
}

// merger gives the rows of some runs in order.
type merger struct {
	runs []*run // a heap, the least row first
}

// merge gives the rows of all runs. Where they are so many that their buffers
// would take more than the memory there is, runs are merged into longer ones
// first, which takes the space of all of them once more.
func (f *runFile) merge() (*merger, error) {
	atOnce := max(f.memory/leastRunBuffer, fewRuns)
	for len(f.ends) > atOnce {
		if err := f.mergeSome(atOnce); err != nil {
			return nil, err
		}
	}
	return f.open(0, len(f.ends))
}

// mergeSome makes one run of every atOnce.
func (f *runFile) mergeSome(atOnce int) error {
	to, err := newRunFile(f.dir, f.memory)
	if err != nil {
		return err
	}
	for from := 0; from < len(f.ends) && err == nil; from += atOnce {
		var m *merger
		if m, err = f.open(from, min(from+atOnce, len(f.ends))); err == nil {
			err = to.copy(m)
		}
	}
	if err != nil {
		return errors.Join(err, to.close())
	}
	f.file, to.file, f.ends = to.file, f.file, to.ends
	if err := to.close(); err != nil {
		return fmt.Errorf("close spill file: %w", err)
	}
	return nil
}

// copy appends all that m gives as one run.
func (f *runFile) copy(m *merger) error {
	w := runWriter{out: bufio.NewWriterSize(f.file, runBuffer)}
	var key []byte
	for first := true; len(m.runs) > 0; first = false {
		u := m.runs[0]
		same := !first && bytes.Equal(key, u.key)
		if err := w.add(&u.head, u.key, same); err != nil {
			return err
		}
		if !same {
			key = append(key[:0], u.key...)
		}
		if _, _, err := m.next(); err != nil {
			return err
		}
	}
	return f.end(&w)
}

// open returns the rows of the runs from and up to to.
func (f *runFile) open(from, to int) (*merger, error) {
	m := &merger{}
	size := min(max(f.memory/max(to-from, 1), leastRunBuffer), runBuffer)
	var start int64
	if from > 0 {
		start = f.ends[from-1]
	}
	for _, end := range f.ends[from:to] {
		u := &run{r: bufio.NewReaderSize(io.NewSectionReader(f.file, start, end-start), size)}
		start = end
		switch err := u.advance(); {
		case errors.Is(err, io.EOF):
		case err != nil:
			return nil, err
		default:
			m.runs = append(m.runs, u)
		}
	}
	heap.Init(m)
	return m, nil
}

// next returns the next row; false after the last.
func (m *merger) next() (Ref, bool, error) {
	if len(m.runs) == 0 {
		return Ref{}, false, nil
	}
	r := m.runs[0].head
	switch err := m.runs[0].advance(); {
	case errors.Is(err, io.EOF):
		heap.Pop(m)
	case err != nil:
		return Ref{}, false, err
	default:
		heap.Fix(m, 0)
	}
	return r, true, nil
}

// Len, Less, Swap, Push and Pop make a heap for container/heap.
func (m *merger) Len() int { return len(m.runs) }

// Less orders runs by their heads.
func (m *merger) Less(i, j int) bool {
	a, b := m.runs[i], m.runs[j]
	if a.head.Day != b.head.Day {
		return a.head.Day < b.head.Day
	}
	if c := bytes.Compare(a.key, b.key); c != 0 {
		return c < 0
	}
	x, y := a.head, b.head
	x.key, y.key = 0, 0
	return compareRefs(&x, &y) < 0
}

// Swap exchanges two runs.
func (m *merger) Swap(i, j int) { m.runs[i], m.runs[j] = m.runs[j], m.runs[i] }

// Push is not used: the number of runs only falls.
func (m *merger) Push(u any) { m.runs = append(m.runs, u.(*run)) }

// Pop removes the last run.
func (m *merger) Pop() any {
	last := m.runs[len(m.runs)-1]
	m.runs = m.runs[:len(m.runs)-1]
	return last
}
