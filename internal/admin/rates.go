package admin

import (
	"sync"
	"time"
)

const (
	// window is the time that a rate is an average of.
	window = 10 * time.Minute
	// sampleEvery is the time between two samples.
	sampleEvery = 10 * time.Second
)

// metered are the metrics that have a rate.
var metered = [...]string{"log_bytes_total", "loki_lag_bytes", "archive_lag_bytes", "loki_refused_lines_total"}

// rates are how much the metered metrics gain a second. They are safe for concurrent use.
type rates struct {
	mu        sync.Mutex
	begun, at time.Time // of the first and the last sample
	last      figures
	average   map[string]float64
}

// add takes a sample: the averages are of all samples, or of later ones more.
func (r *rates) add(now time.Time, f figures) {
	r.mu.Lock()
	defer r.mu.Unlock()
	passed := now.Sub(r.at).Seconds()
	if r.last == nil {
		r.begun, r.average, passed = now, map[string]float64{}, 0
	}
	for _, name := range metered {
		if passed > 0 && f.known(name) && r.last.known(name) {
			r.average[name] += ((f[name]-r.last[name])/passed - r.average[name]) * passed / min(now.Sub(r.begun), window).Seconds()
		}
	}
	r.at, r.last = now, f
}

// of is the rate of a metric; 0 if it is not known.
func (r *rates) of(name string) float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.average[name]
}
