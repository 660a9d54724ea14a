package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

const (
	// steadyRotations is how often the log is rotated in the steady run of the built-in
	// corpus: as often as a log of 100 MB would be, and more.
	steadyRotations = 3
	// shortRounds is how many times as many rounds the corpus without repetition gets: it
	// is short.
	shortRounds = 3
)

// session is one run of the benchmark.
type session struct {
	options
	dir    string
	sink   sink // of the comparison
	trials []*trial
}

// trial has every run over one corpus.
type trial struct {
	*session
	name   string
	number int
	source func(n int) iter.Seq[[]byte] // the first n lines
	lines  int                          // written for each figure of CPU per GB
	steady kind
	rounds int

	streaming, archive, both, steadily series
	zstd                               series // empty if it is not installed
	peers                              []*peer
}

// figure is the cost of one run of a process.
type figure struct {
	cpu     float64 // seconds, user and system, from being ready to having delivered everything
	peak    int64   // resident memory, bytes
	bytes   int64   // of the log
	lines   int     // delivered
	archive int64   // bytes of its objects
	elapsed float64 // seconds
}

func (f figure) perGB() float64 { return f.cpu / float64(f.bytes) * 1e9 }

// share is the part of one core, in per cent.
func (f figure) share() float64 { return 100 * f.cpu / f.elapsed }

func (f figure) archivePerGB() float64 { return float64(f.archive) / float64(f.bytes) * 1e3 }

// series are the runs of one kind.
type series []figure

// median of a property of the runs; 0 of none.
func (s series) median(of func(figure) float64) float64 {
	var all []float64
	for _, f := range s {
		all = append(all, of(f))
	}
	return median(all)
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// beside is the median ratio of the cost of a GB to that of another series' run in the
// same round; 0 without one.
func (s series) beside(other series) float64 {
	var all []float64
	for i := range min(len(s), len(other)) {
		all = append(all, s[i].perGB()/other[i].perGB())
	}
	return median(all)
}

// peak is the most memory of all runs.
func (s series) peak() (most int64) {
	for _, f := range s {
		most = max(most, f.peak)
	}
	return most
}

func bench(ctx context.Context, o options) (err error) {
	if o.build {
		return build(ctx)
	}
	s := &session{options: o}
	for _, path := range []*string{&s.binary, &s.fluentBit, &s.vector, &s.otelcol} { // they run in other directories
		if *path == "" {
			continue
		}
		if *path, err = filepath.Abs(*path); err != nil {
			return fmt.Errorf("find a program: %w", err)
		}
	}
	if s.dir, err = os.MkdirTemp("", "auditsidecar-pipeline-"); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.dir)) }()
	if err := s.corpora(); err != nil {
		return err
	}
	if o.profile != "" {
		return s.writeProfile(ctx)
	}
	if o.peers {
		if err := s.startSink(ctx); err != nil {
			return err
		}
		defer s.sink.close()
	}
	for _, t := range s.trials {
		for i := range t.rounds {
			fmt.Fprintf(os.Stderr, "%s: round %d of %d\n", t.name, i+1, t.rounds)
			if err := t.round(ctx, i); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
	}
	s.report(os.Stdout)
	return nil
}

// build builds the programs of the comparison.
func build(ctx context.Context) error {
	printf := func(format string, args ...any) { fmt.Printf(format+"\n", args...) }
	collector, err := collectorTool().Find(ctx, printf)
	if err != nil {
		return err
	}
	server, err := lokiTool().Find(ctx, printf)
	if err != nil {
		return err
	}
	printf("%s\n%s", collector, server)
	return nil
}

// startSink starts the Loki that is built, or else a receiver that counts.
func (s *session) startSink(ctx context.Context) error {
	binary, err := lokiTool().Built()
	if err != nil {
		return err
	}
	if binary == "" {
		s.sink = newCounter()
		return nil
	}
	dir := filepath.Join(s.dir, "loki")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	s.sink, err = startLoki(ctx, binary, dir)
	return err
}

// corpora makes a trial of the built-in corpus, which is gone round, and of every real
// log once; or of the file that is given, once.
func (s *session) corpora() error {
	if s.input != "" {
		content, err := os.ReadFile(s.input)
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		return s.addOnce(s.input, content, s.rounds)
	}
	content, err := audittest.ReadCorpus("rotated.log")
	if err != nil {
		return err
	}
	lines := float64(s.mb) * 1e6 / float64(len(content)) * float64(bytes.Count(content, []byte("\n")))
	err = s.add(&trial{
		name: "built-in", lines: int(lines), rounds: s.rounds,
		source: func(n int) iter.Seq[[]byte] { return audittest.Fresh(content, n) },
		steady: kind{lines: int(s.steady.Seconds() * float64(s.rate)), rotateEvery: s.steady / steadyRotations},
	})
	if err != nil {
		return err
	}
	once, err := audittest.ReadReal()
	if err != nil {
		return err
	}
	return s.addOnce("real logs once", once, shortRounds*s.rounds)
}

// addOnce adds a corpus whose lines are written once; its steady run is as long as they
// last, with one rotation at the end.
func (s *session) addOnce(name string, content []byte, rounds int) error {
	lines := bytes.Count(content, []byte("\n"))
	if lines == 0 {
		return fmt.Errorf("read %s: it has no lines", name)
	}
	return s.add(&trial{
		name: name, lines: lines, rounds: rounds, steady: kind{lines: lines},
		source: func(int) iter.Seq[[]byte] { return audittest.Now(content) },
	})
}

func (s *session) add(t *trial) (err error) {
	t.session, t.number = s, len(s.trials)
	t.steady.archive, t.steady.loki, t.steady.rate, t.steady.rotateMB = true, true, s.rate, 1000
	s.trials = append(s.trials, t)
	if s.peers {
		t.peers, err = findPeers(s.options)
	}
	return err
}

// round runs every kind once, one after another, so that neighbours can be
// compared on a busy machine.
func (t *trial) round(ctx context.Context, n int) error {
	for _, k := range []struct {
		name string
		kind kind
		to   *series
	}{
		// A file that is not rotated is not converted: nothing but the stream.
		{"streaming alone", kind{loki: true, lines: t.lines, rotateMB: 10_000}, &t.streaming},
		{"archive alone", kind{archive: true, lines: t.lines, rotateMB: t.rotate}, &t.archive},
		{"both", kind{archive: true, loki: true, lines: t.lines, rotateMB: t.rotate}, &t.both},
		{"at a steady rate", t.steady, &t.steadily},
	} {
		if k.kind.rate > 0 && t.options.steady < time.Second {
			continue
		}
		f, err := t.run(ctx, k.kind)
		if err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		*k.to = append(*k.to, f)
	}
	return t.references(ctx, n)
}
