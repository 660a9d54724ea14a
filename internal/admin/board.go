package admin

import (
	"cmp"

	"github.com/prometheus/client_golang/prometheus"
)

// board puts together what the page shows.
type board struct {
	health  *Health
	metrics prometheus.Gatherer
	report  func() Report
	history history
}

// sample notes the lags for the graphs.
func (b *board) sample() { b.history.add(b.health.now(), gather(b.metrics)) }

// status is everything at this moment.
func (b *board) status() *Status {
	now, f := b.health.now(), gather(b.metrics)
	s := &Status{
		Now: now.UTC(), Started: b.health.begun.UTC(), Report: b.report(),
		GapsByReason: f.by("gaps_total"), Parts: b.health.parts(),
		Held: Held{
			Files: f.get("held_files"), Bytes: f.get("held_bytes"), Waiting: f.get("archive_pending_files"),
			Used: f.get("held_budget_used_bytes"), Max: f.get("held_budget_max_bytes"),
			DiskFree: f.get("disk_free_bytes"), Stuck: f.get("quarantined_files"),
		},
	}
	if s.Loki != "" {
		s.Paths = append(s.Paths, b.loki(s, f))
	}
	s.Paths = append(s.Paths, b.archive(s, f))
	s.judge(f)
	return s
}

func (b *board) loki(s *Status, f figures) Path {
	p := b.path("Loki", "loki", s, f)
	p.Target = s.Loki
	p.Figures = []Figure{
		{Name: "lines accepted", Value: f.get("streamed_lines_total")},
		{Name: "bytes accepted", Value: f.get("streamed_bytes_total"), Bytes: true},
		{Name: "lines redacted", Value: f.get("loki_redacted_lines_total")},
		{Name: "lines shrunk to Loki's limit", Value: f.get("loki_shrunk_lines_total")},
		{Name: "lines refused by Loki", Value: f.get("loki_refused_lines_total"), Level: over(f.get("loki_refused_lines_total"), Warn)},
		{Name: "pushes tried again", Value: f.get("loki_pushes_total/retry")},
	}
	p.Graphs = []graph{
		draw("seconds behind", b.history.line("loki_lag_seconds", s.Now, f), 10, niceSeconds, span),
		draw("bytes behind", b.history.line("loki_lag_bytes", s.Now, f), 1e6, niceBytes, size),
	}
	return p
}

func (b *board) archive(s *Status, f figures) Path {
	p := b.path("Archive", "archive", s, f)
	p.Target = s.Archive
	p.Figures = []Figure{
		{Name: "files archived", Value: f.get("archived_files_total")},
		{Name: "lines archived", Value: f.get("archived_lines_total")},
		{Name: "of log", Value: f.get("archived_source_bytes_total"), Bytes: true},
		{Name: "in objects", Value: f.get("archived_object_bytes_total"), Bytes: true},
		{Name: "files waiting", Value: f.get("archive_pending_files")},
		{Name: "uploads that failed", Value: f.get("uploads_total/failed")},
	}
	p.Graphs = []graph{
		draw("time behind", b.history.line("archive_lag_seconds", s.Now, f), 60, niceSeconds, span),
		draw("bytes behind", b.history.line("archive_lag_bytes", s.Now, f), 1e6, niceBytes, size),
	}
	return p
}

// path fills in what both paths have; the name of the loop begins the names of
// its metrics.
func (b *board) path(name, loop string, s *Status, f figures) Path {
	return Path{
		Name: name, Part: cmp.Or(s.part(loop), Part{Name: loop, State: "starting", Level: Idle}), Known: f.known(loop + "_lag_seconds"),
		LagSeconds: f.get(loop + "_lag_seconds"), LagBytes: f.get(loop + "_lag_bytes"),
		LastSuccess: f.at(loop + "_last_success_timestamp_seconds"),
	}
}

// over is a level where there is any.
func over(n float64, level Level) Level {
	if n > 0 {
		return level
	}
	return Idle
}

// parts are all loops as the page shows them.
func (h *Health) parts() []Part {
	parts := make([]Part, len(h.loops))
	for i, l := range h.loops {
		parts[i] = l.status(stall, h.begun).part()
	}
	return parts
}

func (s status) part() Part {
	p := Part{Name: s.name, Since: s.changed.UTC(), LastError: oneLine(s.last), LastErrorAt: s.lastAt.UTC()}
	switch {
	case s.finished:
		p.State, p.Level = "finished", Idle
	case s.late:
		p.State, p.Level, p.Since = "silent", Bad, s.seen.UTC()
	case !s.started():
		p.State, p.Level = "starting", Idle
	case s.err != nil:
		p.State, p.Level, p.Waiting = "failing", Warn, oneLine(s.err)
	default:
		p.State, p.Level = "well", Good
	}
	return p
}
