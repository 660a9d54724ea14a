package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/auditsidecar/auditsidecar/hack/bench/goals"
)

// run is the cost of one process; cpu is 0 where it was not measured.
type run struct{ wall, cpu time.Duration }

// downloads names the runs of the reference.
const downloads = "download, 64 in flight"

func runName(verb string, cores int) string { return fmt.Sprintf("%s, %d", verb, cores) }

// run runs the binary on a number of cores, 0 for as many as it takes, and keeps its peak memory
// under a name.
func (b *bench) run(name string, cores int, args ...string) (run, error) {
	cmd := exec.Command(b.binary, args...)
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x")
	if cores > 0 {
		cmd.Env = append(cmd.Env, fmt.Sprintf("GOMAXPROCS=%d", cores))
		if b.jobs[args[0]] {
			cmd.Args = append(cmd.Args, fmt.Sprintf("--jobs=%d", cores))
		}
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		return run{}, fmt.Errorf("%s: %w: %s", args[0], err, errs.Bytes())
	}
	r := run{wall: time.Since(begin), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if use, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok && name != "" {
		b.peaks[name] = max(b.peaks[name], use.Maxrss<<10)
	}
	return r, nil
}

// ratio is the median over the rounds of a's time to that of c.
func (b *bench) ratio(a, c string) float64 {
	var all []float64
	for i, r := range b.runs[a] {
		all = append(all, r.wall.Seconds()/b.runs[c][i].wall.Seconds())
	}
	slices.Sort(all)
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}

// report prints the times of all rounds, then the goals.
func (b *bench) report() error {
	fmt.Printf("\n%-28s %s\n", "run, cores", "time (CPU) of each round, s")
	for _, name := range slices.Sorted(maps.Keys(b.runs)) {
		var line strings.Builder
		for _, r := range b.runs[name] {
			cpu := "-"
			if r.cpu > 0 {
				cpu = fmt.Sprintf("%.2f", r.cpu.Seconds())
			}
			fmt.Fprintf(&line, "  %.2f (%s)", r.wall.Seconds(), cpu)
		}
		fmt.Printf("%-28s%s\n", name, line.String())
	}
	var all []goals.Goal
	for _, name := range []string{"convert", "restore", "verify --deep"} {
		all = append(all, goals.Goal{Name: name + ", two cores", Figure: b.ratio(runName(name, 1), runName(name, 2)), Unit: "x",
			Reference: "one core", AtLeast: true, Goal: 1.6, Aim: 1.6})
	}
	all = append(all, goals.Goal{Name: "restore at 40 ms, two cores", Figure: b.ratio(runName("restore at 40 ms", 2), downloads), Unit: "x",
		Reference: downloads, Goal: 1.2, Aim: 1.2})
	for _, name := range slices.Sorted(maps.Keys(b.peaks)) {
		all = append(all, goals.Goal{Name: "peak memory, " + name, Figure: float64(b.peaks[name]) / 1e6, Unit: "MB",
			Reference: "limit of a verb", Goal: 256, Aim: 256})
	}
	goals.Print(os.Stdout, all)
	return nil
}
