package shipper

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

type metrics struct {
	files       prometheus.Counter
	lines       prometheus.Counter
	bytes       prometheus.Counter
	storedBytes prometheus.Counter
	uploads     *prometheus.CounterVec
	copies      *prometheus.CounterVec
	pendingNow  prometheus.Gauge
	chainRecord prometheus.Gauge
	keyReplaced prometheus.Gauge
	chainHead   *prometheus.GaugeVec
	increments  prometheus.Counter
	openBytes   prometheus.Gauge
	redacted    prometheus.Counter
	edited      prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	factory := promauto.With(reg)
	counter := func(name, help string) prometheus.Counter {
		return factory.NewCounter(prometheus.CounterOpts{Namespace: "auditsidecar", Name: name, Help: help})
	}
	counters := func(name, label, help string) *prometheus.CounterVec {
		return factory.NewCounterVec(prometheus.CounterOpts{Namespace: "auditsidecar", Name: name, Help: help}, []string{label})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return factory.NewGauge(prometheus.GaugeOpts{Namespace: "auditsidecar", Name: name, Help: help})
	}
	m := &metrics{
		files:       counter("archived_files_total", "Finished audit log files that the archive has confirmed."),
		lines:       counter("archived_lines_total", "Lines of those files."),
		bytes:       counter("archived_source_bytes_total", "Bytes of those files, unpacked."),
		storedBytes: counter("archived_object_bytes_total", "Bytes of the objects that the archive has confirmed."),
		uploads:     counters("uploads_total", "outcome", "Objects sent to the archive, by outcome."),
		copies:      counters("archive_copies_total", "reason", "Objects stored again under another key, because the first holds other bytes (differs) or may not be read."),
		pendingNow:  gauge("archive_pending_files", "Finished files that the archive does not have yet."),
		chainRecord: gauge("chain_records", "Number of the last record that the archive has confirmed."),
		keyReplaced: gauge("signing_key_replaced", "1 while records are not signed because the signing key was replaced by another."),
		chainHead: factory.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "auditsidecar", Name: "chain_head", Help: "Number of the last record that the archive has confirmed; label root: the tree up to it, for verify --expect-head.",
		}, []string{"tree", "root"}),
		increments: counter("open_increments_total", "Increments of the open file that the archive has confirmed."),
		openBytes:  gauge("archived_open_bytes", "Bytes of the open file that the archive has as increments."),
		redacted:   counter("archive_redacted_lines_total", "Lines of which something was replaced before they were archived, each time that they were converted."),
		edited:     counter("edited_files_total", "Finished files that no longer begin with the bytes read before, so they were edited."),
	}
	m.uploads.WithLabelValues("stored")
	m.uploads.WithLabelValues("failed")
	m.copies.WithLabelValues("differs")
	m.copies.WithLabelValues("unreadable")
	return m
}

func (m *metrics) pending(entries []ledger.Entry) {
	var n float64
	for _, e := range entries {
		if e.Finished && e.State != ledger.Retired && e.State != ledger.Quarantined {
			n++
		}
	}
	m.pendingNow.Set(n)
}

// showHead shows the head of the tree; there is one series of it at a time.
func (s *workspace) showHead(head ledger.Head) {
	s.metrics.chainHead.Reset()
	if head.Number > 0 {
		s.metrics.chainHead.WithLabelValues(manifest.Origin(s.cfg.Cluster, s.cfg.Node, head.Tree), head.Root).Set(float64(head.Number))
	}
	s.metrics.chainRecord.Set(float64(head.Number))
}

func (m *metrics) archived(e ledger.Entry) {
	m.files.Inc()
	if e.Source != nil {
		m.lines.Add(float64(e.Source.Lines))
		m.bytes.Add(float64(e.Source.Size))
	}
}

// opened shows how far the archive has the open file.
func (m *metrics) opened(e ledger.Entry) {
	var have int64
	if e.Open != nil && !e.Finished {
		have = e.Open.Offset
	}
	m.openBytes.Set(float64(have))
}
