package verify

import (
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// link puts the records of an epoch in the order of the chain and reports its
// faults. Records before asked may be missing.
func (e *epoch) link(asked time.Time, found *findings) {
	e.leaveCopies(found)
	links := manifest.VerifyLinks(manifest.Identity{Cluster: e.log.cluster, Node: e.log.node, Epoch: e.name}, e.entries)
	for _, i := range links.Order {
		r := &record{Entry: &e.entries[i], key: e.keys[i].String()}
		e.records = append(e.records, r)
		if r.Kind == manifest.KindFile && e.files[r.Seq] == nil {
			e.files[r.Seq] = r
		}
		if want := archive.ManifestKey(r.Cluster, r.Node, r.Epoch, r.Seq); want != e.keys[i].First().String() {
			found.find(r.finding(KindRecordMisplaced, fmt.Sprintf("it holds record %d, which belongs under the name %s", r.Seq, path.Base(want))))
		}
	}
	e.broken = slices.ContainsFunc(links.Findings, func(f manifest.Finding) bool {
		return f.Kind == manifest.FindingMissingPrevious && !e.isCut(asked, f)
	})
	for _, f := range links.Findings {
		switch f.Kind {
		case manifest.FindingMissingPrevious:
			e.brokenLink(asked, f, found)
		case manifest.FindingMissingSeq:
			e.missingNumbers(f, found)
		default:
			found.find(e.badRecord(f))
		}
	}
	e.summarize(links.Head)
}

// isCut reports whether a predecessor is missing only because the requested time
// begins later: the first record that is there was sealed before it.
func (e *epoch) isCut(asked time.Time, f manifest.Finding) bool {
	if asked.IsZero() || len(e.records) == 0 {
		return false
	}
	first := e.records[0]
	return first.SHA256 == f.SHA256 && first.Previous != "" && !first.Time.After(asked)
}

// badRecord is the finding about an object that is not the record of its name.
func (e *epoch) badRecord(f manifest.Finding) Finding {
	kind := KindRecordUnreadable
	switch f.Kind {
	case manifest.FindingNewer:
		kind = KindRecordNewer
	case manifest.FindingForeign:
		kind = KindRecordMisplaced
	case manifest.FindingRepeated, manifest.FindingDuplicateSeq:
		kind = KindRecordRepeated
	case manifest.FindingFork:
		kind = KindFork
	}
	out, key := e.finding(kind, f.Detail), e.keys[f.Index]
	out.Object = key.String()
	out.Seq = key.Seq // the record that should be there, and is not
	out.From, out.To = e.around(out.Seq)
	return out
}

// brokenLink reports a record whose predecessor is not there.
func (e *epoch) brokenLink(asked time.Time, f manifest.Finding, found *findings) {
	i := slices.IndexFunc(e.records, func(r *record) bool { return r.SHA256 == f.SHA256 })
	if e.isCut(asked, f) {
		found.note("%s: checked from record %d on (%s): earlier ones are not here", e, f.Seq, e.records[i].Time.Format(time.RFC3339))
		return
	}
	out := e.finding(KindChainBroken, "it is the first that is here, but not the first of its epoch")
	out.Seq, out.Object, out.To = f.Seq, e.keys[f.Index].String(), e.records[i].Time.Time
	if i > 0 {
		out.From = e.records[i-1].Time.Time
		out.Detail = fmt.Sprintf("it follows a record that is not there, or was changed; the last one before the break is record %d", e.records[i-1].Seq)
	}
	found.find(out)
}

// missingNumbers reports numbers without a record. Where no link is missing,
// no record with such a number was ever sealed before the head: it belongs to
// a file that is not archived yet, or was not when the sidecar's state was
// lost. Files are archived in the order of their numbers, though.
func (e *epoch) missingNumbers(f manifest.Finding, found *findings) {
	later := slices.ContainsFunc(e.records, func(r *record) bool { return r.Kind == manifest.KindFile && r.Seq > f.Last })
	if !e.broken && e.isBefore(f.Last) {
		return
	}
	if !e.broken && !later && f.Last-f.Seq < maxPending {
		for n := f.Seq; n <= f.Last; n++ {
			e.pending[n] = true
		}
		found.note("%s: number %d is given to a file that had no record yet when the last one was sealed", e, f.Seq)
		return
	}
	if f.Seq == f.Last && slices.ContainsFunc(e.keys, func(k archive.Key) bool { return k.Seq == f.Seq && k.Copy == 0 }) {
		return // there is something under its name, which has a finding of its own
	}
	out := e.finding(KindRecordMissing, fmt.Sprintf("the records %d to %d are not there: files, gaps or heartbeats", f.Seq, f.Last))
	if f.Seq == f.Last {
		out.Detail = fmt.Sprintf("record %d is not there: a file, a gap or a heartbeat", f.Seq)
	}
	out.Seq, out.Last = f.Seq, f.Last
	out.From, out.To = e.around(f.Seq)
	found.find(out)
}

// maxPending is more numbers than can be waiting for a record.
const maxPending = 1 << 16

// isBefore says whether a number is before the records that are there, because
// the beginning of the epoch is not.
func (e *epoch) isBefore(seq int64) bool {
	return len(e.records) > 0 && e.records[0].Previous != "" && seq < e.records[0].Seq
}

// around is the time between the records that have the next lower and the
// next higher number.
func (e *epoch) around(seq int64) (from, to time.Time) {
	var below, above int64
	for _, r := range e.records {
		if r.Seq < seq && r.Seq > below {
			below, from = r.Seq, r.Time.Time
		}
		if r.Seq > seq && (above == 0 || r.Seq < above) {
			above, to = r.Seq, r.Time.Time
		}
	}
	return from, to
}

// summarize fills in the report of the epoch.
func (e *epoch) summarize(head manifest.Head) {
	s := Epoch{Epoch: e.name, Head: head, Records: int64(len(e.records))}
	for _, r := range e.records {
		s.MachineID = r.MachineID
		if s.First.IsZero() || r.Time.Before(s.First) {
			s.First = r.Time.Time
		}
		if r.Time.After(s.Last) {
			s.Last = r.Time.Time
		}
		switch r.Kind {
		case manifest.KindFile:
			s.Files++
			s.Lines += r.Source.Lines
			s.Bytes += r.Source.Size
		case manifest.KindHeartbeat:
			s.Heartbeats++
		}
		for _, o := range r.Objects {
			s.Objects++
			s.ObjectBytes += o.Size
		}
	}
	e.summary = s
}

// report adds a log to the report. A recorded gap that is no accident is a
// finding.
func (l *nodeLog) report(found *findings) {
	node := Node{Cluster: l.cluster, Node: l.node}
	for _, e := range l.epochs {
		node.Epochs = append(node.Epochs, e.summary)
		if e.summary.Last.After(node.Recorded) {
			node.Recorded = e.summary.Last
		}
		for _, r := range e.records {
			if _, to := r.span(); r.Kind == manifest.KindFile && to.After(node.Archived) {
				node.Archived = to
			}
			for _, g := range r.Gaps {
				node.Gaps = append(node.Gaps, Gap{Epoch: r.Epoch, Seq: r.Seq, Gap: g})
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
