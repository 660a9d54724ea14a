package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/auditsidecar/auditsidecar/hack/bench/goals"
)

// session is the state of one run of the bench.
type session struct {
	options
	self    string // this program
	ref     string // the program with encoding/json
	zstd    string // empty if it is not installed
	dir     string // of inputs and outputs; removed at the end
	duckdb  *duckdb
	corpora []*contest
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
	defer func() { err = errors.Join(err, os.RemoveAll(s.dir)) }()
	if err := s.inputs(); err != nil {
		return err
	}
	if o.pgo != "" {
		return s.writeProfile()
	}
	if err := s.references(); err != nil {
		return err
	}
	for _, c := range s.corpora {
		if err := c.run(); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return s.report(os.Stdout)
}

// inputs makes the corpora: the built-in one, gone round, and every real log
// once; or the file that is given.
func (s *session) inputs() error {
	if s.input != "" {
		return s.add(s.input, s.input, 1)
	}
	renewed, once := filepath.Join(s.dir, "audit.log"), filepath.Join(s.dir, "real.log")
	if err := s.make("corpus", strconv.Itoa(s.mb), renewed); err != nil {
		return err
	}
	if err := s.add(builtIn, renewed, 1); err != nil {
		return err
	}
	if err := s.make("once", "0", once); err != nil {
		return err
	}
	return s.add("real logs once", once, shortRounds)
}

// builtIn names the corpus that repeats lines with new values.
const builtIn = "built-in"

// shortRounds is how many times as many rounds the short corpus gets.
const shortRounds = 3

// add adds a corpus.
func (s *session) add(name, input string, times int) error {
	info, err := os.Stat(input)
	if err != nil {
		return fmt.Errorf("find input: %w", err)
	}
	s.corpora = append(s.corpora, &contest{session: s, name: name, input: input, size: info.Size(), rounds: s.rounds * times})
	return nil
}

// references builds or finds the programs of the comparison.
func (s *session) references() (err error) {
	if _, err := os.Stat(s.binary); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("find the binary (`make build`): %w", err)
	}
	s.ref = filepath.Join(s.dir, "jsonref")
	build := exec.Command("go", "build", "-pgo=off", "-o", s.ref, "github.com/auditsidecar/auditsidecar/hack/bench/jsonref")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build reference: %w: %s", err, out)
	}
	if s.duckdb, err = installDuckDB(s.cache); err != nil {
		fmt.Fprintln(os.Stderr, "without DuckDB:", err)
	}
	if s.zstd, err = exec.LookPath("zstd"); err != nil {
		fmt.Fprintln(os.Stderr, "without zstd:", err)
	}
	return nil
}

// make writes an input in a process of its own: the memory of this one would
// count as that of every process it starts.
func (s *session) make(kind, from, path string) error {
	_, _, err := run(nil, s.self, childVerb, kind, from, path)
	return err
}

// report prints the tables of every corpus, and the goals.
func (s *session) report(w *os.File) error {
	var all []goals.Goal
	for _, c := range s.corpora {
		if err := c.report(w); err != nil {
			return err
		}
		all = append(all, c.goals()...)
	}
	if s.large {
		peak, err := s.reportLarge(w)
		if err != nil {
			return err
		}
		all = append(all, peakGoal("peak memory, files of 1 GB", peak))
	}
	goals.Print(w, all)
	return nil
}
