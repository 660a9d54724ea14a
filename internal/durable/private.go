package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// ErrNotPrivate is found by errors.Is in the error of [FS.MkdirPrivate] when
// another user could have put something into the directory.
var ErrNotPrivate = errors.New("not a directory of this user alone")

// privateMode is the mode of a directory that holds state.
const privateMode fs.FileMode = 0o700

// MkdirPrivate makes the directory path, mode 0700, with all missing parents,
// and makes sure of it where it exists: files written below it must not go
// where another user wants them. A symbolic link, a directory of another user
// (but root) and one that group or others may write to are refused.
func (f FS) MkdirPrivate(path string) error {
	if err := f.MkdirAll(path, privateMode); err != nil {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("make sure of the directory: %w", err)
	}
	return private(path, info, os.Geteuid())
}

// private says why the user must not trust a directory, nil where it may.
func private(path string, info fs.FileInfo, user int) error {
	if info.Mode()&fs.ModeSymlink != 0 {
		return fmt.Errorf("%s is a symbolic link: %w; name the directory itself, and find out who made the link", path, ErrNotPrivate)
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is a file: %w", path, ErrNotPrivate)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s has mode %04o: %w; examine its files, then chmod go-w", path, info.Mode().Perm(), ErrNotPrivate)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != user && stat.Uid != 0 {
		return fmt.Errorf("%s belongs to user %d and this is user %d: %w; examine its files, then chown it", path, stat.Uid, user, ErrNotPrivate)
	}
	return nil
}
