package rowsort

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// runFile holds sorted runs, one after another. The file has no name, so that a
// crash leaves nothing behind.
type runFile struct {
	work string   // directory of the file
	file *os.File // nil until the first run
	out  *bufio.Writer
	ends []int64 // of each run
}

// The buffers of a run that is written or read, at most and at least.
const (
	runBuffer      = 64 << 10
	leastRunBuffer = 1 << 10
)

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

// add appends a run. The writer that write gets keeps its first error.
func (f *runFile) add(write func(w *bufio.Writer) error) error {
	if f.file == nil {
		file, err := UnnamedFile(f.work)
		if err != nil {
			return err
		}
		f.file, f.out = file, bufio.NewWriterSize(file, runBuffer)
	}
	if err := errors.Join(write(f.out), f.out.Flush()); err != nil {
		return fmt.Errorf("write spill file: %w", err)
	}
	end, err := f.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return fmt.Errorf("write spill file: %w", err)
	}
	f.ends = append(f.ends, end)
	return nil
}

// size is how many bytes all runs take.
func (f *runFile) size() int64 {
	if len(f.ends) == 0 {
		return 0
	}
	return f.ends[len(f.ends)-1]
}

// open calls take with a reader of every run and its size. The buffers of all
// readers take memory bytes, if the runs are not very many.
func (f *runFile) open(memory int, take func(in *bufio.Reader, size int64) error) error {
	size := min(max(memory/len(f.ends), leastRunBuffer), runBuffer)
	f.out = nil
	from := int64(0)
	for _, end := range f.ends {
		section := io.NewSectionReader(f.file, from, end-from)
		if err := take(bufio.NewReaderSize(section, size), end-from); err != nil {
			return err
		}
		from = end
	}
	return nil
}

func (f *runFile) close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

// run is a sorted run that is read back. It has a head.
type run[R any] interface {
	// advance reads the next head; io.EOF after the last.
	advance() error
	// compare orders two runs by their heads.
	compare(other R) int
}

// merger holds the runs that have a head, in the order of their heads.
type merger[R run[R]] []R

// put takes a run to its next head, and puts it where that belongs. A run that
// has ended is left out.
func (m *merger[R]) put(r R) error {
	switch err := r.advance(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	}
	at, _ := slices.BinarySearchFunc(*m, r, R.compare)
	*m = slices.Insert(*m, at, r)
	return nil
}

// advance goes past the first head.
func (m *merger[R]) advance() error {
	first := (*m)[0]
	*m = slices.Delete(*m, 0, 1)
	return m.put(first)
}
