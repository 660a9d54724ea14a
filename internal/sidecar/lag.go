package sidecar

import (
	"math"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// archiveLag describes the lines that the archive does not have yet, in any form.
type archiveLag struct {
	seconds float64 // since the oldest line may have been written
	bytes   float64
	pending float64 // seconds since the oldest finished file was rotated
}

// lagMeter measures the lines that the archive does not have, from the ledger and the
// sizes of the files. It is safe for concurrent use.
type lagMeter struct {
	mu    sync.Mutex
	whole map[string]time.Time // when the archive was last seen to have all of a segment
}

// measure looks at all segments. size is how long one is now.
func (m *lagMeter) measure(entries []ledger.Entry, size func(*ledger.Entry) int64, now time.Time) (lag archiveLag) {
	m.mu.Lock()
	defer m.mu.Unlock()
	whole := map[string]time.Time{}
	var before time.Time // the rotation that the next file begins with
	for i := range entries {
		e := &entries[i]
		begun := before
		before = e.Rotated
		if e.State != ledger.Held && e.State != ledger.Converted {
			continue
		}
		if e.Finished {
			lag.pending = max(lag.pending, now.Sub(e.Rotated).Seconds())
		}
		missing, archived, seen := size(e), time.Time{}, m.whole[e.ID]
		if e.Open != nil {
			missing -= e.Open.Offset
			archived = e.Open.At
		}
		if missing <= 0 && !e.Finished {
			whole[e.ID] = now
			continue
		}
		if !seen.IsZero() {
			whole[e.ID] = seen
		}
		lag.bytes += float64(max(0, missing))
		// Lines came after each of these times.
		since := slices.MaxFunc([]time.Time{e.Born, begun, archived, seen}, time.Time.Compare)
		if missing > 0 && !since.IsZero() {
			lag.seconds = max(lag.seconds, now.Sub(since).Seconds())
		}
	}
	m.whole = whole
	return lag
}

// sizeOf is how long a held file is now, or was when it was last looked at.
func (w *working) sizeOf(e *ledger.Entry) int64 {
	if info, err := os.Stat(w.hold.Path(e.ID)); err == nil {
		return info.Size()
	}
	return e.Seen
}

// registerLag registers the metrics that are read from the ledger at each scrape. Before it is
// open, the figures are not a number.
func (s *Sidecar) registerLag() {
	gauge := func(name, help string, value func(*working) float64) {
		promauto.With(s.registry).NewGaugeFunc(prometheus.GaugeOpts{Namespace: "auditsidecar", Name: name, Help: help}, func() float64 {
			if w := s.working.Load(); w != nil {
				return value(w)
			}
			return math.NaN()
		})
	}
	var meter lagMeter
	lag := func(w *working) archiveLag { return meter.measure(w.ledger.Entries(), w.sizeOf, time.Now()) }
	gauge("archive_lag_seconds", "Longest that a line can have been without a copy in the archive, increments included; 0 without one.",
		func(w *working) float64 { return lag(w).seconds })
	gauge("archive_lag_bytes", "Bytes of the log that the archive has in no form yet.",
		func(w *working) float64 { return lag(w).bytes })
	gauge("archive_oldest_pending_seconds", "Time since the rotation of the oldest finished file that is not archived; 0 without one.",
		func(w *working) float64 { return lag(w).pending })
	gauge("last_heartbeat_timestamp_seconds", "When the last heartbeat was made, or the epoch began.",
		func(w *working) float64 { return float64(w.ledger.Chain().Heartbeat.Unix()) })
}
