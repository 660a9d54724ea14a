package verify

import (
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// link decodes the records of an epoch, puts them in the order of the chain
// and looks for what is wrong with it.
func (v *verification) link(log *nodeLog, e *epoch, data [][]byte) {
	data = v.leaveCopies(e, data)
	links := manifest.VerifyLinks(manifest.Identity{Cluster: log.cluster, Node: log.node, Epoch: e.name}, data)
	for _, i := range links.Order {
		r, err := manifest.Decode(data[i])
		if err != nil {
			continue // VerifyLinks orders only what can be decoded
		}
		at := &record{Record: r, key: e.keys[i], sum: manifest.Hash(data[i])}
		e.records = append(e.records, at)
		key, _ := archive.ParseKey(at.key) // list took no other name
		if want := archive.ManifestKey(r.Cluster, r.Node, r.Epoch, r.Seq); want != key.First().String() {
			f := at.finding(KindRecordMisplaced, fmt.Sprintf("it holds record %d, which belongs under the name %s", r.Seq, path.Base(want)))
			f.Object = at.key
			v.find(f)
		}
	}
	for _, f := range links.Findings {
		if f.Kind == manifest.FindingMissingPrevious && !v.isCut(e, f) {
			e.broken = true
		}
	}
	for _, f := range links.Findings {
		v.linkFinding(log, e, f)
	}
	if e.broken {
		e.pending = map[int64]bool{}
	}
	e.summarize(links.Head)
}

// isCut says whether a missing predecessor is only the beginning of what was
// asked for: the first record that is there was sealed before From.
func (v *verification) isCut(e *epoch, f manifest.Finding) bool {
	if v.opt.From.IsZero() || len(e.records) == 0 {
		return false
	}
	first := e.records[0]
	return first.sum == f.SHA256 && first.Previous != "" && !first.Time.After(v.opt.From)
}

// linkFinding says what a finding about links means for the archive.
func (v *verification) linkFinding(log *nodeLog, e *epoch, f manifest.Finding) {
	out := Finding{Cluster: log.cluster, Node: log.node, Epoch: e.name, Seq: f.Seq, Last: f.Last, Detail: f.Detail}
	if f.Index >= 0 {
		out.Object = e.keys[f.Index]
	}
	switch f.Kind {
	case manifest.FindingMissingPrevious:
		v.brokenLink(e, f, out)
		return
	case manifest.FindingMissingSeq:
		v.missingNumbers(log, e, f, out)
		return
	case manifest.FindingNewer:
		out.Kind = KindRecordNewer
	case manifest.FindingForeign:
		out.Kind = KindRecordMisplaced
	case manifest.FindingRepeated, manifest.FindingDuplicateSeq:
		out.Kind = KindRecordRepeated
	case manifest.FindingFork:
		out.Kind = KindFork
	default:
		out.Kind = KindRecordUnreadable
	}
	// What counts is which record should be there, and is not.
	if key, err := archive.ParseKey(out.Object); err == nil {
		out.Seq = key.Seq
	}
	out.From, out.To = e.around(out.Seq)
	v.find(out)
}

// brokenLink reports a record whose predecessor is not there.
func (v *verification) brokenLink(e *epoch, f manifest.Finding, out Finding) {
	i := slices.IndexFunc(e.records, func(r *record) bool { return r.sum == f.SHA256 })
	if i == 0 && v.isCut(e, f) {
		v.note("%s/%s %s: checked from record %d on (%s): earlier ones are not here", out.Cluster, out.Node, out.Epoch, f.Seq, e.records[0].Time.Format(time.RFC3339))
		return
	}
	out.Kind = KindChainBroken
	if i >= 0 {
		out.To = e.records[i].Time.Time
	}
	if i > 0 {
		out.From = e.records[i-1].Time.Time
		out.Detail = fmt.Sprintf("it follows a record that is not there, or was changed; the last one before the break is record %d", e.records[i-1].Seq)
	} else {
		out.Detail = "it is the first that is here, but not the first of its epoch"
	}
	v.find(out)
}

// missingNumbers reports numbers without a record. Where no link is missing,
// no record with such a number was ever sealed before the head: it belongs to
// a file that is not archived yet, or was not when the sidecar's state was
// lost. Files are archived in the order of their numbers, though.
func (v *verification) missingNumbers(log *nodeLog, e *epoch, f manifest.Finding, out Finding) {
	later := slices.ContainsFunc(e.records, func(r *record) bool { return r.Kind == manifest.KindFile && r.Seq > f.Last })
	if len(e.records) == 0 {
		return // what is there has findings of its own
	}
	first := e.records[0]
	if !e.broken && first.Previous != "" && f.Last < first.Seq {
		return // before what was asked for
	}
	if !e.broken && !later && f.Last-f.Seq < maxPending {
		for n := f.Seq; n <= f.Last; n++ {
			e.pending[n] = true
		}
		v.note("%s/%s %s: number %d is given to a file that had no record yet when the last one was sealed", out.Cluster, out.Node, out.Epoch, f.Seq)
		return
	}
	if f.Seq == f.Last && slices.Contains(e.keys, archive.ManifestKey(log.cluster, log.node, e.name, f.Seq)) {
		return // there is something under its name, which has a finding of its own
	}
	out.Kind = KindRecordMissing
	out.From, out.To = e.around(f.Seq)
	out.Detail = fmt.Sprintf("the records %d to %d are not there: files, gaps or heartbeats", f.Seq, f.Last)
	if f.Seq == f.Last {
		out.Detail = fmt.Sprintf("record %d is not there: a file, a gap or a heartbeat", f.Seq)
	}
	v.find(out)
}

// maxPending is more numbers than can be waiting for a record.
const maxPending = 1 << 16

func (e *epoch) bySum(sum string) *record {
	if i := slices.IndexFunc(e.records, func(r *record) bool { return r.sum == sum }); i >= 0 {
		return e.records[i]
	}
	return nil
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

// checkLog looks at what the records of a log say, of all epochs together.
func (v *verification) checkLog(log *nodeLog) {
	v.checkKeys(log)
	v.checkCover(log)
	v.checkSeen(log)
	v.checkCounts(log)
	node := Node{Cluster: log.cluster, Node: log.node}
	for _, e := range log.epochs {
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
				v.editedGap(r, g)
			}
		}
	}
	v.report.Nodes = append(v.report.Nodes, node)
}

// editedGap makes a finding of a recorded gap that is no accident.
func (v *verification) editedGap(r *record, g manifest.Gap) {
	if g.Reason != manifest.ReasonEdited {
		return
	}
	f := r.finding(KindLogEdited, "the sidecar found it when it archived the file: "+g.Detail)
	f.Object, f.File = r.key, g.File
	if !g.From.IsZero() {
		f.From, f.To = g.From.Time, g.To.Time
	}
	v.find(f)
}
