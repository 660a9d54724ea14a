package parquet

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
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
// lines, or of so many very short ones that their order takes far more space on
// disk than they do: more than 512 MiB beyond what was read of the source. That is
// some 70 million empty lines; of lines of ten bytes and more there may be any
// number, and those of an audit log have hundreds.
var ErrTooManyLines = rowsort.ErrTooMany

// ErrSourceChanged is returned by [Convert] where the source is seen to have
// changed since it was first read.
var ErrSourceChanged = rowsort.ErrChanged

// readSize is how much of the source one read takes.
const readSize = 256 << 10

// tailSize is how much of the end of a long line is kept: more than [sample]
// looks at.
const tailSize = 2 * auditline.MaxTail

// sourceLine is one line of a source, without its newline.
type sourceLine struct {
	offset int64 // of its first byte
	size   int64
	// terminated is false for a last line that has no newline.
	terminated bool
	// head and tail are the line; of a long line its first and its last bytes.
	head, tail []byte
	long       bool
}

// lineReader cuts a source into lines. It holds at most
// limit bytes of a line, its last ones and one read, however long the line is.
type lineReader struct {
	src   io.ReaderAt
	size  int64
	limit int

	// buf[consumed:] is the next line as far as it was read, and what follows
	// it; of a long line only the first limit bytes and the last ones.
	buf      []byte
	consumed int   // bytes of buf that belong to lines already returned
	searched int   // bytes of buf after consumed in which there is no newline
	gone     int64 // bytes of the next line that buf does not have
	at       int64 // of the source that was read
}

func newLineReader(src io.ReaderAt, size int64, limit int) *lineReader {
	return &lineReader{src: src, size: size, limit: limit, buf: make([]byte, 0, readSize)}
}

// next returns the next line, whose bytes are valid until the next call; io.EOF
// after the last.
func (r *lineReader) next() (sourceLine, error) {
	for {
		rest := r.buf[r.consumed:]
		if n := bytes.IndexByte(rest[r.searched:], '\n'); n >= 0 {
			return r.take(r.searched+n, true), nil
		}
		r.searched = len(rest)
		if r.at == r.size {
			if len(rest) == 0 {
				return sourceLine{}, io.EOF
			}
			return r.take(len(rest), false), nil
		}
		if r.gone+int64(len(rest)) > MaxLine {
			return sourceLine{}, fmt.Errorf("read line at byte %d: %w (more than %d MiB without a newline)",
				r.at-int64(len(rest))-r.gone, ErrLineTooLong, MaxLine>>20)
		}
		if err := r.fill(); err != nil {
			return sourceLine{}, err
		}
	}
}

// take returns the line that ends at byte n of what is left in the buffer.
func (r *lineReader) take(n int, terminated bool) sourceLine {
	rest := r.buf[r.consumed:]
	l := sourceLine{
		offset:     r.at - int64(len(rest)) - r.gone,
		size:       r.gone + int64(n),
		terminated: terminated,
		head:       rest[:n],
		tail:       rest[:n],
	}
	if l.long = n > r.limit; l.long {
		l.head, l.tail = rest[:r.limit], rest[max(0, n-tailSize):n]
	}
	r.consumed += n
	if terminated {
		r.consumed++
	}
	r.searched, r.gone = 0, 0
	return l
}

// fill reads more of the source behind what is left in the buffer, in which
// there is no newline.
func (r *lineReader) fill() error {
	rest := r.buf[r.consumed:]
	if n := len(rest) - r.limit - tailSize; n > 0 {
		copy(rest[r.limit:], rest[len(rest)-tailSize:])
		rest = rest[:r.limit+tailSize]
		r.gone += int64(n)
		r.searched = len(rest)
	}
	want := min(int64(readSize), r.size-r.at)
	switch need := len(rest) + int(want); {
	case need > cap(r.buf):
		grown := make([]byte, len(rest), max(need, min(2*need, r.limit+tailSize+readSize)))
		copy(grown, rest)
		r.buf = grown
	case cap(r.buf) > 4*readSize && need <= readSize:
		// A long line has passed: give its buffer back.
		r.buf = append(make([]byte, 0, readSize), rest...)
	default:
		copy(r.buf[:len(rest)], rest)
		r.buf = r.buf[:len(rest)]
	}
	r.consumed = 0
	n := len(r.buf)
	r.buf = r.buf[:n+int(want)]
	r.at += want
	return readSource(r.src, r.buf[n:], r.at-want)
}
