package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"runtime/pprof"

	"github.com/auditsidecar/auditsidecar/hack/bench/start"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// profileVariable names a file for the CPU profile of a child.
const profileVariable = "BENCH_CPUPROFILE"

// child is one contender in a process of its own, so that its CPU time and
// memory can be separated from everything else. Its cost to start is the first
// thing it prints: that of node is not counted either.
func child(verb, in, out string) (err error) {
	if err := start.Print(); err != nil {
		return err
	}
	if path := os.Getenv(profileVariable); path != "" {
		f, err := os.Create(path)
		if err != nil {
			return fmt.Errorf("profile: %w", err)
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return fmt.Errorf("profile: %w", err)
		}
		defer pprof.StopCPUProfile()
	}
	switch verb {
	case "convert":
		return convert(in, out, false)
	case "check":
		return convert(in, out, true)
	case "corpus", "once", "repeat", "distinct", "long":
		return makeInput(verb, in, out)
	default:
		return fmt.Errorf("unknown child %q", verb)
	}
}

// convert converts one file the way the program does.
func convert(in, out string, check bool) error {
	// The program's verbs set both, too.
	debug.SetMemoryLimit(192 << 20)
	debug.SetGCPercent(200)
	f, err := os.Open(in)
	if err != nil {
		return fmt.Errorf("open input: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("open input: %w", err)
	}
	ctx := context.Background()
	res, err := parquet.Convert(ctx, f, info.Size(), parquet.Config{
		Meta: parquet.Meta{Cluster: "bench", Node: "node", Epoch: "20260102T150405abcdef", Seq: 1, SourceName: "audit.log", Converter: "bench"},
		File: out,
	})
	if err != nil {
		return err
	}
	if !check {
		return nil
	}
	return parquet.Check(ctx, res)
}
