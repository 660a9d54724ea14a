//go:build e2e

package run

import (
	"context"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// A day of a busy cluster, a rotation every four minutes, in fast motion.
const (
	dayRotations  = 360
	dayRotateTime = 120 * time.Millisecond
)

// sample has the figures that must not grow with the time that the sidecar runs.
type sample struct{ memory, descriptors, goroutines float64 }

// TestI8_ADayInFastMotion compares the last third of the day with the first.
func TestI8_ADayInFastMotion(t *testing.T) {
	r := newFixture(t, audittest.Config{MaxBackups: 10})
	r.serve()
	p := r.start()
	r.waitReady(p, true)
	ctx, cancel := context.WithCancel(t.Context())
	samples := make(chan []sample)
	go func() { samples <- watch(ctx, p) }()
	seconds := dayRotations * dayRotateTime / time.Second
	r.replay(linesPerSecond/2*int(seconds), linesPerSecond/2, dayRotateTime)
	r.waitLoki()
	r.waitArchived(p, len(r.finished()))
	cancel()
	all := <-samples
	if len(all) < 30 {
		t.Fatalf("only %d samples", len(all))
	}
	first, last := most(all[:len(all)/3]), most(all[len(all)*2/3:])
	t.Logf("%d rotations, %d lines; memory %.0f then %.0f MB, descriptors %.0f then %.0f, goroutines %.0f then %.0f",
		len(r.finished()), r.writer.Lines(), first.memory/1e6, last.memory/1e6, first.descriptors, last.descriptors, first.goroutines, last.goroutines)
	if last.memory > 1.25*first.memory || last.memory > 64<<20 {
		t.Errorf("resident memory went from %.0f to %.0f MB", first.memory/1e6, last.memory/1e6)
	}
	if last.descriptors > first.descriptors+5 || last.goroutines > first.goroutines+10 {
		t.Errorf("descriptors and goroutines grew: %+v, then %+v", first, last)
	}
	r.stop(p)
	state := filepath.Join(filepath.Dir(r.log), ".auditsidecar")
	if files, size := stateSize(t, state); files > 20 || size > 1<<20 {
		t.Errorf("the state directory has %d files and %d bytes at the end of the day", files, size)
	}
	r.checkLoki()
	r.checkArchive()
}

// watch samples the metrics twice a second until ctx is done.
func watch(ctx context.Context, p *sidecar.Process) (all []sample) {
	for ctx.Err() == nil {
		if m, err := p.Metrics(ctx); err == nil {
			all = append(all, sample{m["process_resident_memory_bytes"], m["process_open_fds"], m["go_goroutines"]})
		}
		time.Sleep(500 * time.Millisecond)
	}
	return all
}

func most(all []sample) (m sample) {
	for _, s := range all {
		m.memory, m.descriptors, m.goroutines = max(m.memory, s.memory), max(m.descriptors, s.descriptors), max(m.goroutines, s.goroutines)
	}
	return m
}

// stateSize counts the files below dir that are not links to the log's own.
func stateSize(t *testing.T, dir string) (files int, size int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		files++
		if filepath.Base(filepath.Dir(path)) != "held" {
			size += info.Size()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, size
}
