package admin

import (
	"cmp"

	"github.com/prometheus/client_golang/prometheus"
)

// board puts together the content of the page.
type board struct {
	health  *Health
	metrics prometheus.Gatherer
	report  func() Report
	rates   rates
}

// sample notes the figures for the rates, sets the metrics of the judgement and logs its
// transitions.
func (b *board) sample() {
	b.rates.add(b.health.now(), gather(b.metrics))
	b.health.publish(b.status())
}

// status is everything at this moment.
func (b *board) status() *Status {
	now, f := b.health.now(), gather(b.metrics)
	s := &Status{
		Now: now.UTC(), Started: b.health.begun.UTC(), Report: b.report(), figures: f,
		Held: Held{
			Files: f.get("held_files"), Bytes: f.get("held_bytes"), Waiting: f.get("archive_pending_files"),
			Used: f.get("held_budget_used_bytes"), Max: f.get("held_budget_max_bytes"),
			DiskFree: f.get("disk_free_bytes"), MinFree: f.get("held_min_free_bytes"), Stuck: f.get("quarantined_files"),
		},
		Rate: b.rates.of("log_bytes_total"),
	}
	s.Parts = b.health.parts(s.Input)
	if s.Loki != "" {
		s.Paths = append(s.Paths, b.path("Loki", "loki", s.Loki, s, f))
	}
	s.Paths = append(s.Paths, b.path("Archive", "archive", s.Archive, s, f))
	s.judge(f)
	return s
}

// path fills in the parts that both paths have; the name of the loop begins the names of
// its metrics.
func (b *board) path(name, loop, target string, s *Status, f figures) Path {
	p := Path{
		Name: name, Target: target, Part: s.part(loop), Known: f.known(loop + "_lag_seconds"),
		LagSeconds: f.get(loop + "_lag_seconds"), LagBytes: f.get(loop + "_lag_bytes"), LastSuccess: f.at(loop + "_last_success_timestamp_seconds"),
		pending: f.get(loop + "_oldest_pending_seconds"), refused: b.rates.of(loop + "_refused_lines_total"),
		Rate: max(0, s.Rate-b.rates.of(loop+"_lag_bytes")),
	}
	p.Reached = !p.LastSuccess.IsZero() || loop == "archive" && p.Part.worked // its loop asks it
	return p
}

// part finds a loop by its name.
func (s *Status) part(name string) *Part {
	for _, p := range s.Parts {
		if p.Name == name {
			return p
		}
	}
	return &Part{Name: name, State: Starting, Level: Idle}
}

// parts are the log and all loops as the page shows them.
func (h *Health) parts(in Input) []*Part {
	parts := []*Part{{Name: "log", State: cmp.Or(in.State, Starting), Since: in.Since}}
	for _, l := range h.loops {
		parts = append(parts, l.part(h.begun))
	}
	for _, p := range parts {
		p.Level = levels[p.State]
	}
	return parts
}
