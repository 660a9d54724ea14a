// Command benchpipeline measures the cost of `auditsidecar run` as a process: a
// real audit log is replayed through a directory, with kube-apiserver's own
// rotation moves, while the binary archives it to a local directory, streams it
// to a receiver on loopback that speaks Loki's push API, or does both.
//
//	go run ./hack/benchpipeline [-binary bin/auditsidecar] [-mb 130] [-rotate 20] [-rounds 3] [-rate 2000] [-steady 30s] [-input FILE]
//	go run ./hack/benchpipeline -build
//	go run ./hack/benchpipeline -profile FILE
//
// There are two corpora of real audit logs (see internal/audittest): the built-in one of
// -mb, which goes round a log, and every real log once, with three times the rounds
// because it is short; or a file that is given, once. Every line must have arrived in
// every run, or it fails.
//
// It prints CPU seconds per GB beside those of `zstd -1` over the same bytes in the same
// round, the share of a core at a steady rate, the cost of a day that follows, the peak
// of memory, and the goals. Other programs that follow a file stream the same lines to
// the same sink as auditsidecar: those that -fluent-bit, -vector and -otelcol name or
// that are on the PATH, and the collector that -build has built. The sink is the Loki
// that -build has built, or else a receiver on loopback that counts.
//
// # Files
//
//	main.go         flags
//	bench.go        the corpora and the order of the runs
//	stage.go        one run of the sidecar beside a writer
//	references.go   zstd and other programs on the same lines
//	peers.go        the other programs and their configuration
//	sink.go         the receiver that counts
//	loki.go         a real Loki as the sink
//	profile.go      a CPU profile of the steady run
//	cpu.go          CPU time and memory of a process
//	report.go       the tables
//	otelcol         an OpenTelemetry Collector, a module of its own
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
	rotate int // MiB
	rounds int
	rate   int
	steady time.Duration
	build  bool
	peers  bool

	profile                    string // written instead of a report
	fluentBit, vector, otelcol string // paths
}

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "bin/auditsidecar", "the auditsidecar `file` to run")
	flag.StringVar(&o.input, "input", "", "an audit log to write once instead of both corpora")
	flag.IntVar(&o.mb, "mb", 130, "size of the built-in corpus, in MB")
	flag.IntVar(&o.rotate, "rotate", 20, "size at which the log is rotated at full speed, in MiB")
	flag.IntVar(&o.rounds, "rounds", 3, "runs of each kind; three times as many over the short corpus")
	flag.IntVar(&o.rate, "rate", 2000, "lines a second of the steady run")
	flag.DurationVar(&o.steady, "steady", 30*time.Second, "how long the steady run writes; 0: no steady run")
	flag.BoolVar(&o.build, "build", false, "build the collector and Loki for the comparison (minutes), and measure nothing")
	flag.BoolVar(&o.peers, "peers", true, "compare with other programs")
	flag.StringVar(&o.profile, "profile", "", "write a CPU profile of the steady run to this `file`, and measure nothing else")
	flag.StringVar(&o.fluentBit, "fluent-bit", "", "`path` of Fluent Bit")
	flag.StringVar(&o.vector, "vector", "", "`path` of Vector")
	flag.StringVar(&o.otelcol, "otelcol", "", "`path` of an OpenTelemetry Collector with file_log and otlp_http")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := bench(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "benchpipeline:", err)
		stop()
		os.Exit(1)
	}
}
