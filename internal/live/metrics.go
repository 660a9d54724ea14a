package live

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/auditsidecar/auditsidecar/lokipush"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// metrics has the metrics of the stream, as its fields.
type metrics struct {
	readLines   prometheus.Counter
	readBytes   prometheus.Counter
	lines       prometheus.Counter
	bytes       prometheus.Counter
	redacted    prometheus.Counter
	shrunk      prometheus.Counter
	mended      prometheus.Counter
	lagBytes    prometheus.Gauge
	lagTime     prometheus.Gauge
	lastEntry   prometheus.Gauge
	lastSuccess prometheus.Gauge
	inFlight    prometheus.Gauge
	pushSeconds prometheus.Histogram
	pushes      *prometheus.CounterVec
	refused     *prometheus.CounterVec
	breaks      *prometheus.CounterVec

	newest time.Time // that lastEntry shows
}

func newMetrics(reg prometheus.Registerer) *metrics {
	factory := promauto.With(reg)
	counter := func(name, help string) prometheus.Counter {
		return factory.NewCounter(prometheus.CounterOpts{Namespace: "auditsidecar", Name: name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return factory.NewGauge(prometheus.GaugeOpts{Namespace: "auditsidecar", Name: name, Help: help})
	}
	vec := func(name, help, label string) *prometheus.CounterVec {
		return factory.NewCounterVec(prometheus.CounterOpts{Namespace: "auditsidecar", Name: name, Help: help}, []string{label})
	}
	m := &metrics{
		readLines:   counter("read_lines_total", "Lines that were read of the log, to be streamed."),
		readBytes:   counter("read_bytes_total", "Bytes of these lines."),
		lines:       counter("streamed_lines_total", "Lines that Loki accepted."),
		bytes:       counter("streamed_bytes_total", "Uncompressed bytes of the pushes that Loki accepted."),
		redacted:    counter("loki_redacted_lines_total", "Lines of which something was replaced before they were sent."),
		shrunk:      counter("loki_shrunk_lines_total", "Lines longer than Loki accepts, sent in a shorter form."),
		mended:      counter("loki_invalid_utf8_lines_total", "Lines with bytes that are not UTF-8, sent with U+FFFD for each of these."),
		lagBytes:    gauge("loki_lag_bytes", "Bytes of the log that Loki has neither accepted nor refused."),
		lagTime:     gauge("loki_lag_seconds", "Age of the oldest line that was read and that Loki has neither accepted nor refused; 0 without one."),
		lastEntry:   gauge("loki_last_entry_timestamp_seconds", "Newest timestamp of the entries that Loki accepted."),
		lastSuccess: gauge("loki_last_success_timestamp_seconds", "When Loki last accepted a push; 0 before the first."),
		inFlight:    gauge("loki_pushes_in_flight", "Deliveries to Loki under way, waits between their attempts included."),
		pushSeconds: factory.NewHistogram(prometheus.HistogramOpts{
			Namespace: "auditsidecar", Name: "loki_push_duration_seconds", Help: "Time that one attempt to push took, failed ones included.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
		pushes:  vec("loki_pushes_total", "Attempts to push to Loki, by the meaning of its answer: accepted, retry (and how many of them there were), split, refused, stop.", "outcome"),
		refused: vec("loki_refused_lines_total", "Lines that Loki refused for good, or would have, by reason. They are in the archive.", "reason"),
		breaks:  vec("stream_breaks_total", "Breaks in the log as it was read, by reason.", "reason"),
	}
	m.create()
	return m
}

// create makes every series exist before it is first counted, so that alerts
// on an increase see it.
func (m *metrics) create() {
	for _, d := range []lokipush.Decision{lokipush.Accepted, lokipush.Retry, lokipush.Split, lokipush.Refused, lokipush.Stop} {
		m.pushes.WithLabelValues(string(d))
	}
	for _, r := range lokipush.Reasons() {
		m.refused.WithLabelValues(string(r))
	}
	for _, err := range []error{&rotate.TruncatedError{}, &rotate.GoneError{}, &rotate.CorruptError{}} {
		m.breaks.WithLabelValues(breakReason(err))
	}
}

// observeEntry notes that an entry was accepted.
func (m *metrics) observeEntry(at time.Time) {
	if at.After(m.newest) {
		m.newest = at
		m.lastEntry.Set(float64(at.UnixMilli()) / 1e3)
	}
}

func isBreak(err error) bool { return breakReason(err) != "" }

func breakReason(err error) string {
	if _, ok := errors.AsType[*rotate.TruncatedError](err); ok {
		return "truncated"
	}
	if _, ok := errors.AsType[*rotate.GoneError](err); ok {
		return "gone"
	}
	if _, ok := errors.AsType[*rotate.CorruptError](err); ok {
		return "corrupt"
	}
	return ""
}
