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

// writeTemp creates a temporary file beside path, fills and fsyncs it and returns
// its name. On an error nothing is left.
func (f FS) writeTemp(path string, perm fs.FileMode, fill func(io.Writer) error) (string, error) {
	file, err := f.createTemp(path)
	if err != nil {
		return "", err
	}
	if err := f.fillTemp(file, perm, fill); err != nil {
		f.discard(file.Name())
		return "", err
	}
	return file.Name(), nil
}

func (f FS) createTemp(path string) (file *os.File, err error) {
	dir, base := filepath.Split(path)
	// 64 random bits: O_EXCL turns a collision into an error, not into damage.
	temp := filepath.Join(dir, fmt.Sprintf(".%s.%016x%s", base[:min(len(base), maxTempBase)], rand.Uint64(), tempSuffix))
	err = f.apply(Effect{Op: OpCreate, Path: temp}, func() error {
		file, err = os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		return err
	})
	if err != nil && file != nil {
		// The hook crashed after the effect: the file stays, as after a real crash.
		_ = file.Close()
	}
	return file, err
}

// fillTemp writes, fsyncs and closes file.
func (f FS) fillTemp(file *os.File, perm fs.FileMode, fill func(io.Writer) error) error {
	err := fill(hookedWriter{f, file})
	if err == nil {
		err = file.Chmod(perm)
	}
	if err == nil {
		err = f.syncFile(file)
	}
	if cerr := file.Close(); err == nil {
		err = cerr
	}
	return err
}

// hookedWriter shows each write to the hook.
type hookedWriter struct {
	fs   FS
	file *os.File
}

func (w hookedWriter) Write(p []byte) (n int, err error) {
	err = w.fs.apply(Effect{Op: OpWrite, Path: w.file.Name()}, func() error {
		n, err = w.file.Write(p)
		return err
	})
	return n, err
}

// discard removes a temporary file that is of no more use. Neither an error nor
// a crash here does harm: the name is hidden and RemoveTemps finds it again.
func (f FS) discard(temp string) {
	_ = f.apply(Effect{Op: OpRemove, Path: temp}, func() error { return os.Remove(temp) })
}

func (f FS) rename(oldPath, newPath string) error {
	return f.apply(Effect{Op: OpRename, Path: newPath, From: oldPath},
		func() error { return os.Rename(oldPath, newPath) })
}

func (f FS) link(oldPath, newPath string) error {
	return f.apply(Effect{Op: OpLink, Path: newPath, From: oldPath},
		func() error { return os.Link(oldPath, newPath) })
}

// SyncFile fsyncs the content of the file path, which somebody else wrote and
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
