package verify

import (
	"fmt"

	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// slack is how many events kube-apiserver may have counted and not written
// yet: it counts just before it writes, in as many goroutines as requests are
// in flight (--max-requests-inflight and --max-mutating-requests-inflight).
const slack = 600

// checkCounts compares the events that kube-apiserver counted between two
// heartbeats with the lines that the log gained.
func (e *epoch) checkCounts(found *findings) {
	idle := -1 // the last heartbeat without waiting files: those of earlier ones have records
	for i, r := range e.records {
		if r.Heartbeat != nil && r.Heartbeat.Waiting == 0 {
			idle = i
		}
	}
	var from *record
	for i, r := range e.records {
		if r.Heartbeat == nil || r.Heartbeat.Server == nil {
			continue
		}
		if from != nil && r.kept == nil && from.Heartbeat.Server.Started.Equal(r.Heartbeat.Server.Started.Time) {
			e.compareCounts(from, r, i <= idle, found)
		}
		from = r
	}
}

func (e *epoch) compareCounts(from, to *record, recorded bool, found *findings) {
	lines, ok := e.linesBetween(from, to, recorded)
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
// where a recorded gap says that they cannot be counted. recorded says that the files
// that were waiting at the later one have their records.
func (e *epoch) linesBetween(from, to *record, recorded bool) (int64, bool) {
	lines := e.linesUntil(to.Time.Time) - e.linesUntil(from.Time.Time)
	if e.gaps.overlap(from.Time.Time, to.Time.Time) || e.log.skipped.overlap(from.Time.Time, to.Time.Time) {
		return 0, false
	}
	if from.kept != nil {
		if lines += from.kept.Gained; from.kept.Uncounted {
			return 0, false
		}
	}
	// A number without a record is a file that may have been rotated by then.
	if len(e.pending) > 1 || to.Heartbeat.Waiting > 0 && !recorded {
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

// checkInput reports when the log did not arrive, as heartbeats say: of those in a row
// that say the same, the first and the last.
func (e *epoch) checkInput(found *findings) {
	var from, to *record
	end := func() {
		if from == nil || to.kept != nil {
			return // or an earlier run reported it
		}
		in := to.Heartbeat.Input
		since := in.Since.Time
		if since.IsZero() {
			since = from.Time.Time
		}
		f := to.finding(KindLogMissing, fmt.Sprintf("from %s to %s there was no open file of the log", stamp(since), stamp(to.Time.Time)))
		switch f.From, f.To = since, to.Time.Time; in.State {
		case manifest.InputSilent:
			found.note("%s: no line arrived from %s to %s, and no counter of kube-apiserver says whether any was written (record %d)", e, stamp(since), stamp(to.Time.Time), to.Number)
			return
		case manifest.InputLosing:
			f.Kind, f.Detail = KindLogSilent, fmt.Sprintf("from %s to %s no line arrived, and kube-apiserver counted %d events", stamp(since), stamp(to.Time.Time), in.Events)
		}
		found.find(f)
	}
	for _, r := range e.records {
		switch {
		case r.Heartbeat == nil:
			continue
		case from != nil && r.Heartbeat.Input != nil && r.Heartbeat.Input.State == from.Heartbeat.Input.State:
			to = r
			continue
		}
		end()
		if from, to = nil, nil; r.Heartbeat.Input != nil {
			from, to = r, r
		}
	}
	end()
}
