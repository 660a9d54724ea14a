// Package cli has the verbs of the program, one file each, named after the verb.
// A verb parses flags, calls a package, and prints.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
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
