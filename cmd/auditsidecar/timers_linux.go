package main

import (
	"context"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// timerSlack is how much later than asked for the kernel may wake a thread of
// run and convert. The default of 50 µs lets the Go runtime's monitor wake up to 13,000
// times a second while there is work, beside the thread that does it: 8 % of
// the CPU time of streaming, and nearly 3 % of a conversion. Nothing is in such
// a hurry.
const timerSlack = 4 * time.Millisecond

// slackened in the environment says that the process has begun again.
const slackened = "_AUDITSIDECAR_TIMER_SLACK"

// slackenTimers gives all threads of the process that slack. A thread has it
// from the one that started it, and the monitor is there before main: so the
// program begins again in the same process, which keeps what was set
// (prctl(2)). That takes as long as to convert 2 MB. Where it is not to be had, the
// process goes on as it is; so it does where others run in it, or it is to stop.
func slackenTimers(ctx context.Context) {
	if !ownsProcess(ctx) || ctx.Err() != nil {
		return
	}
	if os.Getenv(slackened) != "" {
		_ = os.Unsetenv(slackened) // fails for names that are none
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var files syscall.Rlimit
	self, err := os.Executable()
	if err != nil || syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files) != nil ||
		ownTimerSlack() >= timerSlack || unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(timerSlack), 0, 0, 0) != nil {
		return
	}
	_ = syscall.Exec(self, os.Args, append(os.Environ(), slackened+"=1"))
	// It returns where it is forbidden. Then all is as it was: this thread has
	// the default again, and the process as many files as Go had allowed it.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0)
	_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &files)
}

// ownTimerSlack is what the calling thread has.
func ownTimerSlack() time.Duration {
	ns, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil {
		return 0
	}
	return time.Duration(ns)
}
