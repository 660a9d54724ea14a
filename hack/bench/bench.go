package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// session is the state of one run of the bench.
type session struct {
	options
	self  string // this program
	ref   string // the program with encoding/json
	dir   string // of inputs and outputs; removed at the end
	input string
	size  int64 // of the input, bytes

	ours, checked, json, zstd, plain, sorted series
	duckdb                                   *duckdb
	lines, rawLines                          int64
	profiles                                 []string
}

func bench(o options) (err error) {
	s := &session{options: o}
	if s.self, err = os.Executable(); err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	if s.cache, err = filepath.Abs(o.cache); err != nil {
		return fmt.Errorf("find cache: %w", err)
	}
	if s.dir, err = os.MkdirTemp("", "auditsidecar-bench-*"); err != nil {
		return fmt.Errorf("make work directory: %w", err)
	}
	defer os.RemoveAll(s.dir)
	if err := s.prepare(); err != nil {
		return err
	}
	if o.pgo != "" {
		return s.writeProfile()
	}
	for i := range o.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", i+1, o.rounds)
		if err := s.round(i); err != nil {
			return err
		}
	}
	return s.report()
}

// prepare makes the input and looks for the references.
func (s *session) prepare() error {
	s.input = s.options.input
	if s.input == "" {
		s.input = filepath.Join(s.dir, "audit.log")
		if err := s.make("corpus", strconv.Itoa(s.mb), s.input); err != nil {
			return err
		}
	}
	info, err := os.Stat(s.input)
	if err != nil {
		return fmt.Errorf("find input: %w", err)
	}
	s.size = info.Size()
	if s.pgo != "" {
		return nil
	}
	s.ref = filepath.Join(s.dir, "jsonref")
	build := exec.Command("go", "build", "-pgo=off", "-o", s.ref, "github.com/auditsidecar/auditsidecar/hack/bench/jsonref")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build reference: %w: %s", err, out)
	}
	if s.duckdb, err = installDuckDB(s.cache); err != nil {
		fmt.Fprintln(os.Stderr, "without DuckDB:", err)
	}
	if _, err := exec.LookPath("zstd"); err != nil {
		fmt.Fprintln(os.Stderr, "without zstd: the command is not installed")
	} else {
		s.zstd.name = "zstd -1 -T1"
	}
	return nil
}

// make writes an input in a process of its own: the memory of this one would
// count as that of every process it starts.
func (s *session) make(kind, from, path string) error {
	_, _, err := run(nil, s.self, childVerb, kind, from, path)
	return err
}

// round runs every contender once.
func (s *session) round(n int) error {
	ours := func(series *series, verb string) error {
		return s.contend(series, verb, func(out string) (usage, error) {
			u, answer, err := run(nil, s.self, childVerb, verb, s.input, out)
			return u.sinceStart(answer, err, &s.lines, &s.rawLines)
		})
	}
	profile := filepath.Join(s.dir, "profile"+strconv.Itoa(n))
	if _, _, err := run([]string{profileVariable + "=" + profile}, s.self, childVerb, "convert", s.input, s.output("convert")); err != nil {
		return err
	}
	s.profiles = append(s.profiles, profile)
	if err := ours(&s.ours, "convert"); err != nil {
		return err
	}
	if s.duckdb != nil {
		if err := s.contend(&s.plain, "DuckDB", func(out string) (usage, error) { return s.duckdb.copyTo(s.input, out, "plain") }); err != nil {
			return err
		}
	}
	if s.zstd.name != "" {
		err := s.contend(&s.zstd, s.zstd.name, func(out string) (usage, error) {
			u, _, err := run(nil, "zstd", "-q", "-1", "-T1", "-f", s.input, "-o", out)
			return u, err
		})
		if err != nil {
			return err
		}
	}
	if err := ours(&s.checked, "check"); err != nil {
		return err
	}
	if s.duckdb != nil {
		if err := s.contend(&s.sorted, "DuckDB sorted", func(out string) (usage, error) { return s.duckdb.copyTo(s.input, out, "sorted") }); err != nil {
			return err
		}
	}
	return s.contend(&s.json, "json", func(out string) (usage, error) {
		u, answer, err := run(nil, s.ref, s.input, out)
		return u.sinceStart(answer, err)
	})
}

// contend runs one contender and notes its cost.
func (s *session) contend(series *series, name string, f func(out string) (usage, error)) error {
	series.name = name
	out := s.output(name)
	u, err := f(out)
	if err != nil {
		return err
	}
	info, err := os.Stat(out)
	if err != nil {
		return fmt.Errorf("measure output: %w", err)
	}
	series.cpu = append(series.cpu, u.cpu)
	series.rss = max(series.rss, u.rss)
	series.size = info.Size()
	return nil
}

func (s *session) output(name string) string {
	return filepath.Join(s.dir, strings.ReplaceAll(name, " ", "-")+".out")
}
