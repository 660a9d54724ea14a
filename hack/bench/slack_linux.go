package main

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// timerSlack is what the program gives itself, see cmd/auditsidecar.
const timerSlack = 4 * time.Millisecond

// slackenTimers gives the calling thread, and all contenders that it starts,
// timers that may be late.
func slackenTimers() error {
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(timerSlack), 0, 0, 0); err != nil {
		return fmt.Errorf("set timer slack: %w", err)
	}
	return nil
}
