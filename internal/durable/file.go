package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// temp is a temporary file, whose effects the hook of an FS sees.
type temp struct {
	*os.File
	fs FS
}

// writeTemp creates a temporary file beside path, fills, fsyncs and closes it. On an
// error nothing is left.
func (f FS) writeTemp(path string, perm fs.FileMode, fill func(io.Writer) error) (*temp, error) {
	file, err := f.createTemp(path)
	if err != nil {
		return nil, err
	}
	if err := file.fill(perm, fill); err != nil {
		file.discard()
		return nil, err
	}
	return file, nil
}

func (f FS) createTemp(path string) (*temp, error) {
	dir, base := filepath.Split(path)
	// 64 random bits: O_EXCL turns a collision into an error, not into damage.
	name := filepath.Join(dir, fmt.Sprintf(".%s.%016x%s", base[:min(len(base), maxTempBase)], rand.Uint64(), tempSuffix)) //nolint:gosec // a name, not a secret
	var file *os.File
	err := f.apply(Effect{Op: OpCreate, Path: name}, func() (err error) {
		file, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		return err
	})
	if err != nil && file != nil {
		// The hook crashed after the effect: the file stays, as after a real crash.
		_ = file.Close()
	}
	return &temp{file, f}, err
}

func (t *temp) fill(perm fs.FileMode, fill func(io.Writer) error) error {
	err := fill(t)
	if err == nil {
		err = t.Chmod(perm)
	}
	if err == nil {
		err = t.fs.syncFile(t.File)
	}
	if cerr := t.Close(); err == nil {
		err = cerr
	}
	return err
}

// Write shows each write to the hook.
func (t *temp) Write(p []byte) (n int, err error) {
	err = t.fs.apply(Effect{Op: OpWrite, Path: t.Name()}, func() error {
		n, err = t.File.Write(p)
		return err
	})
	return n, err
}

// discard removes a temporary file that is of no more use. Neither an error nor
// a crash here does harm: the name is hidden and RemoveTemps finds it again.
func (t *temp) discard() {
	_ = t.fs.apply(Effect{Op: OpRemove, Path: t.Name()}, func() error { return os.Remove(t.Name()) })
}

func (f FS) rename(oldPath, newPath string) error {
	return f.apply(Effect{Op: OpRename, Path: newPath, From: oldPath},
		func() error { return os.Rename(oldPath, newPath) })
}

// SyncFile fsyncs the content of the file path, which another process wrote and
// closed. Its name is another matter: see [FS.SyncDir].
func (f FS) SyncFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("fsync: %w", err)
	}
	err = f.syncFile(file)
	return errors.Join(err, file.Close())
}

func (f FS) syncFile(file *os.File) error {
	err := f.apply(Effect{Op: OpSync, Path: file.Name()}, file.Sync)
	if err != nil {
		return &SyncError{Path: file.Name(), Err: err}
	}
	return nil
}

// SyncDir fsyncs the directory dir, which makes the names in it durable.
func (f FS) SyncDir(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("fsync directory: %w", err)
	}
	err = f.apply(Effect{Op: OpSyncDir, Path: dir}, file.Sync)
	_ = file.Close() // read-only: nothing can be lost
	if err == nil || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	return &SyncError{Path: dir, Err: err}
}
