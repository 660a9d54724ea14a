package verify

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"path"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// tree is the records of one tree of a log. Most of its fields are those of the check of
// one record after the other.
type tree struct {
	log     *nodeLog
	number  int
	v       *verification
	base    *Trusted // its entry in the state file; nil without
	resumed bool     // only records after base are read
	summary Tree
	trust   manifest.Trust

	here        under // the objects stored under the present number
	next        int64 // number that must follow
	days        days
	first, last *record   // that can be read
	open        []Finding // about numbers before the next record, whose time they want
	confirmed   bool      // base is in the tree

	files    int64     // recorded so far
	archived time.Time // end of the last file

	whole    bool          // no record is missing or changed
	at       manifest.Tree // up to the last record
	known    bool          // at is the tree that the node had
	anchored bool          // at is known from a root alone, which the next record must confirm
	mismatch bool          // the root of the last record was not that of at
	signed   bool          // a record has a signature
	unproven *Finding      // the run of records whose roots cannot be computed
	unsigned *Finding      // the run of records whose signatures have one fault
}

// newTree begins a tree, with its entry in the state file.
func newTree(l *nodeLog, number int, v *verification) *tree {
	t := &tree{log: l, number: number, v: v, next: 1, known: true, whole: true}
	t.summary.Tree, t.summary.Origin = number, t.String()
	if len(v.opt.Keys) > 0 {
		t.trust.Given = v.opt.keysOf(l)
	}
	t.base = v.opt.State.tree(t.String())
	if t.base != nil && v.incremental {
		t.resume()
	}
	return t
}

// under has the objects stored under one number. Of each object but the record little is
// kept.
type under struct {
	number int64
	all    []stored
	more   int             // objects beyond maxUnder
	entry  *manifest.Entry // the record that counts: the last that fits the tree, else the last that is one
	key    archive.Key     // of entry
	after  manifest.Tree   // that ends with entry, if it fits
	fits   bool
}

// maxUnder bounds the findings of one number.
const maxUnder = 1000

// stored is an object under the key of a record.
type stored struct {
	key   archive.Key
	kind  Kind // of a fault; empty for a record that is that of its key
	fault string
}

// about begins a finding about a number of the tree.
func (t *tree) about(kind Kind, number int64, detail string) Finding {
	f := Finding{Kind: kind, Cluster: t.log.cluster, Node: t.log.node, Tree: t.number, Number: number, Detail: detail}
	if t.last != nil {
		f.From = t.last.Time.Time
	}
	return f
}

// find reports a fault before the next record, whose time bounds it.
func (t *tree) find(f Finding, found *findings) {
	if t.open = append(t.open, f); len(t.open) > maxUnder {
		t.bound(time.Time{}, found)
	}
}

func (t *tree) bound(to time.Time, found *findings) {
	for _, f := range t.open {
		f.To = to
		found.find(f)
	}
	t.open = nil
}

// add takes an object, in the order of the numbers.
func (t *tree) add(it *item, found *findings) {
	if t.here.number != it.key.Number {
		t.endNumber(found)
		(walk{t, found}).reach(it.key.Number)
		t.here = under{number: it.key.Number}
	}
	e, u := &it.entry, &t.here
	s := stored{key: it.key}
	switch {
	case e.Err != nil:
		s.kind, s.fault = KindRecordUnreadable, clip(e.Err.Error())
		if errors.Is(e.Err, manifest.ErrNewer) {
			s.kind = KindRecordNewer
		}
	case e.Cluster != s.key.Cluster || e.Node != s.key.Node || e.Number != s.key.Number || e.Epoch != s.key.Epoch || e.Seq != s.key.Seq || e.Point.Tree != s.key.Tree:
		s.kind, s.fault = KindRecordMisplaced, fmt.Sprintf("it holds record %d of %s, epoch %s, which belongs under another name",
			e.Number, manifest.Origin(e.Cluster, e.Node, e.Point.Tree), e.Epoch)
	default:
		after, fits := t.fit(e)
		if u.entry == nil || fits && !u.fits || fits == u.fits && archive.CompareRecords(s.key, u.key) > 0 {
			u.entry, u.key, u.after, u.fits = e, s.key, after, fits
		}
	}
	if len(u.all) == maxUnder {
		u.more++
		return
	}
	u.all = append(u.all, s)
}

// fit returns the tree that ends with a record, and whether it has the root of its
// checkpoint. The record that the state file ends with must be that one.
func (t *tree) fit(e *manifest.Entry) (after manifest.Tree, fits bool) {
	if t.resumed && e.Number <= t.base.Size {
		return t.at, t.base.is(e)
	}
	if !t.known {
		return after, false
	}
	after = t.at.With(e.Leaf)
	return after, after.Root() == e.Point.Root
}

