//go:build e2e

package run

import (
	"context"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// rate and rotation of the issue that brought the sidecar to life.
const (
	linesPerSecond = 4000
	rotateEvery    = 2 * time.Second
	writeFor       = 20 // seconds
)

// full writes at the full rate into a running sidecar and compares everything.
func full(t *testing.T, r *fixture) {
	t.Helper()
	r.serve()
	p := r.start()
	r.waitReady(p, true)
	begin := time.Now()
	r.replay(linesPerSecond*writeFor, linesPerSecond, rotateEvery)
	wrote := time.Since(begin)
	r.waitLoki()
	lag := time.Since(begin) - wrote
	m := r.waitArchived(p, len(r.finished()))
	archived := time.Since(begin) - wrote
	if got := int64(m["auditsidecar_archived_lines_total"]); got != r.writer.Lines() {
		t.Errorf("%d lines archived, %d written", got, r.writer.Lines())
	}
	r.waitStreamed(p)
	r.stop(p)
	if twice := r.checkLoki(); twice != 0 {
		t.Errorf("%d entries came twice", twice)
	}
	r.checkArchive()
	t.Logf("%d lines, %d files, %d MB in %.1f s; Loki complete after %v, archive after %v; resident memory %.0f MB, CPU %.1f s",
		r.writer.Lines(), len(r.finished()), r.writer.Bytes()/1e6, wrote.Seconds(), lag.Round(time.Millisecond),
		archived.Round(time.Millisecond), m["process_resident_memory_bytes"]/1e6, m["process_cpu_seconds_total"])
}

func TestRotationWhileStreaming(t *testing.T) {
	full(t, newFixture(t, audittest.Config{}))
}

// With --audit-log-maxbackup 1 kube-apiserver deletes a file one rotation
// after it was finished.
func TestRotationAndPruning(t *testing.T) {
	r := newFixture(t, audittest.Config{MaxBackups: 1})
	r.serve()
	p := r.start()
	r.waitReady(p, true)
	r.replay(12000, linesPerSecond, 200*time.Millisecond)
	r.waitLoki()
	r.waitArchived(p, len(r.finished()))
	r.waitStreamed(p)
	r.stop(p)
	if twice := r.checkLoki(); twice != 0 {
		t.Errorf("%d entries came twice", twice)
	}
	r.checkArchive()
}

func TestRotationAndCompression(t *testing.T) {
	r := newFixture(t, audittest.Config{Compress: true})
	r.serve()
	p := r.start()
	r.waitReady(p, true)
	r.replay(8000, linesPerSecond, 500*time.Millisecond)
	r.waitLoki()
	r.waitArchived(p, len(r.finished()))
	r.stop(p)
	r.checkLoki()
	r.checkArchive()
}

// waitStreamed waits until the sidecar has counted all lines as streamed, which
// is a moment after Loki has them.
func (r *fixture) waitStreamed(p *sidecar.Process) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), catchUp)
	defer cancel()
	const streamed = "auditsidecar_streamed_lines_total"
	want := float64(r.writer.Lines())
	if _, err := p.WaitMetrics(ctx, func(m map[string]float64) bool { return m[streamed] == want }, streamed); err != nil {
		r.t.Errorf("%.0f lines were written: %v", want, err)
	}
}
