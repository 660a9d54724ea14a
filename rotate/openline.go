package rotate

import (
	"fmt"
	"io"
	"io/fs"
)

// OpenLine opens the last line that Next returned, after its NULs and without
// its newline, for as long as no more is read. It is for a line that is
// [Line.Truncated]: so it need not be in memory at once. What is read ends
// early where the file was truncated since. The error is *GoneError where the
// segment is not listed any more; any other names the file.
func (r *Reader) OpenLine(line Line) (io.ReadCloser, error) {
	from, size := line.Offset+line.NULs, line.Len-line.NULs
	if r.closed {
		return nil, fmt.Errorf("read a long line: reader: %w", fs.ErrClosed)
	}
	if r.in != nil && !r.in.packed && r.cur.ID == line.Segment {
		return io.NopCloser(io.NewSectionReader(r.in.file, from, size)), nil
	}
	segments, err := r.src.Segments()
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
	return &openLine{io.LimitedReader{R: in, N: size}, in}, nil
}

// openLine is a line in a file that was opened for it.
type openLine struct {
	io.LimitedReader
	in *input
}

// Close closes the file.
func (l *openLine) Close() error { return l.in.Close() }
