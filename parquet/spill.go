package parquet

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
	file *os.File
	ends []int64 // of each run
}

const runBuffer = 32 << 10

func newRunFile(dir string) (*runFile, error) {
	f, err := unnamedFile(dir)
	if err != nil {
		return nil, err
	}
	return &runFile{file: f}, nil
}

// unnamedFile returns an open file in dir that has no name any more.
func unnamedFile(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "spill-*")
	if err != nil {
		return nil, fmt.Errorf("make spill file in %s (is the work directory there and writable?): %w", dir, err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("unlink spill file: %w", err), f.Close())
	}
	return f, nil
}

// write appends a run: refs in the given order, their keys numbered by rank. Each
// row is stored as its differences to the previous one, and a key only where
// it changes.
func (f *runFile) write(refs []rowRef, order []uint32, keys [][]byte) error {
	w := bufio.NewWriterSize(f.file, runBuffer)
	var prev rowRef
	var buf []byte
	for i, n := range order {
		r := refs[n]
		buf = buf[:0]
		if i == 0 || r.key != prev.key {
			buf = binary.AppendUvarint(buf, uint64(len(keys[r.key]))+1)
			buf = append(buf, keys[r.key]...)
		} else {
			buf = append(buf, 0)
		}
		buf = binary.AppendVarint(buf, int64(r.day-prev.day))
		buf = binary.AppendVarint(buf, r.time-prev.time) // wraps around for noTime, and back again
		buf = binary.AppendVarint(buf, int64(r.line)-int64(prev.line))
		buf = binary.AppendVarint(buf, r.offset-prev.offset)
		buf = binary.AppendUvarint(buf, uint64(r.size))
		buf = binary.AppendUvarint(buf, uint64(r.part))
		buf = binary.AppendUvarint(buf, uint64(r.sum))
		if _, err := w.Write(buf); err != nil {
			return fmt.Errorf("write spill file: %w", err)
		}
		prev = r
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write spill file: %w", err)
	}
	end, err := f.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return fmt.Errorf("write spill file: %w", err)
	}
	f.ends = append(f.ends, end)
	return nil
}

func (f *runFile) close() error { return f.file.Close() }

// run reads one run back.
type run struct {
	r    *bufio.Reader
	head rowRef
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
	u.head.day += int32(d[0])
	u.head.time += d[1]
	u.head.line += uint32(d[2])
	u.head.offset += d[3]
	u.head.size, u.head.part, u.head.sum = uint32(v[0]), uint32(v[1]), uint32(v[2])
	return nil
}

// merger gives the rows of all runs in order.
type merger struct {
	runs []*run // a heap, the least row first
}

func (f *runFile) merge() (*merger, error) {
	m := &merger{}
	var from int64
	for _, end := range f.ends {
		u := &run{r: bufio.NewReaderSize(io.NewSectionReader(f.file, from, end-from), runBuffer)}
		from = end
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
func (m *merger) next() (rowRef, bool, error) {
	if len(m.runs) == 0 {
		return rowRef{}, false, nil
	}
	r := m.runs[0].head
	switch err := m.runs[0].advance(); {
	case errors.Is(err, io.EOF):
		heap.Pop(m)
	case err != nil:
		return rowRef{}, false, err
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
	if a.head.day != b.head.day {
		return a.head.day < b.head.day
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
