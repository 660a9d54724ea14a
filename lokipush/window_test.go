package lokipush

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grafana/dskit/backoff"

	"github.com/auditsidecar/auditsidecar/internal/lokitest"
)

func TestOldestAccepted(t *testing.T) {
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		reason Reason
		body   string
		want   time.Time
	}{
		{ReasonTooOld, "entry for stream '{a=\"b\"}' has timestamp too old: 2026-11-01T00:00:00Z, oldest acceptable timestamp is: 2026-11-22T10:00:00Z", at},
		{ReasonTooFarBehind, "entry with timestamp x ignored, reason: 'entry too far behind, entry timestamp is: 2026-11-22T08:00:00Z, oldest acceptable timestamp is: 2026-11-22T11:00:00+01:00',", at},
		{ReasonLineTooLong, "oldest acceptable timestamp is: 2026-11-22T10:00:00Z", time.Time{}},
		{ReasonTooOld, "timestamp too old", time.Time{}},
		{ReasonTooOld, "oldest acceptable timestamp is: 2026-13-22T10:00:00Z", time.Time{}},
	} {
		if got := oldestAccepted(c.reason, c.body); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", c.body, got, c.want)
		}
	}
}

func TestBatchSince(t *testing.T) {
	b := newTestBatch(t, bounds{})
	stamps := []time.Time{time.Unix(5, 1), time.Unix(0, 0), time.Unix(7, 0), time.Unix(-3, 9), time.Unix(6, 999_999_999)}
	for i, at := range stamps {
		b.Add(at, []byte(fmt.Sprint("line ", i)), nil)
		if got := b.timestamp(i); !got.Equal(at) {
			t.Errorf("timestamp %s, want %s", got, at)
		}
	}
	kept, indices := b.since(time.Unix(6, 0))
	if !slices.Equal(indices, []int{2, 4}) || kept.Len() != 2 {
		t.Fatalf("kept %v", indices)
	}
	if got := decoded(t, kept); got[0].Line != "line 2" || got[1].Line != "line 4" {
		t.Errorf("kept %v", got)
	}
	if all, indices := b.since(time.Time{}); all != b || len(indices) != b.Len() {
		t.Error("a zero time keeps everything")
	}
}

// Entries outside of Loki's window are refused by two pushes, not by a search for each of them.
func TestDeliverLearnsTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		for _, c := range []struct {
			name   string
			cfg    lokitest.Config
			first  []time.Duration // pushed before
			ages   []time.Duration
			want   []int
			reason Reason
			pushes int
		}{
			{"too old", lokitest.Config{MaxAge: time.Hour}, nil, []time.Duration{2 * time.Hour, 0, 3 * time.Hour, time.Minute}, []int{0, 2}, ReasonTooOld, 2},
			{"all too old", lokitest.Config{MaxAge: time.Hour}, nil, []time.Duration{2 * time.Hour, 4 * time.Hour, 3 * time.Hour}, []int{0, 1, 2}, ReasonTooOld, 1},
			{"behind", lokitest.Config{MaxBehind: time.Hour}, []time.Duration{0}, []time.Duration{2 * time.Hour, time.Minute, 3 * time.Hour}, []int{0, 2}, ReasonTooFarBehind, 2},
		} {
			r := lokitest.New(c.cfg)
			p := newTestPusher(t, r, backoff.Config{}, nil)
			add := func(ages []time.Duration) *Batch {
				b := newTestBatch(t, bounds{})
				for i, age := range ages {
					b.Add(now.Add(-age), []byte(fmt.Sprint(i)), nil)
				}
				return b
			}
			if _, err := p.Deliver(t.Context(), add(c.first)); err != nil {
				t.Fatal(err)
			}
			before := r.Pushes()
			refused, err := p.Deliver(t.Context(), add(c.ages))
			var got []int
			for _, refusal := range refused {
				got = append(got, refusal.Index)
				if refusal.Reason != c.reason {
					t.Errorf("%s: reason %s", c.name, refusal.Reason)
				}
			}
			if err != nil || !slices.Equal(got, c.want) || r.Pushes()-before > c.pushes {
				t.Errorf("%s: refused %v, %v after %d pushes", c.name, got, err, r.Pushes()-before)
			}
			if n := r.Distinct(); n != len(c.first)+len(c.ages)-len(c.want) {
				t.Errorf("%s: %d stored", c.name, n)
			}
		}
	})
}

// Refusals for other reasons among the kept entries have the right index.
func TestDeliverRefusesForSeveralReasons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := lokitest.New(lokitest.Config{MaxAge: time.Hour, MaxLine: 100})
		b := newTestBatch(t, bounds{})
		var want []string
		for i := range 40 {
			at, line := time.Now(), fmt.Sprint("line ", i)
			switch i % 5 {
			case 1:
				at = at.Add(-2 * time.Hour)
				want = append(want, fmt.Sprint(i, " ", ReasonTooOld))
			case 3:
				line += strings.Repeat("x", 100)
				want = append(want, fmt.Sprint(i, " ", ReasonLineTooLong))
			}
			b.Add(at, []byte(line), nil)
		}
		refused, err := newTestPusher(t, r, backoff.Config{}, nil).Deliver(t.Context(), b)
		var got []string
		for _, refusal := range refused {
			got = append(got, fmt.Sprint(refusal.Index, " ", refusal.Reason))
		}
		if err != nil || !slices.Equal(got, want) || r.Distinct() != 40-len(want) {
			t.Errorf("%v; refused %q, want %q; %d stored", err, got, want, r.Distinct())
		}
	})
}
