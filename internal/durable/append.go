package durable

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// AppendAt makes data the end of the file path, from the offset on, durably; the file
// is made, with mode 0600, if it is missing. A crash leaves any part of data, or other
// bytes in its place: the caller knows from elsewhere how many bytes count.
func (f FS) AppendAt(path string, offset int64, data []byte) error {
	var file *os.File
	open := func(flag int) func() error {
		return func() (err error) {
			file, err = os.OpenFile(path, os.O_WRONLY|flag, 0o600)
			return err
		}
	}
	err, made := open(0)(), false
	if errors.Is(err, os.ErrNotExist) {
		err, made = f.apply(Effect{Op: OpCreate, Path: path}, open(os.O_CREATE|os.O_EXCL)), true
	}
	if file != nil {
		defer file.Close() // only the fsync counts
	}
	if err != nil {
		return fmt.Errorf("append to %s: %w", path, err)
	}
	err = f.apply(Effect{Op: OpWrite, Path: path}, func() error {
		if err := file.Truncate(offset); err != nil {
			return err
		}
		_, err := file.WriteAt(data, offset)
		return err
	})
	if err == nil {
		err = f.syncFile(file)
	}
	if err == nil && made {
		err = f.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("append to %s: %w", path, err)
	}
	return nil
}
