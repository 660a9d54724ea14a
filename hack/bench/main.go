// Command bench measures the converter beside others on the same bytes, in the
// same run and on one core: CPU seconds, peak memory, size, and the bytes that queries
// read. It prints a table, and the bound of each figure.
//
//	go run -pgo=cmd/auditsidecar/default.pgo ./hack/bench [-mb 100] [-rounds 5] [-input FILE] [-large=false]
//	go run -pgo=off -trimpath ./hack/bench -pgo FILE [-rounds 20]
//
// The second form compares nothing: it writes the profile that the compiler
// takes for the program (make pgo).
//
// The input is made of real audit logs (see internal/audittest) unless one is
// given. Its npm packages go to the cache directory; where npm or zstd
// is missing, those comparisons are left out and said to be.
//
// # Files
//
//	main.go      flags
//	bench.go     the order of the runs
//	kinds.go     the inputs
//	input.go     inputs without repeated lines
//	stages.go    the measured stages
//	child.go     one stage as a process of its own
//	measure.go   CPU time and memory, medians
//	duckdb.go    DuckDB as reference
//	report.go    the table
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
	flag.IntVar(&o.mb, "mb", 100, "size of the input, in MB")
	flag.IntVar(&o.rounds, "rounds", 5, "runs of each contender")
	flag.StringVar(&o.input, "input", "", "an audit log to use instead of the built-in ones")
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