// endNumber takes the objects stored under one number.
func (t *tree) endNumber(found *findings) {
	u := &t.here
	if len(u.all) == 0 {
		return
	}
	if u.entry != nil {
		t.bound(u.entry.Time.Time, found)
	}
	t.leave(found)
	trusted := t.base != nil && u.number == t.base.Size
	if trusted {
		t.confirm(found)
	}
	if !t.resumed || !trusted {
		t.next = u.number + 1
		t.take(found)
	}
	t.here = under{}
}

// take takes the record of a number.
func (t *tree) take(found *findings) {
	u := &t.here
	if u.entry == nil {
		t.lose(u.number)
		return
	}
	r := &record{Entry: u.entry, copied: u.key.Copy}
	want := t.v.opt.event
	if want != nil && r.Kind == manifest.KindFile && r.id().Epoch == want.Epoch && r.id().Seq == want.Seq {
		r.path = pathAfter(t.at)
	}
	t.prove(r, found)
	t.time(r, found)
	t.signature(r, found)
	t.days.add(r, found)
	t.keep(r)
}

// keep keeps the fields of a record that later checks need.
func (t *tree) keep(r *record) {
	e := t.log.epoch(r.Epoch)
	r.Cluster, r.Node, r.Epoch, r.Counts, r.Point.Signature = t.log.cluster, t.log.node, e.name, manifest.Counts{}, nil
	if r.path == nil {
		r.Checkpoint = ""
	}
	if n := len(e.trees); n == 0 || e.trees[n-1] != t {
		e.trees = append(e.trees, t)
	}
	if len(e.records) > 0 && e.records[0].MachineID == r.MachineID {
		r.MachineID = e.records[0].MachineID
	}
	e.records = append(e.records, r)
	if r.Kind == manifest.KindFile {
		if e.files[r.Seq] == nil {
			e.files[r.Seq] = r
		}
		t.files++
		if _, to := r.span(); to.After(t.archived) {
			t.archived = to
		}
	}
	t.last = r
	if t.first == nil {
		t.first = r
	}
	t.summary.Records++
}

// end ends the checks of the tree's records.
func (t *tree) end(found *findings) {
	if n := len(t.days.all); n > 0 { // its rollup was made when there was a later record
		(walk{t, found}).reach(t.days.all[n-1].Rollup.To + 2)
	}
	t.bound(time.Time{}, found)
	endRun(&t.unproven, found)
	endRun(&t.unsigned, found)
	if t.base != nil && !t.confirmed {
		t.refuse(found, "no record with that number is there")
	}
	if t.trust.Given != nil && t.first != nil && !t.signed && (t.base == nil || t.base.Key == "") {
		f := t.about(KindUnsigned, 0, "no record of this tree is signed: anybody may have written it")
		f.From, f.To = t.first.Time.Time, t.last.Time.Time
		found.find(f)
	}
	if t.last != nil && t.last.Number > t.summary.Head.Number {
		t.summary.Head = t.last.Head()
	}
	if n := t.summary.Summed; n > 0 {
		found.leaveOut("%s: %d records were not read: the rollups of their days, which lead to the roots of their heads, stand for them", t, n)
	}
}

// missing reports numbers without a record, of a day if there is a rollup of it.
func (t *tree) missing(from, to int64, d *day, found *findings) {
	f := t.about(KindRecordMissing, from, fmt.Sprintf("the records %d to %d are not there: files, gaps or heartbeats", from, to))
	if f.Last = to; from == to {
		f.Detail = fmt.Sprintf("record %d is not there: a file, a gap or a heartbeat", from)
	}
	switch n := len(t.days.all); {
	case d != nil:
		f.From, f.To = d.Rollup.Began, d.Rollup.Ended
		f.Detail += ", of " + d.Rollup.Day + " as the rollup of that day says"
		found.find(f)
	case n > 0 && t.days.all[n-1].Rollup.To < from:
		f.Detail += "; the rollup of " + t.days.all[n-1].Rollup.Day + " was made when it was"
		fallthrough
	default:
		t.find(f, found)
	}
	if d != nil && d.skip {
		return
	}
	for n := from; n <= to && t.known; n++ {
		t.lose(n)
	}
}

// lose continues the tree without the record of a number: the rollup of its day has its
// leaf hash, or the tree is not known from here on.
func (t *tree) lose(number int64) {
	t.whole, t.days.sum = false, nil
	leaf, ok := t.days.leaf(number, t.v.again)
	if t.known = t.known && ok; t.known {
		t.at, t.mismatch = t.at.With(leaf), false
	}
}

