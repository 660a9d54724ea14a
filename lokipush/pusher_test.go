package lokipush

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grafana/dskit/backoff"

	"github.com/auditsidecar/auditsidecar/internal/lokitest"
)

// steady is a backoff of exactly one second: equal bounds leave no room for jitter.
var steady = backoff.Config{MinBackoff: time.Second, MaxBackoff: time.Second}

// journal notes attempts whose outcome differs from the one before, with the time since its start;
// refusals are no outage, and not noted. Several goroutines may deliver.
type journal struct {
	start  time.Time
	mu     sync.Mutex
	events []string
	last   Decision
}

func newJournal() *journal { return &journal{start: time.Now(), last: Accepted} }

func (j *journal) attempted(a Attempt) {
	d := DecisionOf(a.Err)
	j.mu.Lock()
	defer j.mu.Unlock()
	if d == j.last || d == Refused || d == Split {
		return
	}
	j.last = d
	j.events = append(j.events, fmt.Sprintf("%v %v", time.Since(j.start), d))
}

// newTestPusher returns a pusher with a backoff, or the usual one; j may be nil.
func newTestPusher(tb testing.TB, r *lokitest.Receiver, wait backoff.Config, j *journal) *Pusher {
	tb.Helper()
	var cfg PusherConfig
	if j != nil {
		cfg.OnAttempt = j.attempted
	}
	p := NewPusher(newTestClient(tb, Config{}, r.Transport()), cfg)
	if wait != (backoff.Config{}) {
		p.backoff = wait
	}
	return p
}

func TestDeliverTiming(t *testing.T) {
	type step struct {
		n     int
		fault lokitest.Fault
	}
	for _, c := range []struct {
		name   string
		wait   backoff.Config
		steps  []step
		took   time.Duration
		pushes int
		events []string
	}{
		{name: "at once", pushes: 1},
		{name: "one failure", steps: []step{{1, lokitest.Fault{Status: 503}}}, took: time.Second, pushes: 2, events: []string{"0s retry", "1s accepted"}},
		{name: "five failures", steps: []step{{5, lokitest.Fault{Status: 500}}}, took: 5 * time.Second, pushes: 6,
			events: []string{"0s retry", "5s accepted"}},
		{name: "Retry-After is honoured", steps: []step{{2, lokitest.Fault{Status: 429, RetryAfter: 7 * time.Second}}}, took: 14 * time.Second, pushes: 3,
			events: []string{"0s retry", "14s accepted"}},
		{name: "Retry-After below the backoff", wait: backoff.Config{MinBackoff: 5 * time.Second, MaxBackoff: 5 * time.Second},
			steps: []step{{1, lokitest.Fault{Status: 503, RetryAfter: time.Second}}}, took: 5 * time.Second, pushes: 2, events: []string{"0s retry", "5s accepted"}},
		{name: "Retry-After is capped", steps: []step{{1, lokitest.Fault{Status: 503, RetryAfter: 24 * time.Hour}}}, took: time.Minute, pushes: 2,
			events: []string{"0s retry", "1m0s accepted"}},
		{name: "stop is tried slowly", steps: []step{{3, lokitest.Fault{Status: 401}}}, took: 90 * time.Second, pushes: 4,
			events: []string{"0s stop", "1m30s accepted"}},
		{name: "ingestion blocked", steps: []step{{2, lokitest.Fault{Status: 260}}}, took: time.Minute, pushes: 3,
			events: []string{"0s stop", "1m0s accepted"}},
		{name: "from retry to stop and back", steps: []step{{4, lokitest.Fault{Status: 503}}, {1, lokitest.Fault{Status: 404}}, {2, lokitest.Fault{Status: 503}}},
			took: 36 * time.Second, pushes: 8, events: []string{"0s retry", "4s stop", "34s retry", "36s accepted"}},
		{name: "hanging server", steps: []step{{1, lokitest.Fault{Hang: true}}}, took: 11 * time.Second, pushes: 2,
			events: []string{"10s retry", "11s accepted"}},
		{name: "lost answer", steps: []step{{1, lokitest.Fault{LoseResponse: true}}}, took: time.Second, pushes: 2, events: []string{"0s retry", "1s accepted"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := lokitest.New(lokitest.Config{})
				for _, s := range c.steps {
					r.Inject(s.n, s.fault)
				}
				if c.wait == (backoff.Config{}) {
					c.wait = steady
				}
				j := newJournal()
				refused, err := newTestPusher(t, r, c.wait, j).Deliver(t.Context(), batchOf(t, "a", "b"))
				if took := time.Since(j.start); err != nil || len(refused) != 0 || took != c.took || r.Pushes() != c.pushes {
					t.Errorf("%v, %v after %s and %d pushes, want %s and %d", refused, err, took, r.Pushes(), c.took, c.pushes)
				}
				if !slices.Equal(j.events, c.events) {
					t.Errorf("noted %q, want %q", j.events, c.events)
				}
				if r.Distinct() != 2 {
					t.Errorf("%d entries arrived", r.Distinct())
				}
			})
		})
	}
}

func TestBackoffGrowsWithJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := lokitest.New(lokitest.Config{})
		r.Inject(8, lokitest.Fault{Status: 503})
		var at []time.Duration
		start := time.Now()
		p := newTestPusher(t, r, backoff.Config{}, nil)
		p.cfg.OnAttempt = func(Attempt) { at = append(at, time.Since(start)) }
		if _, err := p.Deliver(t.Context(), batchOf(t, "a")); err != nil {
			t.Fatal(err)
		}
		least := minBackoff
		for i := range at[1:] {
			gap := at[i+1] - at[i]
			if gap < least || gap > min(2*least, maxBackoff) {
				t.Errorf("wait %d is %s, want %s to twice that", i, gap, least)
			}
			if 2*least <= maxBackoff {
				least *= 2
			}
		}
		if len(at) != 9 {
			t.Errorf("%d attempts", len(at))
		}
	})
}

func TestDeliverFindsRefusedLines(t *testing.T) {
	const long = 200
	for _, bad := range [][]int{{0}, {9}, {4, 5}, {0, 3, 9}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, nil} {
		synctest.Test(t, func(t *testing.T) {
			r := lokitest.New(lokitest.Config{MaxLine: long - 1})
			b := newTestBatch(t, bounds{})
			var want []string
			for i := range 10 {
				line := fmt.Sprintf("line %d", i)
				if slices.Contains(bad, i) {
					line += strings.Repeat("x", long)
				} else {
					want = append(want, line)
				}
				b.Add(time.Unix(int64(i), 0), []byte(line), nil)
			}
			start := time.Now()
			refused, err := newTestPusher(t, r, backoff.Config{}, nil).Deliver(t.Context(), b)
			if err != nil || time.Since(start) != 0 {
				t.Errorf("%v after %s: refusals need no wait", err, time.Since(start))
			}
			var got []int
			for _, refusal := range refused {
				got = append(got, refusal.Index)
				if refusal.Reason != ReasonLineTooLong || refusal.Err.Code != 400 {
					t.Errorf("%v", refusal)
				}
			}
			if !slices.Equal(got, bad) {
				t.Errorf("refused %v, want %v", got, bad)
			}
			lines := slices.Compact(slices.Sorted(slices.Values(r.Lines())))
			if !slices.Equal(lines, want) || r.Distinct() != len(want) {
				t.Errorf("arrived %q, want %q", lines, want)
			}
		})
	}
}

func TestDeliverSplitsWhatIsTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := lokitest.New(lokitest.Config{MaxRequest: 1000})
		lines := make([]string, 40)
		for i := range lines {
			lines[i] = fmt.Sprint(i, strings.Repeat("x", 80))
		}
		lines[17] = strings.Repeat("y", 2000)
		refused, err := newTestPusher(t, r, backoff.Config{}, nil).Deliver(t.Context(), batchOf(t, lines...))
		if err != nil || len(refused) != 1 || refused[0].Index != 17 || refused[0].Reason != ReasonLargerThanMessage {
			t.Errorf("got %v, %v", refused, err)
		}
		if r.Count() != 39 || r.Distinct() != 39 {
			t.Errorf("%d entries arrived, %d distinct", r.Count(), r.Distinct())
		}
	})
}

