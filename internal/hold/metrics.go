package hold

import (
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

type metrics struct {
	files       prometheus.Gauge
	bytes       prometheus.Gauge
	quarantined prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "auditsidecar", Name: name, Help: help})
	}
	m := &metrics{
		files:       gauge("held_files", "Files that are held for a sink, the open one included."),
		bytes:       gauge("held_bytes", "Bytes in held files. They use no extra disk until kube-apiserver prunes the file."),
		quarantined: gauge("quarantined_files", "Files that cannot be archived as they are and wait for an operator."),
	}
	reg.MustRegister(m.files, m.bytes, m.quarantined)
	return m
}

func (m *metrics) observe(entries []ledger.Entry, dir string) {
	var files, bytes, quarantined float64
	for _, e := range entries {
		if e.State == ledger.Quarantined {
			quarantined++
		}
		if !e.Owed() {
			continue
		}
		files++
		if info, err := os.Stat(filepath.Join(dir, e.ID)); err == nil {
			bytes += float64(info.Size())
		}
	}
	m.files.Set(files)
	m.bytes.Set(bytes)
	m.quarantined.Set(quarantined)
}
