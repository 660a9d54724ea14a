package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
	"github.com/auditsidecar/auditsidecar/internal/shrink"
	"github.com/auditsidecar/auditsidecar/lokipush"
	"github.com/auditsidecar/auditsidecar/rotate"
)

func TestRealLogArrivesUnchanged(t *testing.T) {
	s := newStage(t, lokitest.Config{})
	text := string(audittest.Corpus(t, "diverse.log"))
	s.add("0", text)
	s.start()
	s.sync()
	want := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	s.wantLines(want...)
	for _, e := range s.loki.Entries() {
		if !strings.Contains(e.Line, `"stageTimestamp":"`+e.Timestamp.Format("2006-01-02T15:04:05.000000Z")+`"`) {
			t.Fatalf("entry at %s: %.200s", e.Timestamp, e.Line)
		}
		if user := e.Get("user"); user != "" && !strings.Contains(e.Line, `"username":"`+user+`"`) {
			t.Fatalf("user %q of %.200s", user, e.Line)
		}
	}
	if n := testutil.ToFloat64(s.live.metrics.lines); n != float64(len(want)) {
		t.Errorf("streamed_lines_total %v, want %d", n, len(want))
	}
}

func TestTimestampOfLinesWithoutOne(t *testing.T) {
	s := newStage(t, lokitest.Config{})
	s.add("0", `{"kind":"Event","apiVersion":"audit.k8s.io/v1","stageTimestamp":"2026-11-22T10:00:00.000001Z"}`+"\nno event\n")
	s.start()
	s.sync()
	s.start() // after a restart the predecessor is only in the cursor
	s.append("0", "no event either\n")
	s.sync()
	for _, e := range s.loki.Entries() {
		if got := e.Timestamp.Format(time.RFC3339Nano); got != "2026-11-22T10:00:00.000001Z" {
			t.Errorf("%q has timestamp %s", e.Line, got)
		}
	}
	if n := s.loki.Count(); n != 3 {
		t.Errorf("%d lines, want 3", n)
	}
}

func TestI6_CursorAndClaims(t *testing.T) {
	s := newStage(t, lokitest.Config{})
	s.add("0", "a\nb\n")
	s.start()
	s.sync()
	s.add("1", "c\n")
	s.sync()
	s.start() // nothing is sent twice after an orderly stop
	s.append("1", "d\nhalf")
	s.sync()
	s.wantLines("a", "b", "c", "d")
	if e, _ := s.ledger.Get("0"); e.Loki {
		t.Error("Loki's claim on a finished segment was not released")
	}
	if e, _ := s.ledger.Get("1"); !e.Loki {
		t.Error("Loki's claim on the open segment was released")
	}
	s.append("1", " line\n")
	s.add("2", "")
	s.sync()
	s.wantLines("a", "b", "c", "d", "half line")
	if e, _ := s.ledger.Get("1"); e.Loki {
		t.Error("the claim stays while the next segment is empty")
	}
}

func TestI6_OutageMovesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, lokitest.Config{})
		s.add("0", "a\n")
		s.add("1", "b\n")
		s.start()
		s.loki.Inject(1000, lokitest.Fault{Status: http.StatusServiceUnavailable})
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if err := s.live.Sync(ctx); err == nil {
			t.Fatal("no error although nothing was accepted")
		}
		if e, _ := s.ledger.Get("0"); !e.Loki {
			t.Error("the claim was released although Loki has nothing")
		}
		if c := s.cursor(); c.Segment != "0" || c.Offset != 0 {
			t.Errorf("the cursor is at %+v", c)
		}
		if len(s.reports) == 0 || s.reports[0] == nil || !strings.Contains(s.reports[0].Error(), "503") {
			t.Errorf("reports %v", s.reports)
		}
		s.loki.Heal()
		s.sync()
		s.wantLines("a", "b")
	})
}

