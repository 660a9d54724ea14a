package doctor

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// ClockSynced asks adjtimex(2), which needs no rights to be read, but which a
// seccomp profile may forbid.
func ClockSynced() (bool, error) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return false, fmt.Errorf("adjtimex: %w", err)
	}
	return state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0, nil
}

// tryWatch makes an inotify watch of a directory and removes it again.
func tryWatch(dir string) (err error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		return fmt.Errorf("inotify_init: %w", err)
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_CREATE); err != nil {
		return fmt.Errorf("inotify_add_watch %s: %w", dir, err)
	}
	return nil
}
