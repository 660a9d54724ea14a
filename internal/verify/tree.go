package verify

import (
	"cmp"
	"fmt"
	"math/bits"
	"path"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// tree is the records of one tree of a log.
type tree struct {
	log     *nodeLog
	number  int
	stored  []stored  // by number and copy
	records []*record // those that can be read, by number
	summary Tree
	trust   manifest.Trust

	whole    bool          // no record is missing or changed
	at       manifest.Tree // up to the last record
	known    bool          // at is the tree that the node had
	anchored bool          // at is known from a root alone, which the next record must confirm
	mismatch bool          // the root of the last record was not that of at
	unproven *Finding      // the run of records whose roots cannot be computed
	unsigned *Finding      // the run of records whose signatures have one fault
}

// stored is what the archive has under the key of a record.
type stored struct {
	key archive.Key
	manifest.Entry
}

// finding begins a finding about a number of the tree.
func (t *tree) finding(kind Kind, number int64, detail string) Finding {
	f := Finding{Kind: kind, Cluster: t.log.cluster, Node: t.log.node, Tree: t.number, Number: number, Detail: detail}
	if n := len(t.records); n > 0 {
		f.From = t.records[n-1].Time.Time
	}
	after, _ := slices.BinarySearchFunc(t.stored, number+1, func(s stored, n int64) int { return cmp.Compare(s.key.Number, n) })
	if after < len(t.stored) && t.stored[after].Err == nil {
		f.To = t.stored[after].Time.Time
	}
	return f
}

// check takes the records one by one, computes the tree and compares it with every
// checkpoint, and follows the signatures.
func (t *tree) check(found *findings) {
	t.known, t.whole = true, true
	next := int64(1)
	for from := 0; from < len(t.stored); {
		to := from
		for to < len(t.stored) && t.stored[to].key.Number == t.stored[from].key.Number {
			to++
		}
		n := t.stored[from].key.Number
		if n > next {
			t.missing(next, n-1, found)
		}
		t.take(t.stored[from:to], found)
		from, next = to, n+1
	}
	t.endRun(&t.unproven, found)
	t.endRun(&t.unsigned, found)
	signed := func(r *record) bool { return r.Point.Signature != nil }
	if t.trust.Given != nil && len(t.records) > 0 && !slices.ContainsFunc(t.records, signed) {
		f := t.finding(KindUnsigned, 0, "no record of this tree is signed: anybody may have written it")
		f.From, f.To = t.records[0].Time.Time, t.records[len(t.records)-1].Time.Time
		found.find(f)
	}
}

// missing reports numbers without a record.
func (t *tree) missing(from, to int64, found *findings) {
	f := t.finding(KindRecordMissing, from, fmt.Sprintf("the records %d to %d are not there: files, gaps or heartbeats", from, to))
	if f.Last = to; from == to {
		f.Detail = fmt.Sprintf("record %d is not there: a file, a gap or a heartbeat", from)
	}
	found.find(f)
	t.known, t.whole = false, false
}

// take takes what is stored under one number.
func (t *tree) take(all []stored, found *findings) {
	the := t.counting(all)
	t.leave(all, the, found)
	if the < 0 {
		t.known, t.whole = false, false
		return
	}
	r := &record{Entry: &all[the].Entry, key: all[the].key.String()}
	t.prove(r, found)
	t.time(r, found)
	t.signature(r, found)
	t.records = append(t.records, r)
}

// own says whether an entry is the record of its key.
func (s *stored) own() bool {
	return s.Err == nil && s.Cluster == s.key.Cluster && s.Node == s.key.Node && s.Number == s.key.Number && s.Epoch == s.key.Epoch &&
		s.Seq == s.key.Seq && s.Point.Tree == s.key.Tree
}

// counting returns the index of the record that counts: the last that fits the tree,
// else the last that is one; -1 without any.
func (t *tree) counting(all []stored) int {
	the := -1
	for i := range all {
		if all[i].own() {
			the = i
		}
	}
	for i := range all {
		if t.known && all[i].own() && t.at.With(all[i].Leaf).Root() == all[i].Point.Root {
			the = i
		}
	}
	return the
}

// leave reports what is stored under the number of a record and is not the one that
// counts. Copies before that one are noted: the store damaged them, or they could not be
// confirmed.
func (t *tree) leave(all []stored, the int, found *findings) {
	for i := range all {
		s := &all[i]
		switch {
		case i == the:
			continue
		case i < the && s.key.First() == all[the].key.First():
			found.note("%s: not the record: the store damaged it, or it could not be confirmed; the record is %s", s.key, all[the].key)
			continue
		}
		kind, detail := KindFork, fmt.Sprintf("it has the number of %s: the sidecar's state was copied and used twice, or it was inserted", path.Base(all[max(the, 0)].key.String()))
		switch {
		case s.Err != nil && isNewer(s.Err):
			kind, detail = KindRecordNewer, s.Err.Error()
		case s.Err != nil:
			kind, detail = KindRecordUnreadable, s.Err.Error()
		case !s.own():
			kind, detail = KindRecordMisplaced, fmt.Sprintf("it holds record %d of %s, epoch %s, which belongs under another name",
				s.Number, manifest.Origin(s.Cluster, s.Node, s.Point.Tree), s.Epoch)
		case s.key.First() == all[the].key.First():
			kind, detail = KindRecordRepeated, fmt.Sprintf("a copy after the record, %s", all[the].key)
		}
		f := t.finding(kind, s.key.Number, detail)
		f.Epoch, f.Seq, f.Object = s.key.Epoch, s.key.Seq, s.key.String()
		found.find(f)
	}
}

// prove computes the root of the tree that ends with a record. Once a record is missing
// or changed its leaf is unknown, and no root can be computed until the tree has a power
// of two records: its root alone is then all that it takes to go on.
func (t *tree) prove(r *record, found *findings) {
	next := t.at.With(r.Leaf)
	switch fits := t.known && next.Root() == r.Point.Root; {
	case fits:
		r.proven, r.before = true, t.at
		t.at, t.mismatch, t.anchored = next, false, false
		t.endRun(&t.unproven, found)
		t.summary.Proven++
		return
	case t.known && !t.mismatch && !t.anchored:
		found.find(t.named(r.finding(KindRecordChanged, "it, or its checkpoint, is not what the node had sealed: the tree that ends with it has another root")))
		t.at, t.mismatch, t.whole = next, true, false
		return
	}
	t.known, t.mismatch, t.whole = false, false, false
	t.extend(&t.unproven, r, KindNotProven, "a record before is missing or changed, so the tree that ends here cannot be computed: nothing proves its content")
	if bits.OnesCount64(uint64(r.Number)) == 1 {
		t.at, t.known, t.anchored = manifest.Whole(r.Number, r.Point.Root), true, true
	}
}

func (t *tree) named(f Finding) Finding { f.Tree = t.number; return f }

// extend makes a record part of a run of records with the same fault.
func (t *tree) extend(run **Finding, r *record, kind Kind, detail string) {
	if f := *run; f != nil {
		f.Last, f.Object, f.File, f.Lines, f.Epoch, f.Seq = r.Number, "", "", nil, "", 0
		_, f.To = r.span()
		return
	}
	f := t.named(r.finding(kind, detail))
	*run = &f
}

func (*tree) endRun(run **Finding, found *findings) {
	if *run != nil {
		found.find(**run)
		*run = nil
	}
}

// signature checks the signature of a record.
func (t *tree) signature(r *record, found *findings) {
	fault, detail := t.trust.Check(r.Entry)
	if run := t.unsigned; run != nil && (fault == "" || run.Kind != Kind(fault) || run.Detail != detail) {
		t.endRun(&t.unsigned, found)
	}
	switch {
	case fault != "":
		t.extend(&t.unsigned, r, Kind(fault), detail)
	case r.Point.Signature != nil:
		t.summary.Signed++
		if !slices.Contains(t.summary.Keys, t.trust.Current) {
			t.summary.Keys = append(t.summary.Keys, t.trust.Current)
		}
	}
}

// time compares the time of a record with the one before.
func (t *tree) time(r *record, found *findings) {
	if len(t.records) == 0 {
		return
	}
	before := t.records[len(t.records)-1]
	back := before.Time.Sub(r.Time.Time)
	switch {
	case back <= manifest.ClockTolerance:
	case r.ClockStepped:
		found.note("%s: record %d: the node's clock was set back by %s", t, r.Number, back.Round(time.Second))
	default:
		f := t.named(r.finding(KindTimeBackwards, fmt.Sprintf("it is %s older than record %d before it, and no record says that the clock was set back", back.Round(time.Second), before.Number)))
		f.From, f.To = r.Time.Time, before.Time.Time
		found.find(f)
	}
}

// String is for messages.
func (t *tree) String() string { return manifest.Origin(t.log.cluster, t.log.node, t.number) }

// last is the record with the highest number; nil without any.
func (t *tree) last() *record {
	if len(t.records) == 0 {
		return nil
	}
	return t.records[len(t.records)-1]
}

// summarize fills in the report of the tree, and sorts its records by epochs.
func (t *tree) summarize() {
	t.summary.Tree, t.summary.Origin, t.summary.Records = t.number, t.String(), int64(len(t.records))
	if r := t.last(); r != nil {
		t.summary.Head = r.Head()
	}
	for _, r := range t.records {
		e := t.log.epoch(r.Epoch)
		e.trees = append(e.trees, t)
		e.records = append(e.records, r)
		if r.Kind == manifest.KindFile && e.files[r.Seq] == nil {
			e.files[r.Seq] = r
		}
	}
}

// checkTrees reports trees after the first that were not accepted, and those that are
// not there.
func (l *nodeLog) checkTrees(accepted []string, found *findings) {
	for i, t := range l.trees {
		before := 0
		if i > 0 {
			before = l.trees[i-1].number
		}
		if t.number > before+1 {
			f := t.finding(KindTreeMissing, 0, fmt.Sprintf("no record of %s is there", manifest.Origin(l.cluster, l.node, before+1)))
			f.Tree = before + 1
			found.find(f)
		}
		if t.number == 1 || len(t.records) == 0 {
			continue
		}
		first, why := t.records[0], ""
		if first.Begins != nil {
			why = fmt.Sprintf(": %s: %s", first.Begins.Reason, first.Begins.Detail)
		}
		f := t.finding(KindSecondTree, first.Number, "another tree begins, and nothing proves that no record came before it"+why+"; --accept takes a file with its origin, "+t.String())
		f.To = first.Time.Time
		if f.From = (time.Time{}); i > 0 && l.trees[i-1].last() != nil {
			f.From = l.trees[i-1].last().Time.Time
		}
		if slices.Contains(accepted, t.String()) {
			found.note("%s: accepted: it begins at %s%s", t, first.Time.Format(time.RFC3339), why)
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
	var last int64
	seqs := slices.Clone(e.records)
	slices.SortFunc(seqs, func(a, b *record) int { return int(a.Seq - b.Seq) })
	for _, r := range seqs {
		from, to := last+1, r.Seq-1
		if last = r.Seq; from > to {
			continue
		}
		later := slices.ContainsFunc(e.records, func(r *record) bool { return r.Kind == manifest.KindFile && r.Seq > to })
		if !later && to-from < maxPending {
			for n := from; n <= to; n++ {
				e.pending[n] = true
			}
			found.note("%s: number %d is given to a file that had no record yet when the last one was sealed", e, from)
			continue
		}
		f := e.finding(KindRecordMissing, fmt.Sprintf("no record has the numbers %d to %d of the epoch: files, gaps or heartbeats", from, to))
		f.Seq, f.To = from, r.Time.Time
		found.find(f)
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
	s := Epoch{Epoch: e.name, Records: int64(len(e.records))}
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
	for _, t := range l.trees {
		node.Trees = append(node.Trees, t.summary)
	}
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
