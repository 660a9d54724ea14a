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

// ErrKeyFile is found by errors.Is in the error of [ReadKeyFile] for a file that exists and cannot be a key, or that
// others may have read.
var ErrKeyFile = errors.New("unusable key file")

// maxKeyFile is more than any key file has.
const maxKeyFile = 1 << 20

// ReadKeyFile reads a file with a key; only this user may be able to read a secret one.
func ReadKeyFile(path string, secret bool) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > maxKeyFile:
		return nil, fmt.Errorf("%w: %s is no regular file of at most %d bytes", ErrKeyFile, path, maxKeyFile)
	case secret && !Secret(info, os.Geteuid(), os.Getegid()):
		return nil, fmt.Errorf("%w: %s has mode %04o, so that others may read or write it: chmod 0600, or make a new one if they should not have it", ErrKeyFile, path, info.Mode().Perm())
	}
	return os.ReadFile(path)
}

// Secret says whether a file can be read by its owner alone, or by a user and group without root's rights that read
// root's file by the group alone: files of a Kubernetes Secret in a pod with fsGroup are root's, mode 0640.
func Secret(info fs.FileInfo, user, group int) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	mode := info.Mode().Perm()
	return mode&0o077 == 0 || mode&0o037 == 0 && ok && user != 0 && stat.Uid == 0 && int(stat.Gid) == group
}
