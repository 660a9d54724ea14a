// Command auditsidecar archives the audit log of a Kubernetes API server as
// Parquet and streams it to Loki. `auditsidecar --help` lists its verbs.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the linker: -ldflags "-X main.version=v1.2.3".
var version = "unknown"

func main() {
	slackenTimers(os.Args)
	limitMemory()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal the next one has its default effect: it kills.
	context.AfterFunc(ctx, stop)
	err := newRoot(version).ExecuteContext(ownProcess(ctx))
	if err != nil && !errors.Is(err, errFindings) {
		fmt.Fprintln(os.Stderr, "auditsidecar:", err)
	}
	os.Exit(exitCode(err))
}
