// Package cli has the verbs of the program, one file each, named after the verb.
// A verb parses flags, calls a package, and prints.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
)

// Main runs the program with the arguments of the process and returns its exit
// code. The first signal ends the verb in order, the second one kills.
func Main(version string) int {
	limitMemory()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	err := newRoot(version, true).ExecuteContext(ctx)
	if err != nil && !errors.Is(err, errFindings) {
		fmt.Fprintln(os.Stderr, "auditsidecar:", err)
	}
	return exitCode(err)
}

// memoryLimit is what the Go runtime tries to stay below with its own memory.
// The resident memory of the process is to stay below 64 MiB. The mapped parts
// of the program are some 22 MiB of that, and a long line, which is held whole
// once, may take the heap a little beyond the limit.
const memoryLimit = 36 << 20

// gcPercent is how much the heap may grow before garbage is collected, as far
// as the limit lets it. The stream needs some 3 MiB and makes little garbage but
// its pushes: to collect it each time the heap has doubled took 5 % of its CPU
// time.
const gcPercent = 200

// limitMemory sets both, unless the environment has set them, and keeps the
// runtime from noting who allocates.
func limitMemory() {
	runtime.MemProfileRate = 0
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// limitProcessors keeps run to one core at a time, unless the environment says
// otherwise: the others are kube-apiserver's and etcd's, and one is enough for
// more than 50 MB of log a second. It also saves a tenth of
// the CPU time, which the runtime's threads took to wake and to wait for each
// other.
func limitProcessors() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
}

// profileMemory has the runtime note who allocates from now on, a sample every
// 512 KiB, for --admin-pprof.
func profileMemory() { runtime.MemProfileRate = 512 << 10 }

// verbMemory is the limit of verbs that read an archive: they do not run beside
// kube-apiserver.
const verbMemory = 192 << 20

// allowMemory raises the limit, unless the environment has set it.
func allowMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(verbMemory)
	}
}
