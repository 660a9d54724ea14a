// Command benchwriter measures whether kube-apiserver's logger is slower because of a sidecar: one
// goroutine writes lines of a real audit log at a rate, each with a write(2) of its own, with rotations,
// as the logger of kube-apiserver does. It does so with and without `auditsidecar run` beside it, in
// alternating order, and prints the percentiles of the time that a write takes and their ratios.
//
//	go run ./hack/benchwriter [-binary bin/auditsidecar] [-rate 500] [-for 10s] [-pairs 5] [-pin 1] [-watch]
//
// The sidecar archives to a directory on the same disk and streams to a process that accepts all.
// With -watch no sidecar runs: an inotify watch on the directory, whose events are read and dropped, shows
// how much of the difference is the kernel's.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// sinkVariable makes the process the sink: it has the address to listen on.
const sinkVariable = "BENCHWRITER_SINK"

type options struct {
	binary, dir, pin string
	rate, pairs      int
	length           time.Duration
	watch            bool
}

func main() {
	if addr := os.Getenv(sinkVariable); addr != "" {
		fmt.Fprintln(os.Stderr, sink(addr))
		os.Exit(1)
	}
	var o options
	flag.StringVar(&o.binary, "binary", "bin/auditsidecar", "the auditsidecar `file` to run")
	flag.StringVar(&o.dir, "dir", "", "the `directory` for the log and the archive; default: a temporary one")
	flag.StringVar(&o.pin, "pin", "", "the `CPUs` that the sidecar may use, as taskset takes them")
	flag.IntVar(&o.rate, "rate", 500, "lines a second")
	flag.IntVar(&o.pairs, "pairs", 5, "runs without and with a sidecar")
	flag.DurationVar(&o.length, "for", 10*time.Second, "length of a run")
	flag.BoolVar(&o.watch, "watch", false, "watch the directory instead of running a sidecar")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := bench(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "benchwriter:", err)
		stop()
		os.Exit(1)
	}
}

// sink accepts all that is pushed.
func sink(addr string) error {
	return http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusNoContent)
	}))
}

const sinkAddress = "127.0.0.1:39477"

func bench(ctx context.Context, o options) (err error) {
	content, err := audittest.ReadCorpus("rotated.log")
	if err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = append(os.Environ(), sinkVariable+"="+sinkAddress)
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}()
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Printf("%d lines a second, %v a run, %d pairs; load %s", o.rate, o.length, o.pairs, load)
	fmt.Println("   p50 without    with  ratio    p99 without    with  ratio")
	var ratios [2][]float64
	for pair := range o.pairs {
		var times [2][]time.Duration
		for i := range 2 {
			with := (i + pair) % 2 // one time it is first, one time second
			if times[with], err = run(ctx, o, content, with == 1); err != nil {
				return err
			}
		}
		for i, p := range []float64{0.5, 0.99} {
			a, b := percentile(times[0], p), percentile(times[1], p)
			ratios[i] = append(ratios[i], float64(b)/float64(a))
			fmt.Printf("   %11v %7v  %5.2f ", a.Round(100*time.Nanosecond), b.Round(100*time.Nanosecond), float64(b)/float64(a))
		}
		fmt.Println()
	}
	fmt.Printf("median ratio: p50 %.2f, p99 %.2f\n", median(ratios[0]), median(ratios[1]))
	return nil
}

// run writes for a while, with a sidecar or without, and returns the times that the writes took.
func run(ctx context.Context, o options, content []byte, with bool) (times []time.Duration, err error) {
	dir, err := os.MkdirTemp(o.dir, "benchwriter-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	log := filepath.Join(dir, "audit", "audit.log")
	if err := os.Mkdir(filepath.Dir(log), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if with && o.watch {
		w, err := fsnotify.NewWatcher()
		if err != nil {
			return nil, err
		}
		defer func() { _ = w.Close() }()
		go func() {
			for range w.Events {
			}
		}()
		if err := w.Add(filepath.Dir(log)); err != nil {
			return nil, err
		}
	} else if with {
		p, err := sidecar.Start(sidecar.Config{Binary: o.binary, Args: []string{"--audit-log-path", log, "--archive-url", "file://" + filepath.Join(dir, "archive"),
			"--cluster", "bench", "--node", "cp1", "--loki-url", "http://" + sinkAddress}})
		if err != nil {
			return nil, err
		}
		defer p.Kill()
		if o.pin != "" {
			if out, err := exec.CommandContext(ctx, "taskset", "-a", "-cp", o.pin, strconv.Itoa(p.PID())).CombinedOutput(); err != nil {
				return nil, fmt.Errorf("taskset: %w: %s", err, out)
			}
		}
		if _, err := p.WaitReady(ctx, true); err != nil {
			return nil, err
		}
	}
	begin, rotated, n := time.Now(), time.Now(), 0
	for line := range audittest.Fresh(content, int(float64(o.rate)*o.length.Seconds())) {
		due := begin.Add(time.Duration(n) * time.Second / time.Duration(o.rate))
		time.Sleep(time.Until(due))
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if time.Since(rotated) > o.length/3 {
			rotated = time.Now()
			if f, err = rotate(f, log); err != nil {
				return nil, err
			}
		}
		line = append(line, '\n')
		start := time.Now()
		if _, err := f.Write(line); err != nil {
			return nil, err
		}
		times = append(times, time.Since(start))
		n++
	}
	return times, nil
}

// rotate makes the moves of kube-apiserver.
func rotate(f *os.File, log string) (*os.File, error) {
	backup := strings.TrimSuffix(log, ".log") + "-" + time.Now().UTC().Format("2006-01-02T15-04-05.000") + ".log"
	if err := cmp.Or(f.Close(), os.Rename(log, backup)); err != nil {
		return f, err
	}
	return os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
}

func percentile(times []time.Duration, p float64) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[int(p*float64(len(sorted)-1))]
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}
