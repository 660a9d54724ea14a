package live

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/auditsidecar/auditsidecar/internal/lokitest"
	"github.com/auditsidecar/auditsidecar/lokipush"
)

// lokiWindow is Loki's default.
func lokiWindow(cfg *Config) {
	cfg.Window = Window{MaxAge: 7 * 24 * time.Hour, MaxAhead: 10 * time.Minute}
}

// Lines that Loki would refuse are counted and not sent.
func TestLinesOutsideOfTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, lokitest.Config{MaxAge: 7 * 24 * time.Hour, MaxAhead: 10 * time.Minute})
		s.edit = lokiWindow
		now := time.Now()
		week := 7 * 24 * time.Hour
		lines := []string{
			event(0, now.Add(-week-time.Second), 0), event(1, now.Add(-week+time.Hour), 0), event(2, now, 0),
			event(3, now.Add(10*time.Minute), 0), event(4, now.Add(21*time.Minute), 0), event(5, now, 0),
		}
		s.add("0", strings.Join(lines, "\n")+"\n")
		s.start()
		s.sync()
		s.wantLines(lines[1], lines[2], lines[3], lines[5])
		for reason, want := range map[lokipush.Reason]float64{lokipush.ReasonTooOld: 1, lokipush.ReasonTooFarInFuture: 1} {
			if n := testutil.ToFloat64(s.live.metrics.refused.WithLabelValues(string(reason))); n != want {
				t.Errorf("%s: %v lines, want %v", reason, n, want)
			}
		}
		if c := s.cursor(); c.Line != int64(len(lines)) {
			t.Errorf("the cursor is at %+v", c)
		}
		if n := len(s.notes); n != 1 || !strings.Contains(s.notes[0], "greater_than_max_sample_age") {
			t.Errorf("notes %q", s.notes)
		}
		if n := testutil.ToFloat64(s.live.metrics.pushes.WithLabelValues("refused")); n != 0 {
			t.Errorf("Loki was asked %v times", n)
		}
	})
}

// The cursor moves while a long backlog is passed over, not only behind it.
func TestCursorMovesWhileLinesArePassedOver(t *testing.T) {
	s := newStage(t, lokitest.Config{})
	s.edit = lokiWindow
	s.add("0", "")
	s.start()
	s.sync()
	s.append("0", strings.Repeat(event(0, time.Now().Add(-8*24*time.Hour), 0)+"\n", 3*linesAtOnce))
	s.live.pos.storedAt = time.Time{} // long ago
	if err := s.live.fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := s.cursor(); c.Line != linesAtOnce {
		t.Errorf("the cursor is at %+v, want line %d", c, linesAtOnce)
	}
}

// A line that is a little too far ahead waits, and those behind it, too.
func TestLineAheadOfItsTimeWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, lokitest.Config{MaxAhead: 10 * time.Minute})
		s.edit = lokiWindow
		begun := time.Now()
		s.add("0", event(0, begun, 0)+"\n"+event(1, begun.Add(15*time.Minute), 0)+"\n"+event(2, begun, 0)+"\n")
		s.start()
		s.run(func() bool { return s.loki.Count() >= 3 })
		if took := time.Since(begun); took < 5*time.Minute || took > 5*time.Minute+2*time.Second {
			t.Errorf("the line was sent after %s, want five minutes", took)
		}
		if n := s.loki.Count(); n != 3 || len(s.notes) > 0 {
			t.Errorf("%d lines; notes %q", n, s.notes)
		}
	})
}

// A process that is stopped while a line waits for its time leaves the cursor
// before that line.
func TestI6_LineThatWaitsIsNotPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, lokitest.Config{MaxAhead: 10 * time.Minute})
		s.edit = lokiWindow
		begun := time.Now()
		s.add("0", event(0, begun, 0)+"\n"+event(1, begun.Add(15*time.Minute), 0)+"\n")
		s.start()
		s.run(func() bool { return time.Since(begun) > time.Minute })
		if c := s.cursor(); c.Line != 1 {
			t.Errorf("the cursor is at %+v, want line 1", c)
		}
		time.Sleep(time.Hour)
		s.start()
		s.sync()
		if n := s.loki.Count(); n != 2 {
			t.Errorf("%d lines, want 2", n)
		}
	})
}

// Events are held against the configured clock, not against the machine's.
func TestWindowFollowsTheConfiguredClock(t *testing.T) {
	at := time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)
	s := newStage(t, lokitest.Config{})
	s.edit = func(cfg *Config) {
		lokiWindow(cfg)
		cfg.Now = func() time.Time { return at.Add(time.Hour) }
	}
	lines := []string{event(0, at, 0), event(1, at.Add(-8*24*time.Hour), 0)}
	s.add("0", strings.Join(lines, "\n")+"\n")
	s.start()
	s.sync()
	s.wantLines(lines[0])
}
