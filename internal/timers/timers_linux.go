package timers

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Slacken gives the calling thread, and those that it starts from now on, the
// timer slack [Slack]. It is kept over an exec (prctl(2), PR_SET_TIMERSLACK).
func Slacken() error { return set(uintptr(Slack)) }

// Reset gives the calling thread the slack that its process began with.
func Reset() error { return set(0) }

func set(ns uintptr) error {
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, ns, 0, 0, 0); err != nil {
		return fmt.Errorf("set timer slack: %w", err)
	}
	return nil
}

// Own is the timer slack of the calling thread, 0 where that cannot be told.
func Own() time.Duration {
	ns, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil {
		return 0
	}
	return time.Duration(ns)
}
