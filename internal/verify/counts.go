package verify

import "fmt"

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
