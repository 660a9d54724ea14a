package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

const (
	// rotateMB is the size at which the log is rotated in the runs at full speed.
	rotateMB = 20
	// steadyRotations is how often it is rotated in the steady run: as often as
	// a log of 100 MB would be, and more.
	steadyRotations = 3
)

// session is one run of the benchmark.
type session struct {
	options
	dir     string
	content []byte // the log that is gone round
	lines   int    // written for each figure of CPU per GB

	streaming, archive, both series
	zstd, fluentBit          series // empty where they are not installed
	steadily                 figure
}

// figure is the cost of one run of a process.
type figure struct {
	cpu     float64 // seconds, user and system, from being ready to having delivered everything
	peak    int64   // resident memory, bytes
	bytes   int64   // of the log
	elapsed float64 // seconds
}

func (f figure) perGB() float64 { return f.cpu / float64(f.bytes) * 1e9 }

// series are the runs of one kind.
type series []figure

// median of a property of the runs; 0 of none.
func (s series) median(of func(figure) float64) float64 {
	if len(s) == 0 {
		return 0
	}
	var all []float64
	for _, f := range s {
		all = append(all, of(f))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// peak is the most memory of all runs.
func (s series) peak() (most int64) {
	for _, f := range s {
		most = max(most, f.peak)
	}
	return most
}

func bench(ctx context.Context, o options) (err error) {
	s := &session{options: o}
	if err := s.read(); err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "auditsidecar-pipeline-"); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.dir)) }()
	for range o.rounds {
		if err := s.round(ctx); err != nil {
			return err
		}
	}
	s.steadily, err = s.run(ctx, kind{archive: true, loki: true, rate: o.rate, lines: int(o.steady.Seconds() * float64(o.rate)),
		rotateMB: 1000, rotateEvery: o.steady / steadyRotations})
	if err != nil {
		return fmt.Errorf("at a steady rate: %w", err)
	}
	s.report(os.Stdout)
	return nil
}

// read takes the log, and says how often it is gone round.
func (s *session) read() (err error) {
	if s.input != "" {
		s.content, err = os.ReadFile(s.input)
	} else {
		s.content, err = audittest.ReadCorpus("rotated.log")
	}
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	lines := bytes.Count(s.content, []byte("\n"))
	if lines == 0 {
		return errors.New("read the log: it has no lines")
	}
	s.lines = int(float64(s.mb) * 1e6 / float64(len(s.content)) * float64(lines))
	return nil
}

// round runs every kind once, one after another, so that neighbours can be
// compared on a busy machine.
func (s *session) round(ctx context.Context) error {
	for _, k := range []struct {
		name string
		kind kind
		to   *series
	}{
		// A file that is not rotated is not converted: nothing but the stream.
		{"streaming alone", kind{loki: true, lines: s.lines, rotateMB: 10_000}, &s.streaming},
		{"archive alone", kind{archive: true, lines: s.lines, rotateMB: rotateMB}, &s.archive},
		{"both", kind{archive: true, loki: true, lines: s.lines, rotateMB: rotateMB}, &s.both},
	} {
		f, err := s.run(ctx, k.kind)
		if err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		*k.to = append(*k.to, f)
	}
	return s.references(ctx)
}

// write makes the log of the references: the same lines, in one file.
func (s *session) write(ctx context.Context, path string) error {
	w, err := audittest.NewWriter(audittest.Config{Path: path, Account: filepath.Join(s.dir, "account"), MaxSizeMB: 10_000})
	if err != nil {
		return err
	}
	err = w.Replay(ctx, audittest.Fresh(s.content, s.lines), 0, 0)
	return errors.Join(err, w.Close(), os.RemoveAll(filepath.Join(s.dir, "account")))
}
