package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// copyBuffer is the memory that a copy takes, in bytes.
const copyBuffer = 256 << 10

// ErrGrowing is found by errors.Is in the error of [FS.Copy] when the source
// changed while it was copied.
var ErrGrowing = errors.New("the file is still being written")

// Copy creates path, mode perm, with the content and the modification time of
// the open file src, atomically and durably, and never over an existing file:
// then it fails with [fs.ErrExist]. The position of src does not matter and
// does not change. A source that changes meanwhile is an [ErrGrowing], and
// nothing is left.
func (f FS) Copy(path string, src *os.File, perm fs.FileMode) error {
	before, err := src.Stat()
	if err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	return f.Publish(path, perm, func(w io.Writer) error {
		from := io.NewSectionReader(src, 0, before.Size())
		// Both are hidden from io.CopyBuffer lest one chooses a buffer of its own,
		// or writes past the hook.
		n, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{from}, make([]byte, copyBuffer))
		if err != nil {
			return err
		}
		after, err := src.Stat()
		if err != nil {
			return err
		}
		if n != before.Size() || after.Size() != n || !after.ModTime().Equal(before.ModTime()) {
			return fmt.Errorf("%d of %d bytes copied, %d now: %w", n, before.Size(), after.Size(), ErrGrowing)
		}
		return os.Chtimes(w.(*temp).Name(), before.ModTime(), before.ModTime()) // the file of Publish
	})
}
