package verify

import (
	"fmt"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// slack is how many events kube-apiserver may have counted and not written
// yet: it counts just before it writes, in as many goroutines as requests are
// in flight (--max-requests-inflight and --max-mutating-requests-inflight).
const slack = 600

// checkCounts compares the events that kube-apiserver counted between two
// heartbeats with the lines that the log gained.
func (e *epoch) checkCounts(found *findings) {
	var from *record
	for _, r := range e.records {
		if r.Heartbeat == nil || r.Heartbeat.Server == nil {
			continue
		}
		if from != nil && from.Heartbeat.Server.Started.Equal(r.Heartbeat.Server.Started.Time) {
			e.compareCounts(from, r, found)
		}
		from = r
	}
}

func (e *epoch) compareCounts(from, to *record, found *findings) {
	lines, ok := e.linesBetween(from, to)
	a, b := from.Heartbeat.Server, to.Heartbeat.Server
	least := b.Before - a.After - max(b.Errors-a.Errors, 0) - slack
	most := b.After - a.Before + slack
	if !ok || lines >= least && lines <= most {
		return
	}
	f := to.finding(KindCountMismatch, fmt.Sprintf("since record %d kube-apiserver counted %d events (%d errors), the log gained %d lines",
		from.Number, b.After-a.After, b.Errors-a.Errors, lines))
	f.From = from.Time.Time
	found.find(f)
}

// linesBetween is how many lines the log gained between two heartbeats; false
// where a recorded gap says that they cannot be counted.
func (e *epoch) linesBetween(from, to *record) (int64, bool) {
	lines := int64(0)
	within := func(t time.Time) bool { return t.After(from.Time.Time) && !t.After(to.Time.Time) }
	for _, r := range e.records {
		for _, g := range r.Gaps {
			if g.To.IsZero() || !g.To.Before(from.Time.Time) && !g.From.After(to.Time.Time) {
				return 0, false
			}
		}
		if r.Kind == manifest.KindFile && within(r.Source.Rotated.Time) {
			lines += r.Source.Lines
		}
	}
	// A number without a record is a file that may have been rotated by then.
	if len(e.pending) > 1 || to.Heartbeat.Waiting > 0 && !e.allRecorded(to) {
		return 0, false
	}
	if open := from.Heartbeat.Open; open != nil {
		lines -= open.Lines
	}
	if open := to.Heartbeat.Open; open != nil {
		lines += open.Lines
	}
	return lines, true
}

// allRecorded says whether the files that were waiting at a heartbeat have
// their records: a later heartbeat had nothing waiting.
func (e *epoch) allRecorded(heartbeat *record) bool {
	i := slices.Index(e.records, heartbeat)
	return slices.ContainsFunc(e.records[i:], func(r *record) bool { return r.Heartbeat != nil && r.Heartbeat.Waiting == 0 })
}
