package cli

import (
	"os"
	"runtime"
	"syscall"

	"github.com/auditsidecar/auditsidecar/internal/timers"
)

// slackened in the environment says that the process has begun again.
const slackened = "_AUDITSIDECAR_TIMER_SLACK"

// slackenTimers gives all threads of the process timers that may be late, for the
// verbs that work long. A thread has its slack from the one that started it, and
// the runtime's monitor is there before main: so the program begins again in the
// same process, which keeps what was set. That takes as long as to convert 2 MB,
// and must be before signals are caught, or one that came meanwhile would be
// forgotten. Where it is not to be had, the process goes on as it is.
func slackenTimers(args []string) {
	if len(args) < 2 || args[1] != "run" && args[1] != "convert" {
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
		timers.Own() >= timers.Slack || timers.Slacken() != nil {
		return
	}
	_ = syscall.Exec(self, os.Args, append(os.Environ(), slackened+"=1"))
	// It returns where it is forbidden. Then all is as it was: this thread has
	// the default again, and the process as many files as Go had allowed it.
	_ = timers.Reset()
	_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &files)
}