// TestI6_KilledAtAnyTime forgets everything but the disk after any number of
// pushes, and expects that Loki has every line and that a line sent twice is
// the same entry.
func TestI6_KilledAtAnyTime(t *testing.T) {
	text := string(audittest.Corpus(t, "diverse.log"))
	want := strings.Count(text, "\n")
	for pushes := int64(1); pushes <= 3; pushes++ {
		s := newStage(t, lokitest.Config{})
		s.add("0", text)
		s.start()
		ctx, cancel := context.WithCancel(t.Context())
		var n atomic.Int64
		s.onPass = func() {
			if n.Add(1) == pushes {
				cancel()
			}
		}
		_ = s.live.Sync(ctx) // killed: its result is lost
		cancel()
		s.start()
		s.sync()
		if got := s.loki.Distinct(); got != want {
			t.Errorf("killed after %d pushes: %d distinct entries, want %d", pushes, got, want)
		}
	}
}

func TestRefusedLinesArePassedOver(t *testing.T) {
	s := newStage(t, lokitest.Config{MaxLine: 8 << 10}) // this Loki takes less than reported
	s.add("0", "a\n"+strings.Repeat("x", 10<<10)+"\nb\n")
	s.start()
	s.sync()
	if got := s.lines(); s.loki.Distinct() != 2 || got[0] != "a" || got[1] != "b" {
		t.Errorf("Loki has %q", got)
	}
	if n := testutil.ToFloat64(s.live.metrics.refused.WithLabelValues(string(lokipush.ReasonLineTooLong))); n != 1 {
		t.Errorf("refused lines %v, want 1", n)
	}
	if len(s.notes) != 1 || !strings.Contains(s.notes[0], "they are in the archive") {
		t.Errorf("notes %q", s.notes)
	}
}

func TestLongLines(t *testing.T) {
	s := newStage(t, lokitest.Config{})
	long := `{"requestObject":"` + strings.Repeat("x", 300<<10) + `"}`
	huge := strings.Repeat("y", maxLine+1)
	s.add("0", long+"\n"+huge+"\nend\n")
	s.start()
	s.sync()
	lines := s.lines()
	if len(lines) != 3 || lines[2] != "end" {
		t.Fatalf("%d lines", len(lines))
	}
	if !strings.Contains(lines[0], `"shrunk":"requestObject"`) || !strings.Contains(lines[1], fmt.Sprintf(`"shrunk":"line","bytes":%d`, len(huge))) {
		t.Errorf("%.200s\n%.200s", lines[0], lines[1])
	}
	if n := testutil.ToFloat64(s.live.metrics.shrunk); n != 2 {
		t.Errorf("shrunk lines %v, want 2", n)
	}
}

// A line that is not held whole arrives as Shrink would make it, behind a hole
// as well, with the timestamp that stands at its end.
func TestLinesLongerThanAnyHeld(t *testing.T) {
	event := func(size int) string {
		return `{"kind":"Event","apiVersion":"audit.k8s.io/v1","verb":"list","responseObject":{"s":"` + strings.Repeat("s", size) + `"},"stageTimestamp":"2026-11-22T10:00:00.000001Z"}`
	}
	first, second := event(3<<20), event(2<<20)
	s := newStage(t, lokitest.Config{})
	s.add("0", first+"\nx\n"+strings.Repeat("\x00", 2<<20)+second+"\n")
	s.start()
	s.sync()
	shrunk := func(line string) string { return string(shrink.Line([]byte(line), 256<<10, nil)) }
	s.wantLines(shrunk(first), "x", shrunk(second))
	for _, e := range s.loki.Entries() {
		if got := e.Timestamp.Format(time.RFC3339Nano); got != "2026-11-22T10:00:00.000001Z" {
			t.Errorf("%.100s has timestamp %s", e.Line, got)
		}
	}
	if got := s.loki.Entries()[0].Get("verb"); got != "list" {
		t.Errorf("metadata has the verb %q", got)
	}
}