// A batch above the burst arrives in pieces, whether the answer names the burst, a rate above it or no number.
func TestDeliverSplitsWhatTheRateLimitNeverPasses(t *testing.T) {
	lines := make([]string, 40)
	for i := range lines {
		lines[i] = fmt.Sprint(i, strings.Repeat("x", 80))
	}
	for name, c := range map[string]struct{ rate, most int }{"the burst": {0, 1 + 8}, "a rate above the burst": {1 << 20, 8 + 7*splitAfterLimited}} {
		synctest.Test(t, func(t *testing.T) {
			r := lokitest.New(lokitest.Config{Burst: 1000, Rate: c.rate})
			refused, err := newTestPusher(t, r, steady, nil).Deliver(t.Context(), batchOf(t, lines...))
			if err != nil || len(refused) != 0 || r.Count() != len(lines) || r.Pushes() > c.most {
				t.Errorf("%s: %v, %v, %d stored after %d pushes", name, refused, err, r.Count(), r.Pushes())
			}
		})
	}
}

// A single entry above the burst is refused after a while, with its reason; the others arrive.
func TestDeliverRefusesAnEntryAboveTheBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := lokitest.New(lokitest.Config{Burst: 1000})
		refused, err := newTestPusher(t, r, backoff.Config{}, nil).Deliver(t.Context(), batchOf(t, "a", strings.Repeat("x", 1200), "b"))
		if err != nil || len(refused) != 1 || refused[0].Index != 1 || refused[0].Reason != ReasonRateLimited || r.Distinct() != 2 {
			t.Errorf("got %v, %v, %d stored", refused, err, r.Distinct())
		}
	})
}

// A 429 that is not of a rate limit is waited for like an outage, even if Loki accepts others.
func TestDeliverWaitsForTheStreamLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := lokitest.New(lokitest.Config{})
		r.Inject(3*dropAfterLimited, lokitest.Fault{Status: 429, Body: "Maximum active stream limit exceeded"})
		p := newTestPusher(t, r, steady, nil)
		time.AfterFunc(time.Millisecond, func() { p.accepted.Store(1 << 40) }) // by other deliveries
		refused, err := p.Deliver(t.Context(), batchOf(t, "a"))
		if err != nil || len(refused) > 0 || r.Count() != 1 {
			t.Errorf("%v, %v, %d stored", refused, err, r.Count())
		}
	})
}

// If the answer names a limit above the entry, it is refused only if Loki accepts as many other pushes.
func TestDeliverRefusesAnEntryThatLokiNeverTakes(t *testing.T) {
	for _, others := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := lokitest.New(lokitest.Config{Burst: 1000, Rate: 1 << 20})
			p := newTestPusher(t, r, steady, nil)
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			if others {
				go func() {
					for i := 0; ctx.Err() == nil; i++ {
						if _, err := p.Deliver(ctx, batchOf(t, fmt.Sprint(i))); err != nil && ctx.Err() == nil {
							t.Error(err)
						}
						time.Sleep(time.Second / 2) // more often than the entry: the first may count or not
					}
				}()
			}
			refused, err := p.Deliver(ctx, batchOf(t, strings.Repeat("x", 1200)))
			if others && (err != nil || len(refused) != 1 || refused[0].Reason != ReasonRateLimited) || !others && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("others %v: %v, %v", others, refused, err)
			}
			cancel()
			time.Sleep(time.Second) // the others end
		})
	}
}

func TestDeliverCountsRateLimitsInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := lokitest.New(lokitest.Config{MaxLine: -1})
		r.Inject(splitAfterLimited-1, lokitest.Fault{Status: 429})
		r.Inject(1, lokitest.Fault{Status: 503})
		r.Inject(splitAfterLimited-1, lokitest.Fault{Status: 429})
		half := strings.Repeat("x", 200<<10)
		_, err := newTestPusher(t, r, steady, nil).Deliver(t.Context(), batchOf(t, half, half))
		if err != nil || r.Pushes() != 2*splitAfterLimited {
			t.Errorf("%v after %d pushes: split too early", err, r.Pushes())
		}
	})
}

