package durable

import (
	"errors"

	"golang.org/x/sys/unix"
)

// SyncError says that fsync of the file or directory Path failed.
type SyncError struct {
	Path string
	Err  error
}

// Error returns the message.
func (e *SyncError) Error() string { return "fsync " + e.Path + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *SyncError) Unwrap() error { return e.Err }

// IsFatal reports whether err means that the disk lost written data (EIO from
// fsync): bytes that the process believes to be stored may not be. It has to end; the
// next start recovers from the real state.
func IsFatal(err error) bool {
	var sync *SyncError
	return errors.As(err, &sync) && errors.Is(sync.Err, unix.EIO)
}

// IsDiskFull reports whether err means that the file system has no room left or
// the owner's quota is used up. The same call may be repeated later.
func IsDiskFull(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}