// TestLongLineThatCannotBeRead fails once: nothing is passed over. Where the
// line is gone for good its beginning arrives.
func TestLongLineThatCannotBeRead(t *testing.T) {
	line := `{"kind":"Event","apiVersion":"audit.k8s.io/v1","verb":"get","responseObject":"` + strings.Repeat("s", 2<<20) + `"}`
	s := newStage(t, lokitest.Config{})
	s.add("0", line+"\nend\n")
	s.start()
	broken := errors.New("broken")
	fail := broken
	if err := s.live.begin(); err != nil {
		t.Fatal(err)
	}
	s.live.line.open = func(rotate.Line) (io.ReadCloser, error) { return nil, fail }
	if err := s.live.Sync(t.Context()); !errors.Is(err, broken) {
		t.Fatalf("error %v, want that of reading", err)
	}
	s.wantLines()
	fail = &rotate.GoneError{}
	s.sync()
	if got := s.lines(); len(got) != 2 || !strings.HasPrefix(got[0], `{"auditsidecar":{"shrunk":"line","bytes":2097232,"prefix":"{\"kind`) || got[1] != "end" {
		t.Errorf("Loki has %.200q", got)
	}
	if got := s.loki.Entries()[0].Get("verb"); got != "" {
		t.Errorf("a stub has the verb %q", got)
	}
}

// A redacted value is gone before a line is shrunk, parsed or sent.
func TestRedactedLines(t *testing.T) {
	const secret, marker = "hunter2", "redacted"
	long := strings.Repeat("x", 300<<10)
	s := newStage(t, lokitest.Config{})
	s.edit = func(cfg *Config) {
		cfg.Redact = func(dst, line []byte, _ *auditline.Event) ([]byte, bool) {
			text := strings.ReplaceAll(string(line), secret, marker)
			return append(dst[:0], text...), text != string(line)
		}
	}
	s.add("0", `{"kind":"Event","apiVersion":"audit.k8s.io/v1","verb":"hunter2"}`+"\nplain\n"+`{"requestObject":"`+long+`","x":"hunter2"}`+"\n"+
		secret+strings.Repeat("y", maxLine)+"\n"+`{"responseObject":"hunter2`+strings.Repeat("s", 2<<20)+`","x":"hunter2"}`+"\n")
	s.start()
	s.sync()
	lines := s.lines()
	if len(lines) != 5 || lines[4] != `{"responseObject":{"auditsidecar":{"shrunk":"responseObject","bytes":2097161}},"x":"redacted"}` {
		t.Errorf("Loki has %.300q", lines)
	}
	if lines[0] != `{"kind":"Event","apiVersion":"audit.k8s.io/v1","verb":"redacted"}` || lines[1] != "plain" || !strings.Contains(lines[2], `"x":"redacted"`) ||
		!strings.Contains(lines[3], `"prefix":"redactedyyy`) {
		t.Errorf("Loki has %.300q", lines)
	}
	if got := s.loki.Entries()[0].Get("verb"); got != marker {
		t.Errorf("metadata has the verb %q", got)
	}
	if n := testutil.ToFloat64(s.live.metrics.redacted); n != 4 {
		t.Errorf("redacted lines %v, want 4", n)
	}
	if n := testutil.ToFloat64(s.live.metrics.shrunk); n != 3 {
		t.Errorf("shrunk lines %v, want 3", n)
	}
}

func TestBreaksAreNoted(t *testing.T) {
	s := newStage(t, lokitest.Config{})
	s.add("0", "a\nb\n")
	s.start()
	s.sync()
	if err := os.Truncate(s.path("0"), 0); err != nil {
		t.Fatal(err)
	}
	s.sync()
	s.append("0", "c\n")
	s.sync()
	s.wantLines("a", "b", "c")
	if n := testutil.ToFloat64(s.live.metrics.breaks.WithLabelValues("truncated")); n != 1 {
		t.Errorf("breaks %v, want 1; %q", n, s.notes)
	}
}

func TestRunWaitsForCompanyButNotLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, lokitest.Config{})
		s.add("0", "")
		s.start()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.live.Run(ctx) }()
		time.Sleep(3 * time.Second)
		begun := time.Now()
		for i := range 10 {
			s.append("0", fmt.Sprintf("%d\n", i))
			select {
			case s.poke <- struct{}{}:
			default:
			}
			time.Sleep(20 * time.Millisecond)
		}
		for range 200 {
			if s.loki.Count() == 10 {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if took := time.Since(begun); took > 700*time.Millisecond {
			t.Errorf("the last line took %s", took)
		}
		if n := s.loki.Pushes(); n > 2 {
			t.Errorf("%d pushes for ten lines in 200 ms", n)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
