package parquet

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/auditsidecar/auditsidecar/parquet/internal/rowread"
	"github.com/auditsidecar/auditsidecar/parquet/internal/rowsort"
)

// MaxLine is the longest line that [Convert] takes, in bytes, [Hole]s aside. kube-apiserver
// writes no line longer than --audit-log-maxsize, which is 100 MiB by default.
// Converting a line beyond 1 MiB takes its length in memory, and not twice.
const MaxLine = rowread.MaxValue // 512 MiB

// ErrLineTooLong is returned by [Convert] for a source with a line longer than
// [MaxLine].
var ErrLineTooLong = errors.New("line too long")

// ErrTooManyLines is returned by [Convert] for a source of more than 4,294,967,295
// lines, or of a great number of very short ones that their order takes far more space on
// disk than they do: more than 512 MiB beyond the bytes read of the source. That is
// some 70 million empty lines; of lines of ten bytes and more there may be any
// number, and those of an audit log have hundreds.
var ErrTooManyLines = rowsort.ErrTooMany

// ErrSourceChanged is returned by [Convert] where the source is seen to have
// changed since it was first read.
var ErrSourceChanged = rowsort.ErrChanged

// readSize is how much of the source one read takes.
const readSize = 256 << 10

// sourceLine is one line of a source, without its newline.
type sourceLine struct {
	offset int64 // of its first byte
	size   int64
	text   []byte // valid until the next line is read; nil if the line is longer than the buffer
	// terminated is false for a last line that has no newline.
	terminated bool
}

// lineReader cuts a source into lines. It holds no more than its buffer, however
// long a line is.
type lineReader struct {
	in       *bufio.Reader
	at, size int64 // bytes of the source: read, and in all
}

func newLineReader(src io.ReaderAt, size int64, buffer int) *lineReader {
	return &lineReader{in: bufio.NewReaderSize(io.NewSectionReader(src, 0, size), buffer), size: size}
}

// next returns the next line; io.EOF after the last.
func (r *lineReader) next() (sourceLine, error) {
	l := sourceLine{offset: r.at}
	for {
		piece, err := r.in.ReadSlice('\n')
		r.at += int64(len(piece))
		if l.terminated = err == nil; l.terminated {
			piece = piece[:len(piece)-1]
		}
		if l.text = piece; l.size > 0 {
			l.text = nil
		}
		l.size += int64(len(piece))
		switch {
		case errors.Is(err, bufio.ErrBufferFull) && l.size <= MaxLine:
			continue
		case l.size > MaxLine:
			return l, fmt.Errorf("read line at byte %d: %w (more than %d MiB without a newline)", l.offset, ErrLineTooLong, MaxLine>>20)
		case errors.Is(err, io.EOF) && r.at < r.size:
			err = ErrSourceChanged
		case errors.Is(err, io.EOF) && l.size > 0:
			err = nil
		case errors.Is(err, io.EOF):
			return l, io.EOF
		}
		if err != nil {
			err = fmt.Errorf("read source at byte %d: %w", r.at, err)
		}
		return l, err
	}
}

// lineHasher hashes lines, each in pieces and without its newline.
type lineHasher interface {
	begin()
	add(p []byte)
	end()
}

// cutLines gives the lines of p to a hasher, the first of which has begun if open is true. It
// returns whether the last has not ended.
func cutLines(p []byte, open bool, to lineHasher) bool {
	for len(p) > 0 {
		if !open {
			to.begin()
		}
		end := bytes.IndexByte(p, '\n')
		if open = end < 0; open {
			to.add(p)
			break
		}
		to.add(p[:end])
		to.end()
		p = p[end+1:]
	}
	return open
}
