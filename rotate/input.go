package rotate

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// errReplaced says that another file has taken the path of a listed segment.
var errReplaced = errors.New("the file was replaced while it was being opened")

// input is a segment open for reading.
type input struct {
	io.Reader
	file *os.File
	// packed files have no size to compare an offset with.
	packed bool
}

// openInput opens s and goes to offset. It returns errReplaced if the file at
// the path is not s any more, *TruncatedError if unpacked content ends before
// offset, *damage if it cannot be unpacked that far.
func openInput(s Segment, offset int64) (*input, error) {
	f, err := openPlain(s.Path)
	if err != nil {
		return nil, err
	}
	in := &input{Reader: f, file: f, packed: s.Gzip}
	if err := in.begin(s, offset); err != nil {
		// The error of closing a file that was only read adds nothing.
		_ = in.Close()
		return nil, err
	}
	return in, nil
}

// begin checks that the open file is s and goes to offset.
func (in *input) begin(s Segment, offset int64) error {
	info, err := in.file.Stat()
	if err != nil {
		return fmt.Errorf("look at the open audit log: %w", err)
	}
	device, inode := FileID(info)
	if (s.Inode != 0 && inode != s.Inode) || (s.Device != 0 && device != s.Device) {
		return fmt.Errorf("open %s: %w", s.Path, errReplaced)
	}
	if !in.packed {
		if _, err := in.file.Seek(offset, io.SeekStart); err != nil {
			return fmt.Errorf("go to the last position in the audit log: %w", err)
		}
		return nil
	}
	u, err := unpack(in.file)
	if err != nil {
		return err
	}
	in.Reader = u
	n, err := io.CopyN(io.Discard, u, offset)
	if errors.Is(err, io.EOF) {
		return &TruncatedError{Segment: s.ID, Path: s.Path, Offset: offset, Size: n}
	}
	return err
}

// size returns the size of a plain file in bytes; -1 if it cannot be learned.
func (in *input) size() int64 {
	info, err := in.file.Stat()
	if err != nil {
		return -1
	}
	return info.Size()
}

// shorterThan reports whether a plain file ends before offset. A file whose
// size cannot be learned does not: the next read returns the error.
func (in *input) shorterThan(offset int64) bool {
	if in.packed {
		return false
	}
	size := in.size()
	return size >= 0 && size < offset
}

// Close closes the file.
func (in *input) Close() error { return in.file.Close() }
