// Command bench measures `auditsidecar convert` as a whole process beside others, on
// the same bytes in the same rounds: CPU seconds, also as multiples of `zstd -1`, peak
// memory, size, and the bytes that queries read. It prints the tables of each corpus,
// and the goals.
//
//	go run -pgo=cmd/auditsidecar/default.pgo ./hack/bench [-binary bin/auditsidecar] [-mb 100] [-rounds 5] [-input FILE] [-large=false]
//	go run -pgo=off -trimpath ./hack/bench -pgo FILE [-rounds 20]
//
// The second form compares nothing: it writes the profile that the compiler
// takes for the program (make pgo).
//
// There are two corpora of real audit logs (see internal/audittest) unless a file is
// given: the built-in one of -mb, which repeats logs with new values, and every real
// log once, with three times the rounds because it is short. The converter runs within
// this program as well, only for the profile of its stages. The npm packages go to the
// cache directory; comparisons whose npm or zstd is missing are left out.
//
// # Files
//
//	main.go      flags
//	bench.go     the corpora and the references
//	contest.go   the runs over one corpus
//	kinds.go     the inputs
//	input.go     inputs without repeated lines
//	stages.go    the measured stages
//	child.go     one stage as a process of its own
//	measure.go   CPU time and memory, medians
//	duckdb.go    DuckDB as reference
//	report.go    the tables
//	pgo.go       the profile for the compiler
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// childVerb starts a contender in place of the whole run.
const childVerb = "child"

// options are the command line.
type options struct {
	binary     string
	mb, rounds int
	input      string
	large      bool
	cache      string
	pgo        string // where the compiler's profile is written to
}

func main() {
	if len(os.Args) == 5 && os.Args[1] == childVerb {
		exit(child(os.Args[2], os.Args[3], os.Args[4]))
	}
	var o options
	flag.StringVar(&o.binary, "binary", "bin/auditsidecar", "the auditsidecar `file` to measure")
	flag.IntVar(&o.mb, "mb", 100, "size of the built-in corpus, in MB")
	flag.IntVar(&o.rounds, "rounds", 5, "runs of each contender; three times as many over the short corpus")
	flag.StringVar(&o.input, "input", "", "an audit log to use instead of both corpora")
	flag.BoolVar(&o.large, "large", true, "measure memory with files of 1 GB as well")
	flag.StringVar(&o.cache, "cache", filepath.Join(".cache", "bench"), "where tools are installed")
	flag.StringVar(&o.pgo, "pgo", "", "write a profile for the compiler to this file, and compare nothing")
	flag.Parse()
	exit(bench(o))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
