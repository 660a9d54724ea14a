package live

import (
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/lokitest"
	"github.com/auditsidecar/auditsidecar/rotate"
)

func TestStartNow(t *testing.T) {
	s := newStage(t, lokitest.Config{})
	s.edit = func(cfg *Config) { cfg.FromEnd = true }
	s.add("0", "a\n")
	s.add("1", "b\nc\nhalf")
	s.start()
	s.sync()
	s.wantLines()
	if c := s.cursor(); c.Segment != "1" || c.Offset != 4 || c.Line != 2 {
		t.Errorf("the cursor is at %+v", c)
	}
	if e, _ := s.ledger.Get("0"); e.Loki {
		t.Error("the claim on a file that will not be streamed stays")
	}
	s.append("1", " a line\nd\n")
	s.start() // a second start resumes
	s.sync()
	s.wantLines("half a line", "d")
}

// Lines after a start without any file are newer than now.
func TestStartNowWithoutAFile(t *testing.T) {
	s := newStage(t, lokitest.Config{})
	s.edit = func(cfg *Config) { cfg.FromEnd = true }
	s.start()
	s.sync()
	s.add("0", "a\n")
	s.sync()
	s.wantLines("a")
}

// The very first lines have no timestamp: they get the first one of the log,
// which is not ahead of later lines.
func TestFirstLinesWithoutTimestamp(t *testing.T) {
	s := newStage(t, lokitest.Config{MaxBehind: time.Hour})
	first := event(0, time.Now().Add(-24*time.Hour), 0)
	s.add("0", "a\n\x00\n"+first+"\n")
	s.start()
	s.sync()
	s.wantLines("a", "\x00", first)
	if at := s.loki.Entries()[0].Timestamp; time.Since(at) < 23*time.Hour {
		t.Errorf("the first line is at %s", at)
	}
}

// A log without any timestamp has that of the first start, which is on disk
// before anything is sent.
func TestI6_FirstLineWithoutTimestamp(t *testing.T) {
	s := newStage(t, lokitest.Config{})
	s.add("0", "a\n")
	s.start()
	s.loki.Inject(1, lokitest.Fault{LoseResponse: true})
	s.loki.Inject(1000, lokitest.Fault{Status: 503})
	if err := s.live.step(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if err := s.loki.WaitCount(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	s.loki.Heal()
	time.Sleep(time.Millisecond)
	s.start()
	s.sync()
	if s.loki.Distinct() != 1 {
		t.Errorf("%d distinct entries, want 1: %v", s.loki.Distinct(), s.loki.Entries())
	}
}

// At the first start a file that was rotated before Loki's window is passed
// over as a whole, and not as thousands of refused lines.
func TestStartOldestWithinTheWindow(t *testing.T) {
	s := newStage(t, lokitest.Config{})
	s.edit = lokiWindow
	s.add("0", "old\n")
	s.add("1", "young\n")
	s.add("2", "open\n")
	s.segments[0].Rotated = time.Now().Add(-8 * 24 * time.Hour)
	s.segments[1].Rotated = time.Now().Add(-6 * 24 * time.Hour)
	s.start()
	s.sync()
	s.wantLines("young", "open")
	if e, _ := s.ledger.Get("0"); e.Loki {
		t.Error("the claim on the old file stays")
	}
	if len(s.notes) != 1 || !strings.Contains(s.notes[0], "it is archived") {
		t.Errorf("notes %q", s.notes)
	}
}

// written counts the lines of all segments.
func (s *stage) written() (n int) {
	s.t.Helper()
	reader, err := rotate.NewReader(s, rotate.Position{}, rotate.ReaderConfig{})
	if err != nil {
		s.t.Fatal(err)
	}
	defer reader.Close()
	for {
		if _, err := reader.Next(); err != nil {
			return n
		}
		n++
	}
}
