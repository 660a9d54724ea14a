// Command bencharchive measures the verbs that read and write whole archives, as processes:
// convert of several files, restore, verify and verify --deep, on one and two cores, from disk and
// from a stand-in of S3 that answers each request after 40 ms. It prints each figure beside its
// goal, and the peak memory of every run.
//
//	go run ./hack/bencharchive -binary bin/auditsidecar [-files 8] [-size 24] [-rounds 3]
//
// The input is real logs of internal/audittest, renewed by hack/bench/renew. Each round runs
// everything; a figure is the median of its ratios over the rounds, so that load on the machine
// meets both of a pair. The stand-in runs in this process, on the same cores. Linux counts the
// memory of this process in the peak of its children: a peak near 40 MB is an upper bound.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/auditsidecar/auditsidecar/hack/bench/renew"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

func main() {
	var b bench
	flag.StringVar(&b.binary, "binary", "bin/auditsidecar", "the auditsidecar to run")
	flag.IntVar(&b.files, "files", 8, "files of the archive")
	size := flag.Int64("size", 24, "MB of a file")
	rounds := flag.Int("rounds", 3, "rounds")
	flag.Parse()
	if err := b.main(*size*1e6, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bencharchive:", err)
		os.Exit(1)
	}
}

// bench is a directory with input and archive, and the runs over them.
type bench struct {
	binary  string
	files   int
	dir     string
	logs    []string
	archive string
	server  *standIn
	jobs    map[string]bool // verbs that take --jobs
	runs    map[string][]run
	peaks   map[string]int64 // bytes, by verb
}

func (b *bench) main(size int64, rounds int) error {
	dir, err := os.MkdirTemp("", "bencharchive")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b.dir, b.archive = dir, filepath.Join(dir, "archive")
	b.jobs, b.runs, b.peaks = map[string]bool{}, map[string][]run{}, map[string]int64{}
	for _, verb := range []string{"convert", "restore", "verify"} {
		help, err := exec.Command(b.binary, verb, "--help").Output()
		if err != nil {
			return fmt.Errorf("%s --help: %w", verb, err)
		}
		if b.jobs[verb] = bytes.Contains(help, []byte("--jobs")); !b.jobs[verb] {
			fmt.Printf("%s has no --jobs: GOMAXPROCS alone sets its cores\n", verb)
		}
	}
	if err := b.fill(size); err != nil {
		return err
	}
	if b.server, err = newStandIn(b.archive, 40*time.Millisecond); err != nil {
		return err
	}
	defer b.server.Close()
	for i := range rounds {
		if err := b.round(); err != nil {
			return err
		}
		load, _ := os.ReadFile("/proc/loadavg") // for the reader of the table only
		fmt.Printf("round %d of %d, load %s", i+1, rounds, load)
	}
	return b.report()
}

// fill writes the logs and archives them with run --once.
func (b *bench) fill(size int64) error {
	logs := filepath.Join(b.dir, "logs")
	if err := os.Mkdir(logs, 0o700); err != nil {
		return err
	}
	corpus, err := audittest.ReadCorpus("rotated.log")
	if err != nil {
		return err
	}
	lines := renew.New()
	at := time.Now().UTC().Add(-time.Duration(b.files+1) * time.Hour)
	for i := range b.files {
		name := "audit-" + at.Add(time.Duration(i)*time.Hour).Format("2006-01-02T15-04-05.000") + ".log"
		b.logs = append(b.logs, filepath.Join(logs, name))
		if err := write(b.logs[i], lines, corpus, size); err != nil {
			return err
		}
	}
	_, err = b.run("", 0, "run", "--once", "--audit-log-path", filepath.Join(logs, "audit.log"), "--archive-url", "file://"+b.archive,
		"--cluster", "bench", "--node", "cp-1")
	return err
}

// write writes whole rounds of the corpus, at least size bytes.
func write(path string, lines *renew.Lines, corpus []byte, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	var written int64
	for written < size && err == nil {
		for line := range bytes.Lines(corpus) {
			n, _ := w.Write(lines.Line(line)) // Flush has its error
			if written += int64(n); written >= size {
				break
			}
		}
		lines.Round++
	}
	return errors.Join(w.Flush(), f.Close())
}

// round runs everything once, on one core and on two.
func (b *bench) round() error {
	remote := []string{"s3://" + bucketName, "--s3-endpoint", b.server.URL, "--s3-region", "us-east-1", "--s3-path-style"}
	for cores := 1; cores <= 2; cores++ {
		out := filepath.Join(b.dir, "out")
		for _, v := range []struct {
			name string
			args []string
		}{
			{"convert", append(append([]string{"convert"}, b.logs...), "--out", out, "--cluster", "bench", "--node", "cp-1")},
			{"restore", []string{"restore", b.archive, "--out", out}},
			{"restore at 40 ms", append(append([]string{"restore"}, remote...), "--out", out)},
			{"verify", []string{"verify", b.archive}},
			{"verify at 40 ms", append([]string{"verify"}, remote...)},
			{"verify --deep", []string{"verify", b.archive, "--deep"}},
			{"verify --deep at 40 ms", append(append([]string{"verify"}, remote...), "--deep")},
		} {
			r, err := b.run(v.name, cores, v.args...)
			if err := errors.Join(err, os.RemoveAll(out)); err != nil {
				return err
			}
			key := runName(v.name, cores)
			b.runs[key] = append(b.runs[key], r)
		}
	}
	took, err := b.server.download()
	b.runs[downloads] = append(b.runs[downloads], run{wall: took})
	return err
}
