package durable

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrLocked is found by errors.Is in the error of [Lock] when another process
// holds the lock.
var ErrLocked = errors.New("the lock is taken")

// LockFile is a lock that this process holds, until Close or the end of the
// process, however it ends.
type LockFile struct{ file *os.File }

// maxHolder bounds the part read of a lock file, in bytes.
const maxHolder = 256

// Lock takes the exclusive advisory lock (flock(2)) on the file path without waiting, and makes
// the file where it is missing. Whoever can open a file can lock it, so it has mode 0600 in the
// end; a symbolic link and the file of another user are refused ([ErrNotPrivate]), and its
// directory should be one of [FS.MkdirPrivate]. If it is held, the error is an [ErrLocked]
// that names the holder.
// The holder's process ID and host name are written into the file for the message; the lock
// itself does not depend on them, so a full disk cannot prevent it. The file is never removed:
// removing it would let two processes hold two files of one name.
func Lock(path string) (*LockFile, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("lock: %s is a symbolic link: %w; find out who made it, and remove it", path, ErrNotPrivate)
	}
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := closeToOthers(file); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := flock(file); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	writeHolder(file)
	return &LockFile{file: file}, nil
}

// closeToOthers makes sure that no other user can open a file.
func closeToOthers(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !info.Mode().IsRegular() || ok && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s is not a file of this user: %w; find out who made it, and remove it", file.Name(), ErrNotPrivate)
	}
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return file.Chmod(0o600)
}

func flock(file *os.File) error {
	err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		holder, _ := io.ReadAll(io.LimitReader(file, maxHolder))
		return fmt.Errorf("held by %s: %w", cmp.Or(string(holder), "another process"), ErrLocked)
	}
	return err
}

func writeHolder(file *os.File) {
	host, _ := os.Hostname()
	text := fmt.Sprintf("pid %d on %s", os.Getpid(), host)
	if err := file.Truncate(0); err == nil {
		_, _ = file.WriteAt([]byte(text), 0)
	}
}

// Close releases the lock.
func (l *LockFile) Close() error {
	// It would name the wrong process if the next holder could not write.
	_ = l.file.Truncate(0)
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("unlock %s: %w", l.file.Name(), err)
	}
	return nil
}
