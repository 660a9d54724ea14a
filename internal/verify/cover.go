package verify

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// patience is how many heartbeats may be missing before it is a finding.
const patience = 2

// defaultEvery is taken for the time between heartbeats without any.
const defaultEvery = time.Hour

// checkCover notes where one epoch follows another, and looks for time between the
// last record and To that no record covers.
func (l *nodeLog) checkCover(opt Options, found *findings) {
	for _, e := range l.epochs[min(1, len(l.epochs)):] {
		if e.base != nil || len(l.skipped) > 0 && e.records[0].Begins == nil {
			continue
		}
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

// checkHeads looks for the roots that were expected.
func (v *verification) checkHeads() {
	for _, root := range slices.Sorted(maps.Keys(v.heads)) {
		if v.heads[root] {
			continue
		}
		f := Finding{Kind: KindHeadMissing, Cluster: v.opt.Cluster, Node: v.opt.Node,
			Detail: fmt.Sprintf("no tree here had the root %s, which was a head once: records up to it and all that followed were cut off or changed", root)}
		if len(v.logs) == 1 && len(v.logs[0].epochs) > 0 {
			f.Cluster, f.Node = v.logs[0].cluster, v.logs[0].node
			for _, e := range v.logs[0].epochs {
				f.From = e.summary.Last
			}
		}
		v.found.find(f)
	}
}

// checkSeen compares the observations of heartbeats with the records of the
// files that were open then.
func (e *epoch) checkSeen(found *findings) {
	for _, r := range e.records {
		if r.Heartbeat == nil || r.Heartbeat.Open == nil || r.kept != nil && !r.kept.Unrecorded {
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
	return e.cuts.overlap(heartbeat.Time.Time, file.Source.Rotated.Time)
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
	i, _ := slices.BinarySearchFunc(e.rotated, heartbeat.Time.Time, func(f rotation, t time.Time) int { return f.at.Compare(t) })
	if i == len(e.rotated) || e.rotated[i].file.Source.Inode != open.Inode {
		return nil
	}
	return e.rotated[i].file
}

// rotation is a file and when it was rotated.
type rotation struct {
	at    time.Time
	file  *record
	lines int64 // of it and the ones before
}

// sortRotated puts the files in order of their rotation.
func (e *epoch) sortRotated() {
	slices.SortStableFunc(e.rotated, func(a, b rotation) int { return a.at.Compare(b.at) })
	lines := int64(0)
	for i := range e.rotated {
		lines += e.rotated[i].file.Source.Lines
		e.rotated[i].lines = lines
	}
}

// linesUntil is how many lines the files have that were rotated until a time.
func (e *epoch) linesUntil(t time.Time) int64 {
	i := sort.Search(len(e.rotated), func(i int) bool { return e.rotated[i].at.After(t) })
	if i == 0 {
		return 0
	}
	return e.rotated[i-1].lines
}

// endOfTime is after every time.
func endOfTime() time.Time { return time.Unix(1<<40, 0) }

// spans are times from which to which something was.
type spans []span

type span struct{ from, to time.Time } // once they are sorted, to is the latest so far

// add adds the time of a gap, which is all time if it does not say when it ended.
func (s *spans) add(g manifest.Gap) {
	if g.To.IsZero() {
		g.From, g.To = manifest.Stamp{}, manifest.At(endOfTime())
	}
	*s = append(*s, span{g.From.Time, g.To.Time})
}

func (s spans) sort() {
	slices.SortFunc(s, func(a, b span) int { return a.from.Compare(b.from) })
	for i := 1; i < len(s); i++ {
		if s[i-1].to.After(s[i].to) {
			s[i].to = s[i-1].to
		}
	}
}

// overlap says whether one of them has time in common with that from from to to.
func (s spans) overlap(from, to time.Time) bool {
	i := sort.Search(len(s), func(i int) bool { return s[i].from.After(to) })
	return i > 0 && !s[i-1].to.Before(from)
}
