//go:build e2e

package faults

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/s3/s3server"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// scenario is one fault while lines are written.
type scenario struct {
	name   string
	writer audittest.Config
	// onS3 archives to the S3 server, behind a network that can fail;
	// otherwise the archive is a directory.
	onS3 bool
	// dir makes the directory that everything is in; nil: a temporary one.
	dir func(*stage) string
	// args are more flags of `run`.
	args []string
	// gaps are the reasons of which one must be recorded, because the fault
	// destroys bytes that could not be kept. Empty: no line may be missing.
	gaps []string
	// shorter says that a finished file has fewer bytes than its increments,
	// which verify must find.
	shorter bool
	// anyOrder says that the order of the files in the archive cannot be
	// known: kube-apiserver's own names contradict it.
	anyOrder bool
	// memory is the most that the process may have, in bytes; 0: maxMemory.
	memory int64
	// run writes lines and makes the fault happen, with a sidecar running when
	// it returns.
	run func(*stage)
}

// full is the long form of the suite, as the issue asks for it.
func full() bool { return os.Getenv("FAULTS") == "full" }

// pick returns the length of the long form or of the short one.
func pick[T any](long, short T) T {
	if full() {
		return long
	}
	return short
}

func scenarios() []scenario {
	var all []scenario
	for _, some := range [][]scenario{writing(), killing(), archiveFaults(), storeFaults(), lokiFaults(), directoryFaults(), cutting(), damagedFiles(), stateFaults(), kernelFaults()} {
		all = append(all, some...)
	}
	return all
}

// report is the table, printed after everything else.
var report string

// TestFaults runs the scenarios beside each other and makes the table.
func TestFaults(t *testing.T) {
	begin := time.Now()
	server := s3server.Start(t)
	var mu sync.Mutex
	var rows []*outcome
	t.Run("of", func(t *testing.T) {
		for _, sc := range scenarios() {
			t.Run(sc.name, func(t *testing.T) {
				t.Parallel()
				row := &outcome{name: sc.name}
				mu.Lock()
				rows = append(rows, row)
				mu.Unlock()
				started := time.Now()
				defer func() { row.took = time.Since(started) }()
				s := newStage(t, sc, server, row)
				sc.run(s)
				s.settle()
				s.judge()
			})
		}
	})
	report = fmt.Sprintf("\n%s%d scenarios in %v\n\n", table(rows), len(rows), time.Since(begin).Round(time.Second))
}
