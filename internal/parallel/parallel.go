// Package parallel runs the work of a verb on several cores, with results in order.
//
//	var jobs parallel.Jobs
//	jobs.Register(cmd.Flags())
//	parallel.InOrder(ctx, jobs, len(files), convertOne, report)
package parallel

import (
	"context"
	"fmt"
	"runtime"

	"github.com/spf13/pflag"
)

const (
	// defaultJobs bounds the default of --jobs: a job takes some 40 MB at most, beside what all share.
	defaultJobs = 4
	maxJobs     = 64
)

// Jobs is how many files a verb works on at once: at least 1.
type Jobs int

// Register declares --jobs.
func (j *Jobs) Register(flags *pflag.FlagSet) {
	flags.IntVar((*int)(j), "jobs", min(runtime.GOMAXPROCS(0), defaultJobs), "files at once, each with up to 40 MB of memory")
	flags.Lookup("jobs").DefValue = fmt.Sprintf("processors, at most %d", defaultJobs)
}

// Validate checks the flag.
func (j *Jobs) Validate() error {
	if *j < 1 || *j > maxJobs {
		return fmt.Errorf("--jobs is %d: give 1 to %d", *j, maxJobs)
	}
	return nil
}

// InOrder makes n results, up to j at once, and passes them to take in order; it is never called
// by two goroutines. start is called in order, too, and returns the work. When ctx ends, nothing
// more is started, and take gets all that was. At most j results are made and not taken.
func InOrder[T any](ctx context.Context, j Jobs, n int, start func(i int) (work func() T), take func(T)) {
	begun := make(chan chan T, j-1)
	go func() {
		defer close(begun)
		for i := range n {
			result := make(chan T, 1)
			select {
			case <-ctx.Done():
				return
			case begun <- result:
			}
			work := start(i)
			go func() { result <- work() }()
		}
	}()
	for result := range begun {
		take(<-result)
	}
}
