package admin

import (
	"math"
	"slices"
	"sync"
	"time"
)

const (
	// window is how far back the graphs go.
	window = time.Hour
	// sampleEvery is the time between two samples.
	sampleEvery = 10 * time.Second
	// samples is how many are kept: those of the window.
	samples = int(window/sampleEvery) + 1
)

// sampled are the metrics behind the lines of the graphs.
var sampled = [...]string{"loki_lag_seconds", "loki_lag_bytes", "archive_lag_seconds", "archive_lag_bytes"}

// sample is what was measured at one moment; NaN is what was not known.
type sample struct {
	at     time.Time
	values [len(sampled)]float32
}

// history keeps the samples of the window, the oldest first. It is safe for
// concurrent use.
type history struct {
	mu      sync.Mutex
	samples []sample
}

// add keeps a sample and drops the oldest if there are more than the window has.
func (h *history) add(at time.Time, f figures) {
	s := sample{at: at}
	for i, name := range sampled {
		s.values[i] = float32(math.NaN())
		if f.known(name) {
			s.values[i] = float32(f[name])
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.samples = append(h.samples[max(0, len(h.samples)+1-samples):], s)
}

// line returns the line of a sampled metric, the oldest point first, as far as it is in
// the window; its last point is measured now.
func (h *history) line(metric string, now time.Time, f figures) (points []point) {
	which := slices.Index(sampled[:], metric)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.samples {
		if ago := now.Sub(s.at); ago >= 0 && ago <= window {
			points = append(points, point{ago, float64(s.values[which])})
		}
	}
	if f.known(metric) {
		points = append(points, point{0, f[metric]})
	}
	return points
}
