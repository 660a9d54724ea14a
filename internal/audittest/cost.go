package audittest

import (
	"io"
	"math"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// CPUTime returns the CPU time that this process has used.
func CPUTime(tb testing.TB) time.Duration {
	tb.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// CheckCost fails the test if work takes more than limit times the CPU time of
// reference. It compares the least of several runs, and adds runs while the limit
// is exceeded, so a busy machine does not decide. No other test may run beside it.
func CheckCost(tb testing.TB, limit float64, reference, work func()) {
	tb.Helper()
	measure := func(f func()) time.Duration {
		before := CPUTime(tb)
		f()
		return CPUTime(tb) - before
	}
	base, cost := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
	for range 10 {
		for range 3 {
			base = min(base, measure(reference))
		}
		if cost = min(cost, measure(work)); float64(cost) <= limit*float64(base) {
			return
		}
	}
	tb.Errorf("%v of CPU time, more than %g times %v", cost, limit, base)
}

// ZstdTime returns the CPU time of compressing a file as `zstd -1` does: a unit in
// which costs are the same on every machine.
func ZstdTime(tb testing.TB, path string) time.Duration {
	tb.Helper()
	f, err := os.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	before := CPUTime(tb)
	z, err := zstd.NewWriter(io.Discard, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := z.ReadFrom(f); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return CPUTime(tb) - before
}
