package hold

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

type metrics struct {
	files       prometheus.Gauge
	bytes       prometheus.Gauge
	quarantined prometheus.Gauge
	unknown     prometheus.Gauge
	orphan      prometheus.Gauge
	huge        prometheus.Gauge
	budgetUsed  prometheus.Gauge
	budgetMax   prometheus.Gauge
	diskFree    prometheus.Gauge
	minFree     prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return promauto.With(reg).NewGauge(prometheus.GaugeOpts{Namespace: "auditsidecar", Name: name, Help: help})
	}
	return &metrics{
		files:       gauge("held_files", "Files that are held for a sink, the open one included."),
		bytes:       gauge("held_bytes", "Bytes in held files. They use no extra disk until kube-apiserver prunes the file."),
		quarantined: gauge("quarantined_files", "Files that cannot be archived as they are and wait for an operator."),
		unknown:     gauge("unknown_files", "Files named after the log that kube-apiserver does not write, such as audit.log.1: nothing archives them."),
		orphan:      gauge("writer_on_deleted_file", "1 while kube-apiserver writes to a file that has no name any more."),
		huge:        gauge("rotation_off", "1 while the open file is over 1 GiB: without rotation only increments of it are archived."),
		budgetUsed:  gauge("held_budget_used_bytes", "Disk that would be free without the sidecar: held files that left the audit directory, and work."),
		budgetMax:   gauge("held_budget_max_bytes", "The most of that before held files are given up."),
		minFree:     gauge("held_min_free_bytes", "Free space below which held files are given up."),
		diskFree:    gauge("disk_free_bytes", "Free space of the audit directory's file system."),
	}
}

func (m *metrics) observe(entries []ledger.Entry, size func(id string) int64) {
	var files, bytes, quarantined float64
	for _, e := range entries {
		if e.State == ledger.Quarantined {
			quarantined++
		}
		if !e.Owed() {
			continue
		}
		files++
		bytes += float64(size(e.ID))
	}
	m.files.Set(files)
	m.bytes.Set(bytes)
	m.quarantined.Set(quarantined)
}

func (m *metrics) observeBudget(u usage) {
	m.budgetUsed.Set(float64(u.used))
	m.budgetMax.Set(float64(u.budget.MaxBytes))
	m.diskFree.Set(float64(u.free))
	m.minFree.Set(float64(u.budget.MinFree))
}
