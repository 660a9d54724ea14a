package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"

	pq "github.com/parquet-go/parquet-go"
)

// ErrNotOurs is returned by [ReadMeta], [Restore] and [Check] for a file that is no object of
// this package. A file that cannot be read is not one of these: it may be an object.
var ErrNotOurs = errors.New("not an object of auditsidecar")

// ReadMeta reads the metadata of one object, which is size bytes long. The
// error is [ErrNotOurs] for a file that is no Parquet file or not one of ours;
// an error of r is wrapped.
func ReadMeta(r io.ReaderAt, size int64) (ObjectMeta, error) {
	f, err := openObject(r, size)
	if err != nil {
		return ObjectMeta{}, err
	}
	return objectMeta(f)
}

// openObject opens a Parquet file without its optional parts.
func openObject(r io.ReaderAt, size int64) (*pq.File, error) {
	src := &watchedReader{ReaderAt: r}
	f, err := openFile(src, size)
	if err != nil && src.err != nil {
		return nil, fmt.Errorf("open object: %w", src.err)
	}
	return f, err
}

func openFile(r io.ReaderAt, size int64) (f *pq.File, err error) {
	defer noPanic(&err)
	if err := checkTail(r, size); err != nil {
		return nil, err
	}
	f, err = pq.OpenFile(r, size, pq.SkipBloomFilters(true), pq.SkipPageIndex(true))
	if err != nil {
		return nil, fmt.Errorf("open object: %w: %w", ErrNotOurs, err)
	}
	return f, nil
}

// watchedReader keeps the first error that is not the end of the file: it says
// nothing of what the file is.
type watchedReader struct {
	io.ReaderAt
	once sync.Once
	err  error
}

// ReadAt reads as the reader does.
func (w *watchedReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := w.ReaderAt.ReadAt(p, off)
	if n < len(p) && err != nil && !errors.Is(err, io.EOF) {
		w.once.Do(func() { w.err = err })
	}
	return n, err //nolint:wrapcheck // it must be what the reader returned
}

// maxFooter bounds the footer of an object, of which the library takes the
// length on trust. Ours take some 30 KB for each row group.
const maxFooter = 256 << 20

// checkTail looks at the last bytes of a file: the length of its footer, and
// the magic number.
func checkTail(r io.ReaderAt, size int64) error {
	var tail [8]byte
	if size < 12 {
		return fmt.Errorf("open object: %w: %d bytes", ErrNotOurs, size)
	}
	if _, err := r.ReadAt(tail[:], size-8); err != nil {
		return fmt.Errorf("open object: %w", err)
	}
	footer := int64(binary.LittleEndian.Uint32(tail[:]))
	if string(tail[4:]) != "PAR1" || footer > min(size-12, maxFooter) {
		return fmt.Errorf("open object: %w: no Parquet footer", ErrNotOurs)
	}
	return nil
}

// errBug is a panic that no damage explains.
var errBug = errors.New("a bug in auditsidecar, please report it")

// noPanic makes an error of a panic. The libraries panic on some damaged files;
// anything else is a bug and says nothing of the file.
func noPanic(err *error) {
	p := recover()
	if p == nil {
		return
	}
	if in := panicking(); isLibrary(in) {
		*err = fmt.Errorf("read object: %w: damaged: %v", ErrNotOurs, p)
	} else {
		*err = fmt.Errorf("read object: %w: panic in %s: %v", errBug, in, p)
	}
}

// panicking returns the function that panicked, during a deferred call: of this
// module or of a library that reads objects for it. One of the standard library
// panics for its caller.
func panicking() string {
	var callers [64]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(0, callers[:])])
	thrown := false
	for {
		f, more := frames.Next()
		if thrown && (isLibrary(f.Function) || strings.HasPrefix(f.Function, "github.com/auditsidecar/")) {
			return f.Function
		}
		thrown = thrown || f.Function == "runtime.gopanic"
		if !more {
			return "an unknown function"
		}
	}
}

// isLibrary says whether a function is of what unpacks objects for this package.
func isLibrary(function string) bool {
	return strings.HasPrefix(function, "github.com/parquet-go/") || strings.HasPrefix(function, "github.com/klauspost/")
}
