//go:build e2e

package run

import (
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// TestI6_KillInTheMiddle kills the sidecar during lines and rotations,
// also while it is stopped, and starts it again.
func TestI6_KillInTheMiddle(t *testing.T) {
	r := newFixture(t, audittest.Config{})
	r.serve()
	p := r.start()
	r.waitReady(p, true)
	done := make(chan struct{})
	go func() {
		defer close(done)
		lines := audittest.Fresh(audittest.Corpus(t, "rotated.log"), 40000)
		if err := r.writer.Replay(t.Context(), lines, linesPerSecond, time.Second); err != nil {
			t.Error(err)
		}
	}()
	for _, up := range []time.Duration{2500 * time.Millisecond, 1200 * time.Millisecond, 2 * time.Second} {
		time.Sleep(up)
		p.Kill()
		time.Sleep(700 * time.Millisecond)
		p = r.start()
	}
	<-done
	if err := r.writer.Rotate(); err != nil {
		t.Fatal(err)
	}
	r.waitLoki()
	r.stop(p)
	r.once() // all that was not archived yet
	twice := r.checkLoki()
	r.checkArchive()
	t.Logf("killed 3 times: %d lines, 0 lost, %d of them twice in Loki", r.writer.Lines(), twice)
}

// TestSIGTERMDrains ends the sidecar in the moment in which the last line was
// written: everything is in Loki, and a later start sends nothing again.
func TestSIGTERMDrains(t *testing.T) {
	r := newFixture(t, audittest.Config{})
	r.serve()
	p := r.start()
	r.waitReady(p, true)
	r.replay(6000, linesPerSecond, 300*time.Millisecond)
	r.stop(p)
	if got, want := r.loki.Distinct(), int(r.writer.Lines()); got != want {
		t.Errorf("after SIGTERM Loki has %d of %d lines", got, want)
	}
	r.once()
	if twice := r.checkLoki(); twice != 0 {
		t.Errorf("%d entries came twice", twice)
	}
	r.checkArchive()
}

// TestI8_LokiUnavailableWhilePruning keeps Loki away while kube-apiserver prunes: the archive goes
// on, and nothing is lost when Loki is back.
func TestI8_LokiUnavailableWhilePruning(t *testing.T) {
	r := newFixture(t, audittest.Config{MaxBackups: 1})
	p := r.start()
	r.replay(12000, linesPerSecond, 300*time.Millisecond)
	r.waitArchived(p, len(r.finished()))
	ctx := t.Context()
	r.waitReady(p, false, "loki")
	if status, _, err := p.Get(ctx, "/livez"); err != nil || status != 200 {
		t.Errorf("/livez while Loki is away: %d, %v; a restart would not help", status, err)
	}
	r.serve()
	r.waitLoki()
	r.waitReady(p, true)
	r.waitStreamed(p) // a push in flight at SIGTERM is sent again
	r.stop(p)
	if twice := r.checkLoki(); twice != 0 {
		t.Errorf("%d entries came twice", twice)
	}
	r.checkArchive()
}
