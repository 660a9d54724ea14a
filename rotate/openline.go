package rotate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// OpenLine opens the last line that Next returned, without its NULs and its
// newline, for as long as no more is read. It is for a line that is
// [Line.Truncated]: so it need not be in memory at once. What is read ends
// early where the file was truncated since. The error is *GoneError where the
// segment is not listed any more; any other names the file.
func (r *Reader) OpenLine(line Line) (io.ReadCloser, error) {
	from, size := line.Offset, line.Len
	if r.closed {
		return nil, fmt.Errorf("read a long line: reader: %w", fs.ErrClosed)
	}
	if r.in != nil && !r.in.packed && r.cur.ID == line.Segment {
		return io.NopCloser(&holeReader{r: io.NewSectionReader(r.in.file, from, size)}), nil
	}
	segments, err := r.src.Held()
	if err != nil {
		return nil, fmt.Errorf("list the log: %w", err)
	}
	i := index(segments, line.Segment)
	if i < 0 {
		return nil, &GoneError{Position: Position{Segment: line.Segment, Offset: line.Offset, Line: line.Number - 1}}
	}
	in, err := openInput(segments[i], from)
	if err != nil {
		return nil, err
	}
	return &openLine{holeReader{r: io.LimitReader(in, size)}, in}, nil
}

// openLine is a line in a file that was opened for it.
type openLine struct {
	holeReader
	in *input
}

// Close closes the file.
func (l *openLine) Close() error { return l.in.Close() }

// holeReader reads a line without the NULs that [Line.Bytes] lacks.
type holeReader struct {
	r     io.Reader
	begun bool // there was something else than NULs
	run   int  // NULs that were read and not given out
	owed  int  // NULs to give out
	mem   [16 << 10]byte
	buf   []byte // of mem, to be given out
}

// Read implements [io.Reader].
func (h *holeReader) Read(p []byte) (int, error) {
	for {
		switch {
		case h.owed > 0:
			n := min(len(p), h.owed)
			clear(p[:n])
			h.owed -= n
			return n, nil
		case len(h.buf) == 0:
			n, err := h.r.Read(h.mem[:])
			h.buf = h.mem[:n]
			if n > 0 || err == nil {
				continue // an error comes again
			}
			if h.run == 0 || !errors.Is(err, io.EOF) {
				return 0, err //nolint:wrapcheck // the file's error, which has its name
			}
			h.endRun()
		case h.buf[0] == 0:
			n := nulsAt(h.buf)
			h.run, h.buf = h.run+n, h.buf[n:]
		case h.run > 0:
			h.endRun()
		default:
			n := bytes.IndexByte(h.buf, 0)
			if n < 0 {
				n = len(h.buf)
			}
			n = copy(p, h.buf[:n])
			h.begun, h.buf = true, h.buf[n:]
			return n, nil
		}
	}
}

func (h *holeReader) endRun() {
	switch {
	case !h.begun:
	case h.run >= holeSize:
		h.owed = 1
	default:
		h.owed = h.run
	}
	h.run = 0
}
