package verify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// patience is how many heartbeats may be missing before it is a finding.
const patience = 2

// defaultEvery is taken for the time between heartbeats where there are none.
const defaultEvery = time.Hour

// checkCover notes where one epoch follows another, and looks for time between the
// last record and To that no record covers.
func (l *nodeLog) checkCover(opt Options, found *findings) {
	for _, e := range l.epochs[min(1, len(l.epochs)):] {
		why := "it does not say why"
		if b := e.records[0].Begins; b != nil {
			why = strings.TrimSuffix(string(b.Reason)+": "+b.Detail, ": ")
		}
		found.note("%s/%s: epoch %s begins with record %d, %s: %s", l.cluster, l.node, e.name, e.records[0].Number, e.summary.First.Format(time.RFC3339), why)
	}
	if opt.To.IsZero() || len(l.epochs) == 0 {
		return
	}
	last := slices.MaxFunc(l.epochs, func(a, b *epoch) int { return a.summary.Last.Compare(b.summary.Last) })
	if missing := opt.To.Sub(last.summary.Last); missing > patience*last.every() {
		f := last.finding(KindTailMissing, fmt.Sprintf("the last record, %d, is %s before the end that was asked for, and heartbeats come every %s: the tail was cut off, or the sidecar did not run",
			last.records[len(last.records)-1].Number, missing.Round(time.Second), last.every()))
		f.From, f.To = last.summary.Last, opt.To
		found.find(f)
	}
}

// every is the time between heartbeats of an epoch, as the last of them says.
func (e *epoch) every() time.Duration {
	for _, r := range slices.Backward(e.records) {
		if r.Heartbeat != nil {
			return time.Duration(min(r.Heartbeat.Every, 1<<31)) * time.Second
		}
	}
	return defaultEvery
}

// checkHead looks for the root that was expected.
func (v *verification) checkHead() {
	want := v.opt.ExpectHead
	if want == "" {
		return
	}
	for e := range v.epochs() {
		if slices.ContainsFunc(e.records, func(r *record) bool { return r.proven && r.Point.Root.String() == want }) {
			return
		}
	}
	f := Finding{Kind: KindHeadMissing, Cluster: v.opt.Cluster, Node: v.opt.Node,
		Detail: fmt.Sprintf("no tree here had the root %s, which was a head once: records up to it and all that followed were cut off or changed", want)}
	if len(v.logs) == 1 && len(v.logs[0].epochs) > 0 {
		f.Cluster, f.Node = v.logs[0].cluster, v.logs[0].node
		for _, e := range v.logs[0].epochs {
			f.From = e.summary.Last
		}
	}
	v.found.find(f)
}

// checkSeen compares the observations of heartbeats with the records of the
// files that were open then.
func (e *epoch) checkSeen(found *findings) {
	for _, r := range e.records {
		if r.Heartbeat == nil || r.Heartbeat.Open == nil {
			continue
		}
		open := r.Heartbeat.Open
		file := e.fileOf(r)
		if file == nil || e.cutSince(r, file) {
			continue // still open, or a recorded gap explains the difference
		}
		file.heard = append(file.heard, seen{r.Time.Time, *open})
		if open.Size > file.Source.Size || open.Lines > file.Source.Lines {
			f := file.finding(KindLogEdited, fmt.Sprintf("record %d had seen %d bytes and %d lines of it, it was archived with %d and %d",
				r.Number, open.Size, open.Lines, file.Source.Size, file.Source.Lines))
			f.From = r.Time.Time
			found.find(f)
		}
	}
}

// cutSince says whether it is recorded that a file was cut or replaced after a
// heartbeat saw it: the bytes that the heartbeat saw are known to be gone.
func (e *epoch) cutSince(heartbeat, file *record) bool {
	for _, r := range e.records {
		for _, g := range r.Gaps {
			if isCutGap(g) && !g.To.Before(heartbeat.Time.Time) && !g.From.After(file.Source.Rotated.Time) {
				return true
			}
		}
	}
	return false
}

// isCutGap reports whether a file is another one after the gap.
func isCutGap(g manifest.Gap) bool {
	return g.Reason == continuity.ReasonTruncated || g.Reason == continuity.ReasonReplaced
}

// fileOf finds the record of the file that a heartbeat saw open: by its
// number, or else as the next one that was rotated, which must have the inode.
func (e *epoch) fileOf(heartbeat *record) *record {
	open := heartbeat.Heartbeat.Open
	if open.Seq != 0 {
		return e.files[open.Seq]
	}
	var next *record
	for _, r := range e.records {
		if r.Kind == manifest.KindFile && !r.Source.Rotated.Before(heartbeat.Time.Time) && (next == nil || r.Source.Rotated.Before(next.Source.Rotated.Time)) {
			next = r
		}
	}
	if next == nil || next.Source.Inode != open.Inode {
		return nil
	}
	return next
}