func TestDeliverRefusesNothingForAWrongSetting(t *testing.T) {
	for _, fault := range []lokitest.Fault{{Status: 400, Body: wordsBadLabels}, {Status: 400, Body: wordsNoMetadata}, {Status: 403}, {Status: 301}, {Status: 404}} {
		synctest.Test(t, func(t *testing.T) {
			r := lokitest.New(lokitest.Config{})
			r.Inject(-1, fault)
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour-time.Second)
			defer cancel()
			refused, err := newTestPusher(t, r, backoff.Config{}, nil).Deliver(ctx, batchOf(t, "a", "b"))
			if len(refused) != 0 || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%d: %v, %v", fault.Status, refused, err)
			}
			if status, ok := errors.AsType[*StatusError](err); !ok || status.Code != fault.Status {
				t.Errorf("%d: the error does not say why: %v", fault.Status, err)
			}
			if r.Pushes() != 120 {
				t.Errorf("%d: %d attempts in an hour, want one each 30 s", fault.Status, r.Pushes())
			}
		})
	}
}

func TestDeliverEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, fault := range []lokitest.Fault{{Status: 503, RetryAfter: time.Minute}, {Hang: true}, {Status: 401}} {
			r := lokitest.New(lokitest.Config{})
			r.Inject(-1, fault)
			ctx, cancel := context.WithCancelCause(t.Context())
			reason := errors.New("shutting down")
			time.AfterFunc(1500*time.Millisecond, func() { cancel(reason) })
			j := newJournal()
			_, err := newTestPusher(t, r, steady, j).Deliver(ctx, batchOf(t, "a", "b"))
			if !errors.Is(err, reason) || time.Since(j.start) != 1500*time.Millisecond {
				t.Errorf("%+v: %v after %s", fault, err, time.Since(j.start))
			}
			if fault.Hang && len(j.events) != 0 {
				t.Errorf("a push that the caller gave up says nothing about Loki, noted %q", j.events)
			}
		}
	})
}

func TestDeliverGivesUpAfterMaxRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := lokitest.New(lokitest.Config{})
		r.Inject(-1, lokitest.Fault{Status: 503})
		cfg := steady
		cfg.MaxRetries = 3
		start := time.Now()
		_, err := newTestPusher(t, r, cfg, nil).Deliver(t.Context(), batchOf(t, "a"))
		if DecisionOf(err) != Retry || err == nil || r.Pushes() != 3 || time.Since(start) != 2*time.Second {
			t.Errorf("got %v after %d pushes and %s", err, r.Pushes(), time.Since(start))
		}
	})
}

func TestConcurrentDeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := lokitest.New(lokitest.Config{})
		r.Inject(-1, lokitest.Fault{Status: 503})
		p := newTestPusher(t, r, steady, nil)
		time.AfterFunc(9500*time.Millisecond, r.Heal)
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 4 {
			b := batchOf(t, fmt.Sprint(i))
			wg.Go(func() {
				if _, err := p.Deliver(t.Context(), b); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(start); took != 10*time.Second || r.Distinct() != 4 {
			t.Errorf("%d entries after %v", r.Distinct(), took)
		}
	})
}

func TestOnAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := lokitest.New(lokitest.Config{})
		r.Inject(1, lokitest.Fault{Status: 503})
		r.Inject(1, lokitest.Fault{ReadDelay: time.Second})
		var got []Attempt
		p := newTestPusher(t, r, backoff.Config{}, nil)
		p.cfg.OnAttempt = func(a Attempt) { got = append(got, a) }
		b := batchOf(t, "a", "b")
		if _, err := p.Deliver(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if len(got) != 2 || DecisionOf(got[0].Err) != Retry || got[1].Err != nil {
			t.Fatalf("got %+v", got)
		}
		if got[1].Bytes != b.Bytes() || got[1].Duration < time.Second {
			t.Errorf("got %+v", got[1])
		}
	})
}
