package admin

import (
	"math"
	"testing"
	"time"
)

// A rate is the average of the measurements; later changes count more and more.
func TestRates(t *testing.T) {
	var r rates
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	total := 1e10
	grow := func(d time.Duration, rate float64) {
		for range d / sampleEvery {
			now, total = now.Add(sampleEvery), total+rate*sampleEvery.Seconds()
			r.add(now, figures{"log_bytes_total": total})
		}
	}
	about := func(when string, want float64) {
		t.Helper()
		if got := r.of("log_bytes_total"); math.Abs(got-want) > 1e-2*max(1, want) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
	about("before the first sample", 0)
	r.add(now, figures{"log_bytes_total": total})
	about("of one sample", 0)
	grow(sampleEvery, 100)
	about("of two", 100)
	grow(window-sampleEvery, 100)
	about("of a window", 100)
	grow(10*window, 0)
	about("long after the end", 0)
	r.add(now.Add(sampleEvery), figures{})
	about("of what is not known", 0)
}
