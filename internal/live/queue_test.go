package live

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/auditsidecar/auditsidecar/internal/lokitest"
	"github.com/auditsidecar/auditsidecar/lokipush"
)

// event is a line with a timestamp, of at least n bytes.
func event(number int, at time.Time, n int) string {
	line := fmt.Sprintf(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"%d","stage":"ResponseComplete","stageTimestamp":"%s"`, number, at.UTC().Format("2006-01-02T15:04:05.000000Z"))
	if fill := n - len(line) - len(`,"x":""}`); fill > 0 {
		line += `,"x":"` + strings.Repeat("x", fill) + `"`
	}
	return line + "}"
}

// events are lines, one a step, that end now.
func events(n, size int, step time.Duration) (lines []string) {
	begin := time.Now().Add(-time.Duration(n) * step)
	for i := range n {
		lines = append(lines, event(i, begin.Add(time.Duration(i)*step), size))
	}
	return lines
}

// run streams until done answers true, then stops.
func (s *stage) run(done func() bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.live.Run(ctx) }()
	for !done() && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
	if ctx.Err() != nil {
		s.t.Errorf("not done after ten minutes; notes %q", s.notes)
	}
	cancel()
	if err := <-ended; err != nil {
		s.t.Error(err)
	}
}

// Several pushes are under way at once, and no more than there are places.
func TestSeveralPushesInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, lokitest.Config{})
		lines := events(100, 100<<10, time.Second)
		s.add("0", strings.Join(lines, "\n")+"\n")
		s.start()
		s.loki.Inject(maxInFlight, lokitest.Fault{Hang: true})
		s.run(func() bool { return s.loki.Pushes() >= maxInFlight })
		if n := s.loki.Pushes(); n != maxInFlight {
			t.Errorf("%d pushes under way, want %d", n, maxInFlight)
		}
		if c := s.cursor(); c.Offset != 0 {
			t.Errorf("the cursor is at %+v although nothing was accepted", c)
		}
		s.loki.Heal()
		s.sync()
		s.wantLines(lines...)
	})
}

// TestStopWaitsForAnswers stops the stream while a push is under way: Loki's answer is
// awaited for a short time, so that the lines are not sent twice.
func TestStopWaitsForAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		fault  lokitest.Fault
		pushes int
	}{
		"a slow answer": {lokitest.Fault{ReadDelay: answerTime / 4}, 1},
		"no answer":     {lokitest.Fault{Hang: true}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, lokitest.Config{})
				s.add("0", "a\n")
				s.start()
				s.loki.Inject(1, c.fault)
				s.run(func() bool { return testutil.ToFloat64(s.live.metrics.inFlight) > 0 })
				s.loki.Heal()
				s.sync()
				if s.wantLines("a"); s.loki.Pushes() != c.pushes {
					t.Errorf("%d pushes, want %d", s.loki.Pushes(), c.pushes)
				}
			})
		})
	}
}

// TestI6_CursorIsTheLowestUnacceptedByte lets the first of several pushes hang
// while those after it are accepted.
func TestI6_CursorIsTheLowestUnacceptedByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, lokitest.Config{})
		lines := events(60, 100<<10, time.Second)
		s.add("0", strings.Join(lines, "\n")+"\n")
		s.start()
		s.loki.Inject(1, lokitest.Fault{Hang: true})
		s.run(func() bool { return s.loki.Count() >= 40 })
		if c := s.cursor(); c.Offset != 0 || c.Line != 0 {
			t.Errorf("the cursor is at %+v although the first line was not accepted", c)
		}
		s.loki.Heal()
		s.start() // killed: the process knows no more than the disk
		s.sync()
		if n := s.loki.Distinct(); n != len(lines) {
			t.Errorf("%d distinct entries, want %d", n, len(lines))
		}
		if c := s.cursor(); c.Line != int64(len(lines)) {
			t.Errorf("the cursor is at %+v in the end", c)
		}
	})
}

// TestI6_FaultsAndKills streams through random faults and ends of the process,
// and expects every line to be in Loki as one entry.
func TestI6_FaultsAndKills(t *testing.T) {
	seeds := uint64(8)
	if testing.Short() {
		seeds = 4
	}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 5))
			s := newStage(t, lokitest.Config{MaxAge: 7 * 24 * time.Hour, MaxAhead: 10 * time.Minute, MaxBehind: time.Hour})
			if seed%2 == 1 {
				s.edit = func(cfg *Config) { cfg.EventLabels = []string{LabelVerb, LabelCodeClass} }
			}
			n, begin := 0, time.Now().Add(-6*24*time.Hour)
			write := func() string {
				var text strings.Builder
				for range random.IntN(60) {
					begin = begin.Add(time.Duration(random.Int64N(int64(20 * time.Minute)))) // a quiet cluster
					line := event(n, begin, random.IntN(20<<10))
					if n++; random.IntN(10) == 0 {
						line = fmt.Sprintf("no event %d", n)
					}
					verb := []string{"get", "create", "BREW"}[random.IntN(3)]
					text.WriteString(strings.Replace(line, `"auditID"`, fmt.Sprintf(`"verb":"%s","responseStatus":{"code":%d},"auditID"`, verb, 200+100*random.IntN(4)), 1) + "\n")
				}
				return text.String()
			}
			s.add("0", write())
			for round := range 8 {
				s.start()
				for range random.IntN(6) {
					fault := []lokitest.Fault{{Status: 503}, {Status: 429}, {LoseResponse: true}, {Hang: true}, {Status: 500}}[random.IntN(5)]
					s.loki.Inject(1, fault)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(4000))*time.Millisecond)
				_ = s.live.Run(ctx)
				cancel()
				if s.append(s.segments[len(s.segments)-1].ID, write()); random.IntN(2) == 0 {
					s.add(fmt.Sprint(round+1), write())
				}
			}
			s.loki.Heal()
			s.start()
			s.sync()
			want := s.written()
			if got := s.loki.Distinct(); got != want {
				t.Errorf("seed %d: %d distinct entries, want %d; notes %q", seed, got, want, s.notes)
			}
			if n := testutil.ToFloat64(s.live.metrics.refused.WithLabelValues(string(lokipush.ReasonTooFarBehind))); n != 0 {
				t.Errorf("seed %d: %v lines were refused", seed, n)
			}
		})
	}
}

// A quiet log that is sent in one go spans days. No entry may overtake another
// by more than Loki's window, neither in flight nor after a crash.
func TestBacklogOfAQuietLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, lokitest.Config{MaxBehind: time.Hour, MaxAge: 7 * 24 * time.Hour})
		lines := events(700, 10<<10, 10*time.Minute) // five days
		s.add("0", strings.Join(lines, "\n")+"\n")
		for range 6 {
			s.start()
			s.loki.Inject(3, lokitest.Fault{LoseResponse: true})
			s.loki.Inject(1, lokitest.Fault{Hang: true})
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			_ = s.live.Run(ctx)
			cancel()
		}
		s.loki.Heal()
		s.start()
		s.sync()
		if n := s.loki.Distinct(); n != len(lines) {
			t.Errorf("%d distinct entries, want %d; notes %q", n, len(lines), s.notes)
		}
		if len(s.notes) > 0 {
			t.Errorf("notes %q", s.notes)
		}
	})
}

// TestI8_MemoryIsBoundedWhileLokiIsUnavailable fills every place and reads no more.
func TestI8_MemoryIsBoundedWhileLokiIsUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, lokitest.Config{})
		s.edit = func(cfg *Config) { cfg.EventLabels = EventLabels() }
		var text strings.Builder
		for i, line := range events(200, 100<<10, time.Second) {
			text.WriteString(strings.Replace(line, `"auditID"`, fmt.Sprintf(`"verb":"%s","auditID"`, values[LabelVerb][i%14]), 1) + "\n")
		}
		s.add("0", text.String())
		s.start()
		s.loki.Inject(-1, lokitest.Fault{Status: http.StatusServiceUnavailable})
		begun := time.Now()
		s.run(func() bool { return time.Since(begun) > time.Minute })
		bytes := 0
		for _, p := range s.live.queue.open {
			bytes += p.open.Bytes()
		}
		for _, batches := range [][]*batch{s.live.queue.waiting, s.live.queue.inFlight} {
			for _, p := range batches {
				bytes += p.sealed.Bytes()
			}
		}
		if most := (maxInFlight+2)*(1<<20) + maxOpenBytes; bytes > most || bytes < 3<<20 {
			t.Errorf("%d bytes wait in memory, want at most %d", bytes, most)
		}
		if lag := testutil.ToFloat64(s.live.metrics.lagBytes); int(lag) != text.Len() {
			t.Errorf("lag %v bytes of %d", lag, text.Len())
		}
		if lag := testutil.ToFloat64(s.live.metrics.lagTime); lag < 200 || lag > 300 {
			t.Errorf("lag %v s", lag)
		}
		s.loki.Heal()
		s.sync()
		if n := s.loki.Distinct(); n != 200 {
			t.Errorf("%d entries", n)
		}
	})
}

// TestI6_AGatewayThatRefusesEverything answers with a status for entries: no
// line is passed, and it is reported.
func TestI6_AGatewayThatRefusesEverything(t *testing.T) {
	for _, words := range []string{"<html><head><title>400 The SSL certificate error</title></head></html>", "computer says no"} {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, lokitest.Config{})
			s.add("0", "a\nb\nc\n")
			s.start()
			s.loki.Inject(-1, lokitest.Fault{Status: http.StatusBadRequest, Body: words})
			begun := time.Now()
			s.run(func() bool { return time.Since(begun) > 5*time.Minute })
			if c := s.cursor(); c.Offset != 0 || s.loki.Count() != 0 {
				t.Errorf("the cursor is at %+v, Loki has %d lines", c, s.loki.Count())
			}
			if n := testutil.ToFloat64(s.live.metrics.refused.WithLabelValues(string(lokipush.ReasonOther))); n != 0 {
				t.Errorf("%v lines count as refused", n)
			}
			if n := testutil.ToFloat64(s.live.metrics.pushes.WithLabelValues(string(lokipush.Stop))); n < 5 {
				t.Errorf("%v pushes count as stopped", n)
			}
			s.loki.Heal()
			s.run(func() bool { return s.loki.Count() == 3 })
		})
	}
}
