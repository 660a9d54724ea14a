package live

import (
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
)

// cut writes another content into a file and records it, as those do who hold the file.
func (s *stage) cut(id, text string, recorded bool) {
	s.t.Helper()
	if err := os.WriteFile(s.path(id), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if !recorded {
		return
	}
	e, _ := s.ledger.Get(id)
	if err := s.ledger.Cut(e, ledger.Gap{}, int64(len(text)), ledger.Mark{}, true); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) sees(id string) {
	s.t.Helper()
	info, err := os.Stat(s.path(id))
	if err == nil {
		err = s.ledger.Edit(id, func(e *ledger.Entry) { e.Seen = info.Size() })
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// Lines that were seen and are gone before the stream has read them are a break that is counted once,
// whoever notices first, and whatever the file has in their place.
func TestI10_CutBeforeItWasStreamed(t *testing.T) {
	for _, c := range []struct {
		name           string
		read, recorded bool // before the cut; by those who hold the file
		now            string
		breaks         float64
		lines          string
	}{
		{name: "a backlog, cut to nothing", recorded: true, breaks: 1, lines: "c"},
		{name: "a backlog, archived already", breaks: 1, lines: "c"},
		{name: "a backlog, cut in part", recorded: true, now: "a\n", breaks: 1, lines: "a c"},
		{name: "other and more bytes", recorded: true, now: "x\ny\nz\n", lines: "a b x y z c", read: true},
		{name: "a backlog, other and more bytes", recorded: true, now: "x\ny\nz\n", breaks: 1, lines: "x y z c"},
		{name: "read before it was cut to nothing", read: true, recorded: true, lines: "a b c"},
		{name: "read and archived before", read: true, breaks: 1, lines: "a b c"},
	} {
		for _, down := range []bool{false, true} {
			t.Run(c.name+map[bool]string{true: ", while down"}[down], func(t *testing.T) {
				s := newStage(t, lokitest.Config{})
				s.add("0", "0\n")
				s.start()
				s.sync()
				s.add("1", "a\nb\n")
				s.add("2", "c\n")
				s.segments[1].Finished = false
				s.sees("1")
				s.sees("2")
				if c.read {
					later := s.segments[2]
					s.segments = s.segments[:2]
					s.sync()
					s.segments = append(s.segments, later)
				}
				s.cut("1", c.now, c.recorded)
				if down {
					s.start()
				}
				s.segments[1].Finished = true
				s.sync()
				s.sync()
				s.wantLines(append([]string{"0"}, strings.Fields(c.lines)...)...)
				if n := testutil.ToFloat64(s.live.metrics.breaks.WithLabelValues("truncated")); n != c.breaks {
					t.Errorf("%v breaks, want %v: %q", n, c.breaks, s.notes)
				}
			})
		}
	}
}

// Bytes read of a finished file count as seen, unless the file was cut since.
func TestI10_ReadIsSeen(t *testing.T) {
	s := newStage(t, lokitest.Config{})
	s.add("0", "a\nb\n")
	s.start()
	s.sync()
	if err := s.ledger.Edit("0", func(e *ledger.Entry) { e.Finished = true }); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int64{4, 0} {
		s.cut("0", "", false)
		s.sync()
		e, _ := s.ledger.Get("0")
		if e.Seen != want {
			t.Errorf("%d bytes were seen, want %d", e.Seen, want)
		}
		s.cut("0", "", true)
	}
}

// The stream sees the open file cut and grown again beyond its old size between two passes of
// those who hold it: that is a gap for the archive, once.
func TestI10_CutThatOnlyTheStreamSaw(t *testing.T) {
	s := newStage(t, lokitest.Config{})
	s.add("0", "a\nb\n")
	s.start()
	s.sync()
	s.cut("0", "c\n", false)
	s.sync()
	s.cut("0", "c\nd\ne\nf\n", false)
	s.sync()
	e, _ := s.ledger.Get("0")
	if gaps := s.ledger.Gaps(); len(gaps) != 1 || gaps[0].Reason != continuity.ReasonTruncated || gaps[0].Bytes != 2 || len(s.gaps) != 1 || e.Cuts != 1 || e.Had != 4 {
		t.Errorf("gaps %+v, reported %+v, entry %+v", gaps, s.gaps, e)
	}
	s.wantLines("a", "b", "c", "d", "e", "f")
}
