package rowread

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
)

// ErrNotOurs says that a file is no object. A file that cannot be read is not one of these: it
// may be an object.
var ErrNotOurs = errors.New("not an object of auditsidecar")

// File is an opened object: the footer, as far as it is needed to read it. It is believed
// only where an object of this package could say it: one flipped bit may name another codec, and the
// library would act on that.
type File struct {
	Rows   int64
	Pairs  map[string]string
	groups []storedGroup
	src    io.ReaderAt
}

// Open opens an object. It is the only way to one: a claim that a damaged or foreign file could
// make the rest of the package do is decided here, from the footer, before anything else is read.
func Open(r io.ReaderAt, size int64) (f *File, err error) {
	defer noPanic(&err)
	b, err := ReadFooter(r, size)
	if err != nil {
		return nil, err
	}
	if f, err = parseFooter(b, size-int64(len(b))-tailLength); err != nil {
		return nil, fmt.Errorf("open object: %w: %w", ErrNotOurs, err)
	}
	f.src = r
	return f, nil
}

const (
	magic = "PAR1"
	// tailLength is the length of the bytes behind the footer: its length, and the magic number.
	tailLength = 4 + int64(len(magic))
	// maxFooter bounds the footer of an object. Ours take some 30 KB for each row group.
	maxFooter = 64 << 20
)

// ReadFooter reads the footer of a Parquet file.
func ReadFooter(r io.ReaderAt, size int64) ([]byte, error) {
	var tail [tailLength]byte
	if size < int64(len(magic))+tailLength {
		return nil, fmt.Errorf("open object: %w: %d bytes", ErrNotOurs, size)
	}
	if _, err := r.ReadAt(tail[:], size-tailLength); err != nil {
		return nil, fmt.Errorf("open object: %w", err)
	}
	length := int64(binary.LittleEndian.Uint32(tail[:]))
	if string(tail[4:]) != magic || length > min(size-int64(len(magic))-tailLength, maxFooter) {
		return nil, fmt.Errorf("open object: %w: no Parquet footer", ErrNotOurs)
	}
	b := make([]byte, length)
	if _, err := r.ReadAt(b, size-tailLength-length); err != nil {
		return nil, fmt.Errorf("open object: %w", err)
	}
	return b, nil
}

// ErrBug is a panic: no damage explains it, because all lengths are checked before anything is
// decoded. It says nothing of the file.
var ErrBug = errors.New("a bug in auditsidecar, please report it")

// noPanic makes an error of a panic.
func noPanic(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("read object: %w: panic: %v\n%s", ErrBug, p, debug.Stack())
	}
}
