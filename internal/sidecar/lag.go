package sidecar

import (
	"math"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// archiveLag is what the archive does not have yet, in any form.
type archiveLag struct {
	seconds float64 // since the oldest line may have been written
	bytes   float64
	pending float64 // seconds since the oldest finished file was rotated
}

// lagMeter measures what the archive does not have, from the ledger and the
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
		since := later(e.Born, before)
		before = e.Rotated
		if e.State != ledger.Held && e.State != ledger.Converted {
			continue
		}
		if e.Finished {
			lag.pending = max(lag.pending, now.Sub(e.Rotated).Seconds())
		}
		missing := size(e)
		if e.Open != nil {
			missing -= e.Open.Offset
			since = later(since, e.Open.At)
		}
		if missing <= 0 && !e.Finished {
			whole[e.ID] = now
			continue
		}
		// Lines came after the last time that none was missing.
		if at := m.whole[e.ID]; !at.IsZero() {
			whole[e.ID] = at
			since = later(since, at)
		}
		lag.bytes += float64(max(0, missing))
		if missing > 0 && !since.IsZero() {
			lag.seconds = max(lag.seconds, now.Sub(since).Seconds())
		}
	}
	m.whole = whole
	return lag
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sizeOf is how long a held file is now, or was when it was last looked at.
func (w *working) sizeOf(e *ledger.Entry) int64 {
	if info, err := os.Stat(w.hold.Path(e.ID)); err == nil {
		return info.Size()
	}
	return e.Seen
}

// ledgerMetrics are read from the ledger when somebody asks. Before it is open
// they are not a number.
type ledgerMetrics struct {
	sidecar *Sidecar
	meter   lagMeter

	lagSeconds, lagBytes, pending, heartbeat *prometheus.Desc
}

func newLedgerMetrics(s *Sidecar) *ledgerMetrics {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("auditsidecar_"+name, help, nil, nil)
	}
	return &ledgerMetrics{
		sidecar:    s,
		lagSeconds: desc("archive_lag_seconds", "Longest that a line can have been without a copy in the archive, increments included; 0 when there is none."),
		lagBytes:   desc("archive_lag_bytes", "Bytes of the log that the archive has in no form yet."),
		pending:    desc("archive_oldest_pending_seconds", "Time since the rotation of the oldest finished file that is not archived; 0 when there is none."),
		heartbeat:  desc("last_heartbeat_timestamp_seconds", "When the last heartbeat was made, or the epoch began."),
	}
}

// Describe implements [prometheus.Collector].
func (m *ledgerMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.lagSeconds, m.lagBytes, m.pending, m.heartbeat} {
		to <- d
	}
}

// Collect implements [prometheus.Collector].
func (m *ledgerMetrics) Collect(to chan<- prometheus.Metric) {
	lag, beat := archiveLag{math.NaN(), math.NaN(), math.NaN()}, math.NaN()
	if v := m.sidecar.working.Load(); v != nil {
		lag = m.meter.measure(v.ledger.Entries(), v.sizeOf, time.Now())
		beat = float64(v.ledger.LastHeartbeat().Unix())
	}
	for desc, value := range map[*prometheus.Desc]float64{m.lagSeconds: lag.seconds, m.lagBytes: lag.bytes, m.pending: lag.pending, m.heartbeat: beat} {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value)
	}
}
