package parquet

import (
	"bytes"
	"errors"
	"fmt"
	"hash"
	"io"
)

// MaxLine is the longest line that [Convert] takes, in bytes. kube-apiserver
// writes no line longer than --audit-log-maxsize, which is 100 MiB by default.
// Converting a line takes about five times its length in memory.
const MaxLine = 512 << 20

// ErrLineTooLong is returned by [Convert] for a source with a line longer than
// [MaxLine].
var ErrLineTooLong = errors.New("line too long")

// ErrSourceChanged is returned by [Convert] where the source is seen to have
// changed since it was first read.
var ErrSourceChanged = errors.New("source changed while it was read")

// readSize is how much of the source one read takes.
const readSize = 256 << 10

// lineReader cuts a source into lines and hashes its bytes.
type lineReader struct {
	src  io.ReaderAt
	size int64
	hash hash.Hash

	buf      []byte // bytes [at-len(buf), at) of the source, from the next line on; reused by next
	consumed int    // bytes of buf that belong to lines already returned
	searched int    // bytes of buf after consumed in which there is no newline
	at       int64
}

func newLineReader(src io.ReaderAt, size int64, h hash.Hash) *lineReader {
	return &lineReader{src: src, size: size, hash: h, buf: make([]byte, 0, readSize)}
}

// next returns the next line without its newline, valid until the next call,
// and its offset; io.EOF after the last. terminated is false for a last line
// that has no newline.
func (r *lineReader) next() (line []byte, offset int64, terminated bool, err error) {
	for {
		rest := r.buf[r.consumed:]
		if n := bytes.IndexByte(rest[r.searched:], '\n'); n >= 0 {
			n += r.searched
			return r.take(rest[:n], n+1), r.at - int64(len(rest)), true, nil
		}
		r.searched = len(rest)
		if r.at == r.size {
			if len(rest) == 0 {
				return nil, r.at, false, io.EOF
			}
			return r.take(rest, len(rest)), r.at - int64(len(rest)), false, nil
		}
		if len(rest) > MaxLine {
			return nil, 0, false, fmt.Errorf("read line at byte %d: %w (more than %d MiB without a newline)",
				r.at-int64(len(rest)), ErrLineTooLong, MaxLine>>20)
		}
		if err := r.fill(); err != nil {
			return nil, 0, false, err
		}
	}
}

func (r *lineReader) take(line []byte, n int) []byte {
	r.consumed += n
	r.searched = 0
	return line
}

// fill reads more of the source behind what is left in the buffer.
func (r *lineReader) fill() error {
	rest := r.buf[r.consumed:]
	want := min(int64(readSize), r.size-r.at)
	switch need := len(rest) + int(want); {
	case need > cap(r.buf):
		grown := make([]byte, len(rest), 2*need)
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
	n, err := r.src.ReadAt(r.buf[len(r.buf):len(r.buf)+int(want)], r.at)
	if int64(n) < want {
		if err == nil || errors.Is(err, io.EOF) {
			err = ErrSourceChanged
		}
		return fmt.Errorf("read source at byte %d: %w", r.at+int64(n), err)
	}
	r.hash.Write(r.buf[len(r.buf) : len(r.buf)+n])
	r.buf = r.buf[:len(r.buf)+n]
	r.at += int64(n)
	return nil
}
