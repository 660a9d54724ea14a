package verify

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// checkTrees reports trees after the first that were not accepted, and those that are
// not there.
func (l *nodeLog) checkTrees(accepted []string, found *findings) {
	for i, t := range l.trees {
		before := 0
		if i > 0 {
			before = l.trees[i-1].number
		}
		if t.number > before+1 {
			f := t.about(KindTreeMissing, 0, fmt.Sprintf("no record of %s is there", manifest.Origin(l.cluster, l.node, before+1)))
			f.Tree = before + 1
			found.find(f)
		}
		began := t.days.began
		if t.first != nil && began.IsZero() {
			began = t.first.Time.Time
		}
		if t.number == 1 || began.IsZero() || t.resumed {
			continue
		}
		number, why := int64(1), ""
		if first := t.first; first != nil && t.days.began.IsZero() {
			if number = first.Number; first.Begins != nil {
				why = fmt.Sprintf(": %s: %s", first.Begins.Reason, first.Begins.Detail)
			}
		}
		f := t.about(KindSecondTree, number, "another tree begins, and nothing proves that no record came before it"+why+"; --accept takes a file with its origin, "+t.String())
		f.To = began
		if f.From = (time.Time{}); i > 0 && l.trees[i-1].last != nil {
			f.From = l.trees[i-1].last.Time.Time
		}
		if slices.Contains(accepted, t.String()) {
			found.note("%s: accepted: it begins at %s%s", t, began.Format(time.RFC3339), why)
			continue
		}
		found.find(f)
	}
}

// missingNumbers reports numbers of an epoch without a record. They belong to
// files that are not archived yet, or were not when the sidecar's state was
// lost. Files are archived in the order of their numbers, though.
func (e *epoch) missingNumbers(found *findings) {
	if !e.whole() {
		return // the tree says which records are missing
	}
	var last, file int64 // the highest number, and that of a file
	seqs := slices.Clone(e.records)
	slices.SortFunc(seqs, func(a, b *record) int { return cmp.Compare(a.Seq, b.Seq) })
	have := make(map[int64]bool, len(seqs))
	for _, r := range seqs {
		have[r.Seq] = true
		if r.Kind == manifest.KindFile {
			file = r.Seq
		}
	}
	skipped := len(e.log.skipped) > 0 // records that have these numbers, perhaps
	hole := func(from, to int64, end time.Time) {
		if skipped {
			for n := from; n <= to && n-from < maxPending; n++ {
				e.pending[n] = true
			}
			return
		}
		if file <= to && to-from < maxPending {
			for n := from; n <= to; n++ {
				e.pending[n] = true
			}
			found.note("%s: number %d is given to a file that had no record yet when the last one was sealed", e, from)
			return
		}
		f := e.finding(KindRecordMissing, fmt.Sprintf("no record has the numbers %d to %d of the epoch: files, gaps or heartbeats", from, to))
		f.Seq, f.To = from, end
		found.find(f)
	}
	if e.base != nil {
		last = e.base.Highest
		for _, n := range e.base.Pending {
			if !have[n] {
				hole(n, n, e.base.Time.Time)
			}
		}
	}
	for _, r := range seqs {
		if r.Seq > last+1 {
			hole(last+1, r.Seq-1, r.Time.Time)
		}
		last = max(last, r.Seq)
	}
}

// maxPending is more numbers than can be waiting for a record.
const maxPending = 1 << 16

// whole says whether no record of the epoch's trees is missing or changed.
func (e *epoch) whole() bool {
	return !slices.ContainsFunc(e.trees, func(t *tree) bool { return !t.whole })
}

// summarize fills in the report of the epoch.
func (e *epoch) summarize() {
	s := Epoch{Epoch: e.name}
	if e.base != nil {
		e.head = e.base.Highest
	}
	for _, r := range e.records {
		s.MachineID = r.MachineID
		e.head = max(e.head, r.Seq)
		if e.least == 0 || r.Seq < e.least {
			e.least = r.Seq
		}
		if r.kept == nil && r.Kind != kindTrusted {
			s.Records++
		}
		if s.First.IsZero() || r.Time.Before(s.First) {
			s.First = r.Time.Time
		}
		if r.Time.After(s.Last) {
			s.Last = r.Time.Time
		}
		switch r.Kind {
		case manifest.KindFile:
			s.Files++
			e.rotated = append(e.rotated, rotation{r.Source.Rotated.Time, r, 0})
			s.Lines += r.Source.Lines
			s.Bytes += r.Source.Size
		case manifest.KindHeartbeat:
			if r.kept == nil {
				s.Heartbeats++
			}
		}
		for _, g := range r.Gaps {
			e.gaps.add(g)
			if isCutGap(g) && !g.To.IsZero() {
				e.cuts.add(g)
			}
		}
		for _, o := range r.Objects {
			s.Objects++
			s.ObjectBytes += o.Size
		}
	}
	e.summary = s
	e.gaps.sort()
	e.cuts.sort()
	e.sortRotated()
}

// report adds a log to the report. A recorded gap that is no accident is a
// finding.
func (l *nodeLog) report(found *findings) {
	node := Node{Cluster: l.cluster, Node: l.node, Gaps: l.gaps}
	for _, t := range l.trees {
		node.Trees = append(node.Trees, t.summary)
		if at := t.summary.Head.Time.Time; at.After(node.Recorded) {
			node.Recorded = at
		}
		if t.archived.After(node.Archived) {
			node.Archived = t.archived
		}
	}
	for _, e := range l.epochs {
		node.Epochs = append(node.Epochs, e.summary)
		if e.summary.Last.After(node.Recorded) {
			node.Recorded = e.summary.Last
		}
		for _, r := range e.records {
			for _, g := range r.Gaps {
				node.Gaps = append(node.Gaps, Gap{Epoch: r.Epoch, Seq: r.Seq, Number: r.Number, Gap: g})
				if g.Reason == continuity.ReasonEdited {
					found.find(r.editedGap(g))
				}
			}
		}
	}
	found.report.Nodes = append(found.report.Nodes, node)
}

func (r *record) editedGap(g manifest.Gap) Finding {
	f := r.finding(KindLogEdited, "the sidecar found it when it archived the file: "+g.Detail)
	f.File = g.File
	if !g.From.IsZero() {
		f.From, f.To = g.From.Time, g.To.Time
	}
	return f
}