// leave reports an object that is stored under the number of a record and is not the one that
// counts. Copies before that one are noted: the store damaged them, or they could not be
// confirmed.
func (t *tree) leave(found *findings) {
	u := &t.here
	counts := cmp.Or(u.key, u.all[0].key)
	for i := range u.all {
		s := &u.all[i]
		switch {
		case u.entry != nil && s.key == u.key:
			continue
		case u.entry != nil && s.key.First() == u.key.First() && archive.CompareRecords(s.key, u.key) < 0:
			found.note("%s: not the record: the store damaged it, or it could not be confirmed; the record is %s", s.key, u.key)
			continue
		case s.kind == "" && s.key.First() == counts.First():
			s.kind, s.fault = KindRecordRepeated, fmt.Sprintf("a copy after the record, %s", u.key)
		case s.kind == "":
			s.kind, s.fault = KindFork, fmt.Sprintf("it has the number of %s: the sidecar's state was copied and used twice, or it was inserted", path.Base(counts.String()))
		}
		f := t.about(s.kind, s.key.Number, s.fault)
		f.Epoch, f.Seq, f.Object = s.key.Epoch, s.key.Seq, s.key.String()
		t.find(f, found)
	}
	if u.more > 0 {
		t.find(t.about(KindFork, u.number, fmt.Sprintf("%d more objects have this number", u.more)), found)
	}
}

// prove computes the root of the tree that ends with a record. Once a record is missing
// or changed its leaf is unknown, and no root can be computed until the tree has a power
// of two records: its root alone then suffices to continue.
func (t *tree) prove(r *record, found *findings) {
	next := t.here.after
	switch {
	case t.here.fits:
		r.proven = true
		t.at, t.mismatch, t.anchored = next, false, false
		endRun(&t.unproven, found)
		t.summary.Proven++
		if len(t.v.heads) > 0 {
			t.v.heads[next.Root().String()] = true
		}
		return
	case t.known && !t.mismatch && !t.anchored:
		found.find(r.finding(KindRecordChanged, "it, or its checkpoint, is not the one that the node had sealed: the tree that ends with it has another root"))
		if t.lose(r.Number); !t.known {
			t.at, t.known, t.mismatch = next, true, true
		}
		return
	}
	t.known, t.mismatch, t.whole = false, false, false
	extend(&t.unproven, r, KindNotProven, "a record before is missing or changed, so the tree that ends here cannot be computed: nothing proves its content")
	if bits.OnesCount64(uint64(r.Number)) == 1 {
		t.at, _ = manifest.TreeOf(r.Number, []manifest.Hash{r.Point.Root}) // one perfect subtree
		t.known, t.anchored = true, true
	}
}

// extend makes a record part of a run of records with the same fault.
func extend(run **Finding, r *record, kind Kind, detail string) {
	if f := *run; f != nil {
		f.Last, f.Object, f.File, f.Lines, f.Epoch, f.Seq = r.Number, "", "", nil, "", 0
		_, f.To = r.span()
		return
	}
	f := r.finding(kind, detail)
	*run = &f
}

func endRun(run **Finding, found *findings) {
	if *run != nil {
		found.find(**run)
		*run = nil
	}
}

// signature checks the signature of a record.
func (t *tree) signature(r *record, found *findings) {
	t.signed = t.signed || r.Point.Signature != nil
	fault, detail := t.trust.Check(r.Entry)
	if run := t.unsigned; run != nil && (fault == "" || run.Kind != Kind(fault) || run.Detail != detail) {
		endRun(&t.unsigned, found)
	}
	switch {
	case fault != "":
		extend(&t.unsigned, r, Kind(fault), detail)
	case r.Point.Signature != nil:
		t.summary.Signed++
		if !slices.Contains(t.summary.Keys, t.trust.Current) {
			t.summary.Keys = append(t.summary.Keys, t.trust.Current)
		}
	}
}

// time compares the time of a record with the one before.
func (t *tree) time(r *record, found *findings) {
	before := t.last
	if before == nil {
		return
	}
	back := before.Time.Sub(r.Time.Time)
	switch {
	case back <= manifest.ClockTolerance:
	case r.ClockStepped:
		found.note("%s: record %d: the node's clock was set back by %s", t, r.Number, back.Round(time.Second))
	default:
		f := r.finding(KindTimeBackwards, fmt.Sprintf("it is %s older than record %d before it, and no record says that the clock was set back", back.Round(time.Second), before.Number))
		f.From, f.To = r.Time.Time, before.Time.Time
		found.find(f)
	}
}

// String is for messages.
func (t *tree) String() string { return manifest.Origin(t.log.cluster, t.log.node, t.number) }
