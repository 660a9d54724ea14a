package main

import (
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// timerSlack is how much later than asked for the kernel may wake a thread of
// run. The default of 50 µs lets the Go runtime's monitor wake 10,000 times a
// second while there is work, beside the thread that does it: a tenth of the
// CPU time of streaming. Nothing of run is in such a hurry.
const timerSlack = 4 * time.Millisecond

// slackened in the environment says that the process has begun again.
const slackened = "_AUDITSIDECAR_TIMER_SLACK"

// slackenTimers gives all threads of the process that slack. A thread has it
// from the one that started it, and the monitor is there before main: so the
// program begins again in the same process, which keeps what was set
// (prctl(2)). Where that is not to be had, the process goes on as it is.
func slackenTimers() {
	if os.Getenv(slackened) != "" {
		_ = os.Unsetenv(slackened) // fails for names that are none
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	self, err := os.Executable()
	if err != nil || ownTimerSlack() >= timerSlack || unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(timerSlack), 0, 0, 0) != nil {
		return
	}
	_ = syscall.Exec(self, os.Args, append(os.Environ(), slackened+"=1")) // returns where it is forbidden
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0)                    // back to the default: this thread is as the others
}

// ownTimerSlack is what the calling thread has.
func ownTimerSlack() time.Duration {
	ns, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil {
		return 0
	}
	return time.Duration(ns)
}
