package rotate

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// OpenLine opens the last line that Next returned, without the NULs that it
// begins with and its newline, for as long as no more is read. It is for a line
// that is [Line.Truncated]: so it need not be in memory at once. The error is
// *GoneError if the segment is not listed any more; it wraps
// [io.ErrUnexpectedEOF] if the line has a hole further on, or if the file was
// truncated since (or the reading ends early then); any other names the file.
func (r *Reader) OpenLine(line Line) (io.ReadCloser, error) {
	if r.closed {
		return nil, fmt.Errorf("read a long line: reader: %w", fs.ErrClosed)
	}
	if r.in != nil && !r.in.packed && r.cur.ID == line.Segment {
		return openLine(io.NewSectionReader(r.in.file, line.Offset, line.Len), line, io.NopCloser(nil))
	}
	segments, err := r.src.Held()
	if err != nil {
		return nil, fmt.Errorf("list the log: %w", err)
	}
	i := index(segments, line.Segment)
	if i < 0 {
		return nil, &GoneError{Position: Position{Segment: line.Segment, Offset: line.Offset, Line: line.Number - 1}}
	}
	in, err := openInput(segments[i], line.Offset)
	if err != nil {
		return nil, err
	}
	return openLine(io.LimitReader(in, line.Len), line, in)
}

// openLine passes over the NULs in front.
func openLine(from io.Reader, line Line, file io.Closer) (io.ReadCloser, error) {
	_, err := io.CopyN(onlyNULs{}, from, line.NULs)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("pass over the NULs of line %d of %s: %w", line.Number, line.Segment, err), file.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{from, file}, nil
}

// onlyNULs takes NULs and refuses everything else.
type onlyNULs struct{}

// Write implements [io.Writer].
func (onlyNULs) Write(p []byte) (int, error) {
	if n := nulsAt(p); n < len(p) {
		return n, fmt.Errorf("the line has a hole within it: %w", io.ErrUnexpectedEOF)
	}
	return len(p), nil
}
