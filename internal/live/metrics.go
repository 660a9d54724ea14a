package live

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/auditsidecar/auditsidecar/lokipush"
	"github.com/auditsidecar/auditsidecar/rotate"
)

type metrics struct {
	lines     prometheus.Counter
	bytes     prometheus.Counter
	redacted  prometheus.Counter
	shrunk    prometheus.Counter
	lag       prometheus.Gauge
	lastEntry prometheus.Gauge
	pushes    *prometheus.CounterVec
	refused   *prometheus.CounterVec
	breaks    *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "auditsidecar", Name: name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "auditsidecar", Name: name, Help: help})
	}
	vec := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "auditsidecar", Name: name, Help: help}, []string{label})
	}
	m := &metrics{
		lines:     counter("streamed_lines_total", "Lines that Loki accepted."),
		bytes:     counter("streamed_bytes_total", "Uncompressed bytes of the pushes that Loki accepted."),
		redacted:  counter("loki_redacted_lines_total", "Lines of which something was replaced before they were sent."),
		shrunk:    counter("loki_shrunk_lines_total", "Lines longer than Loki accepts, sent in a shorter form."),
		lag:       gauge("loki_lag_bytes", "Bytes of the log that were not yet read for Loki."),
		lastEntry: gauge("loki_last_entry_timestamp_seconds", "Timestamp of the last entry that Loki accepted."),
		pushes:    vec("loki_pushes_total", "Attempts to push to Loki, by what its answer meant.", "outcome"),
		refused:   vec("loki_refused_lines_total", "Lines that Loki refused for good, by reason. They are in the archive.", "reason"),
		breaks:    vec("stream_breaks_total", "Breaks in what could be read of the log, by reason.", "reason"),
	}
	m.create()
	reg.MustRegister(m.lines, m.bytes, m.redacted, m.shrunk, m.lag, m.lastEntry, m.pushes, m.refused, m.breaks)
	return m
}

// create makes every series exist before it is first counted, so that alerts
// on an increase see it.
func (m *metrics) create() {
	for _, d := range []lokipush.Decision{lokipush.Accepted, lokipush.Retry, lokipush.Split, lokipush.Refused, lokipush.Stop} {
		m.pushes.WithLabelValues(d.String())
	}
	for _, r := range lokipush.Reasons() {
		m.refused.WithLabelValues(string(r))
	}
	for _, err := range []error{&rotate.TruncatedError{}, &rotate.GoneError{}, &rotate.CorruptError{}} {
		m.breaks.WithLabelValues(breakReason(err))
	}
}

func (m *metrics) observeLag(r *rotate.Reader) {
	if lag, err := r.Lag(); err == nil {
		m.lag.Set(float64(lag))
	}
}

func isBreak(err error) bool { return breakReason(err) != "" }

func breakReason(err error) string {
	var (
		truncated *rotate.TruncatedError
		gone      *rotate.GoneError
		corrupt   *rotate.CorruptError
	)
	switch {
	case errors.As(err, &truncated):
		return "truncated"
	case errors.As(err, &gone):
		return "gone"
	case errors.As(err, &corrupt):
		return "corrupt"
	}
	return ""
}
