package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
)

const (
	// runLimit is the longest that one run may take.
	runLimit = 5 * time.Minute
	// askEvery is how often a run is asked for its metrics: each time costs it
	// about a millisecond.
	askEvery = 250 * time.Millisecond
)

// kind is the work of one run.
type kind struct {
	archive, loki bool          // which sinks have to have everything
	lines, rate   int           // written, and how many a second; 0: as fast as it can
	rotateMB      int           // size of a file
	rotateEvery   time.Duration // 0: by size alone

	started func(url string) // called before the first line, if the process serves profiles
}

// run starts the binary on an empty directory, writes the lines and waits until
// the sinks have them.
func (t *trial) run(ctx context.Context, k kind) (f figure, err error) {
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	dir, err := os.MkdirTemp(t.dir, "run-")
	if err != nil {
		return f, fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	log := filepath.Join(dir, "audit", "audit.log")
	writer, err := audittest.NewWriter(audittest.Config{Path: log, MaxSizeMB: k.rotateMB})
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, writer.Close()) }()
	loki := lokitest.New(lokitest.Config{CountOnly: true})
	server := httptest.NewServer(loki)
	defer server.Close()
	args := []string{"--audit-log-path", log, "--archive-url", "file://" + filepath.Join(dir, "archive"), "--cluster", "bench", "--node", "cp1"}
	if k.loki {
		args = append(args, "--loki-url", server.URL)
	}
	if k.started != nil {
		args = append(args, "--admin-pprof")
	}
	process, err := sidecar.Start(sidecar.Config{Binary: t.binary, Args: args})
	if err != nil {
		return f, err
	}
	defer process.Kill()
	if f, err = t.play(ctx, k, process, writer, loki); err != nil {
		return f, fmt.Errorf("%w\n%s", err, process.Log())
	}
	if f.archive, err = sizeBelow(filepath.Join(dir, "archive", "data")); err != nil {
		return f, err
	}
	if code, err := process.Terminate(runLimit); err != nil || code != 0 {
		return f, errors.Join(fmt.Errorf("auditsidecar ended with code %d:\n%s", code, process.Log()), err)
	}
	return f, nil
}

// play writes the lines and measures until everything is where it belongs.
func (t *trial) play(ctx context.Context, k kind, process *sidecar.Process, writer *audittest.Writer, loki *lokitest.Receiver) (f figure, err error) {
	if _, err := process.WaitReady(ctx, true); err != nil {
		return f, err
	}
	if k.started != nil {
		k.started(process.URL())
	}
	before, err := cpuOf(process.PID())
	if err != nil {
		return f, err
	}
	begin := time.Now()
	if err := writer.Replay(ctx, t.source(k.lines), k.rate, k.rotateEvery); err != nil {
		return f, fmt.Errorf("replay the log: %w", err)
	}
	f.elapsed = time.Since(begin).Seconds()
	if k.archive { // only finished files are archived
		if err := writer.Rotate(); err != nil {
			return f, err
		}
	}
	if err := delivered(ctx, k, process, int(writer.Lines()), loki); err != nil {
		return f, err
	}
	after, err := cpuOf(process.PID())
	if err != nil {
		return f, err
	}
	f.cpu, f.bytes, f.lines = after-before, writer.Bytes(), int(writer.Lines())
	f.peak, err = peakOf(process.PID())
	return f, err
}

// delivered waits until the sinks have every line, each once.
func delivered(ctx context.Context, k kind, process *sidecar.Process, lines int, loki *lokitest.Receiver) error {
	if k.loki {
		if err := loki.WaitDistinct(ctx, lines); err != nil {
			return err
		}
	}
	const archived = "auditsidecar_archived_lines_total"
	for m := map[string]float64(nil); k.archive && int(m[archived]) < lines; {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d lines archived: %w", int(m[archived]), lines, ctx.Err())
		case <-time.After(askEvery):
		}
		var err error
		if m, err = process.Metrics(ctx); err != nil {
			return err
		}
	}
	if k.loki && loki.Count() != lines {
		return fmt.Errorf("%d lines were written, %d entries came", lines, loki.Count())
	}
	return nil
}

// sizeBelow adds up the files below a directory, which may not exist.
func sizeBelow(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		size += info.Size()
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("measure the archive: %w", err)
	}
	return size, nil
}
