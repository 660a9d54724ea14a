// Command benchpipeline measures the cost of `auditsidecar run` as a process: a
// real audit log is replayed through a directory, with kube-apiserver's own
// rotation moves, while the binary archives it to a local directory, streams it
// to a receiver on loopback that speaks Loki's push API, or does both.
//
//	go run ./hack/benchpipeline [-binary bin/auditsidecar] [-mb 130] [-rounds 3] [-rate 2000] [-steady 30s] [-input FILE]
//
// It prints CPU seconds per GB beside those of `zstd -1` over the same bytes,
// the share of a core at a steady rate, and the peak of memory, each with the bound that
// it must reach. Every line must have arrived in every run, or it fails.
//
// # Files
//
//	main.go         flags
//	bench.go        the order of the runs
//	stage.go        one run of the sidecar beside a writer
//	fluentbit.go    Fluent Bit
//	references.go   zstd and other references
//	report.go       the table
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options are the command line.
type options struct {
	binary string
	input  string
	mb     int
	rounds int
	rate   int
	steady time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "bin/auditsidecar", "the auditsidecar `file` to run")
	flag.StringVar(&o.input, "input", "", "an audit log to go round instead of the built-in one")
	flag.IntVar(&o.mb, "mb", 130, "size of the log for each figure of CPU per GB, in MB")
	flag.IntVar(&o.rounds, "rounds", 3, "runs of each kind, of which the median counts")
	flag.IntVar(&o.rate, "rate", 2000, "lines a second of the steady run")
	flag.DurationVar(&o.steady, "steady", 30*time.Second, "how long the steady run writes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := bench(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "benchpipeline:", err)
		stop()
		os.Exit(1)
	}
}
