package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
)

// usage is the cost of one run of a process.
type usage struct {
	cpu float64 // seconds, user and system
	rss int64   // peak, bytes
}

// sinceStart reads the figures that a program of ours has printed, the CPU time of its own
// start before all else, and takes that off.
func (u usage) sinceStart(answer []byte, err error, more ...any) (usage, error) {
	if err != nil {
		return u, err
	}
	var start float64
	_, err = fmt.Sscan(string(answer), append([]any{&start}, more...)...)
	u.cpu -= start
	return u, err
}

// run runs a program as a user does, on whatever cores it takes, and measures the
// whole process. Its standard output is returned.
func run(env []string, name string, args ...string) (usage, []byte, error) {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return usage{}, nil, fmt.Errorf("run %v: %w: %s", args, err, errs.Bytes())
	}
	ru, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return usage{}, nil, fmt.Errorf("run %s: no resource usage on this system", name)
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return usage{cpu: cpu.Seconds(), rss: ru.Maxrss << 10}, out.Bytes(), nil
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	switch n := len(v); {
	case n == 0:
		return 0
	case n%2 == 1:
		return v[n/2]
	default:
		return (v[n/2-1] + v[n/2]) / 2
	}
}

// series are the runs of one contender.
type series struct {
	cpu  []float64
	rss  int64
	size int64 // of its output
}

// ratio is the median over rounds of a's CPU time to b's.
func ratio(a, b *series) float64 {
	var all []float64
	for i := range min(len(a.cpu), len(b.cpu)) {
		all = append(all, a.cpu[i]/b.cpu[i])
	}
	return median(all)
}
