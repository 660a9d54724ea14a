package verify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/rollups"
)

// day is the rollup of some records of a tree, without their leaf hashes.
type day struct {
	rollups.Day
	heads []string // of Options.ExpectHeads, that the tree had within it
	skip  bool     // it stands for its records, which are not read

	// Of a day that is skipped with Options.Rollups, from the listing of its records:
	next int64      // number that must follow
	lost [][2]int64 // numbers without a record, from and to
}

// days are the rollups of a tree, by their numbers, and the one whose records are read.
type days struct {
	all []*day
	sum *manifest.Rollup // of its records so far; nil if one is missing or not proven
	// full is the last rollup that was read again, with its leaf hashes.
	full  *rollups.Rollup
	began time.Time // of the first that was skipped
}

// summing reads the rollups.
type summing struct{ *verification }

// readAll reads the rollups, some at a time, and gives each tree its own.
func (v summing) readAll(ctx context.Context) error {
	memory := semaphore.NewWeighted(rollups.MaxSize)
	list := func(ctx context.Context, do func(*day)) error {
		for d, err := range rollups.List(ctx, v.archive, v.opt.Cluster, v.opt.Node) {
			if err != nil {
				return err
			}
			base := v.opt.State.tree(manifest.Origin(d.Key.Cluster, d.Key.Node, d.Key.Tree))
			if !v.incremental || base == nil || d.Key.Day >= dayOf(base.Time.Time) {
				do(&day{Day: d})
			}
		}
		return nil
	}
	read := func(ctx context.Context, d *day) error {
		size := min(d.Size(), rollups.MaxSize)
		if err := memory.Acquire(ctx, size); err != nil {
			return err
		}
		defer memory.Release(size)
		return v.read(ctx, d)
	}
	v.again = func(d rollups.Day) *rollups.Rollup {
		d, _ = rollups.Read(ctx, v.archive, d)
		return d.Rollup
	}
	return inOrder(ctx, v.workers(), list, read, v.add)
}

// read reads a rollup and keeps little of it.
func (v summing) read(ctx context.Context, d *day) (err error) {
	if d.Day, err = rollups.Read(ctx, v.archive, d.Day); err != nil || d.Rollup == nil {
		return err
	}
	r := d.Rollup
	if len(v.opt.Keys) > 0 {
		d.Err = r.Verify(v.opt.Keys)
	}
	if len(v.opt.ExpectHeads) > 0 {
		at := r.Before()
		for _, leaf := range r.Leaves {
			at = at.With(manifest.Hash(leaf))
			if root := at.Root().String(); slices.Contains(v.opt.ExpectHeads, root) {
				d.heads = append(d.heads, root)
			}
		}
	}
	r.Leaves, r.Levels, r.Stages, r.Recorded, d.next = nil, nil, nil, nil, r.From
	return nil
}

// add gives a rollup to its tree if it counts.
func (v summing) add(d *day) {
	if d.Err != nil {
		v.found.find(d.finding(d.Err.Error() + "; its records count instead"))
		return
	}
	r := d.Rollup
	t := v.log(r.Cluster, r.Node).tree(int(r.Tree), v.verification)
	if t.resumed && r.From <= t.base.Size {
		return
	}
	if n := len(t.days.all); n > 0 {
		before := t.days.all[n-1].Rollup
		if err := r.Follows(before); err != nil && r.From <= before.To+1 {
			v.found.find(d.finding(err.Error()))
			return
		}
	}
	signed := r.Point.Signature != nil || strings.Contains(r.Note, "\n\n\u2014 ")
	d.skip = v.opt.skips(r) && (len(v.opt.Keys) > 0 || !signed)
	if v.opt.skips(r) && !d.skip && len(t.days.all) == 0 {
		v.found.note("%s: without --key nothing vouches for its rollups, so every record was read", t)
	}
	t.days.all = append(t.days.all, d)
	if d.skip {
		prefix := archive.TreePrefix(r.Cluster, r.Node, t.number)
		v.skipped[prefix] = days{all: append(v.skipped[prefix].all, d)}
	}
}

// checkForms compares the Parquet forms, which SQL reads, with the JSON forms that
// count say of them.
func (v summing) checkForms(ctx context.Context) error {
	want := map[string]string{}
	for _, l := range v.logs {
		for _, t := range l.trees {
			for _, d := range t.days.all {
				key := d.Key
				key.Ext = "parquet"
				want[key.First().String()] = d.Rollup.Parquet
			}
		}
	}
	listed := map[archive.Key]bool{}
	var forms []archive.Key // that belong to a JSON form
	err := v.list(ctx, "rollups/parquet/", func(info archive.Info, key archive.Key) {
		base := v.opt.State.tree(manifest.Origin(key.Cluster, key.Node, key.Tree))
		switch {
		case key.Ext != "parquet":
			v.found.note("%s: not the name of a rollup, and queries see its rows", info.Key)
		case want[key.First().String()] != "" && key.Copy <= rollups.MaxCopies:
			forms, listed[key] = append(forms, key), true
		case v.incremental && base != nil && key.Day <= dayOf(base.Time.Time):
		case v.opt.now().Sub(info.Modified).Abs() < patience*defaultEvery:
			v.found.note("%s: its JSON form is not there yet", key)
		default:
			v.found.find((&day{Day: rollups.Day{Key: key}}).finding("no rollup in the JSON form that counts vouches for it, and queries see its rows"))
		}
	})
	if err != nil {
		return err
	}
	return v.each(ctx, "rollups", len(forms), func(ctx context.Context, i int) error {
		d := day{Day: rollups.Day{Key: forms[i]}}
		if next, _ := archive.ParseKey(archive.NextCopy(d.Key.String())); listed[next] {
			v.found.note("%s: the store damaged it, or it could not be confirmed; queries see its rows", d.Key)
			return nil
		}
		got, object, err := sumOf(ctx, v.archive, d.Key.String())
		if object != nil {
			_ = object.Close()
		}
		if sum := want[d.Key.First().String()]; err == nil && got != sum {
			err = fmt.Errorf("its SHA-256 is %s, its JSON form says %s; queries see its rows", got, sum)
		}
		if err != nil {
			_, detail, err := unopened(ctx, err)
			v.found.find(d.finding(detail))
			return err
		}
		return nil
	})
}

// skips says whether a rollup is to stand for its records: with Rollups, or if neither
// its lines nor its records are of a day that was asked for.
func (opt *Options) skips(r *rollups.Rollup) bool {
	if opt.State != nil || opt.event != nil {
		return false
	}
	first, last := r.Began, r.Ended
	if !r.First.IsZero() && r.First.Before(first) {
		first = r.First
	}
	if r.Last.After(last) {
		last = r.Last
	}
	return opt.Rollups || dayOf(last) < dayOf(opt.From) || !opt.To.IsZero() && dayOf(first) > dayOf(opt.To)
}

// finding begins a finding about the object.
func (d *day) finding(detail string) Finding {
	f := Finding{Kind: KindRollupInvalid, Cluster: d.Key.Cluster, Node: d.Key.Node, Tree: d.Key.Tree, Object: d.Key.String(), Detail: detail}
	f.From, _ = time.Parse(archive.DayLayout, d.Key.Day) // the key was parsed
	f.To = f.From.AddDate(0, 0, 1)
	return f
}

// skips are the days whose rollups stand for their records, by the prefixes of the trees.
// The listing uses it beside the checks.
type skips map[string]days

// day returns the day that stands for a record; nil if the record is read.
func (s skips) day(key archive.Key) *day {
	if len(s) == 0 || key.Kind != archive.KindManifest {
		return nil
	}
	all := s[archive.TreePrefix(key.Cluster, key.Node, key.Tree)]
	if d := all.from(key.Number); d != nil && d.Rollup.From <= key.Number {
		return d
	}
	return nil
}

// after is where the listing of records resumes behind those that are not read.
func (s skips) after(name string) string {
	key, _ := archive.ParseKey(name) // the zero Key is of no day
	last := int64(0)
	for d := s.day(key); d != nil; d = s.day(key) {
		last = d.Rollup.To
		key.Number = last + 1
	}
	if last == 0 {
		return ""
	}
	return archive.NumberPrefix(key.Cluster, key.Node, key.Tree, last) + "~"
}

// list notes that the record with a number is there.
func (d *day) list(number int64) {
	if number > d.next && len(d.lost) < maxUnder {
		d.lost = append(d.lost, [2]int64{d.next, number - 1})
	}
	d.next = max(d.next, number+1)
}

// from returns the first day that ends with a number or later.
func (d *days) from(number int64) *day {
	i, _ := slices.BinarySearchFunc(d.all, number, func(d *day, number int64) int { return cmp.Compare(d.Rollup.To, number) })
	if i == len(d.all) {
		return nil
	}
	return d.all[i]
}

// walk takes the numbers of a tree between two records that are read.
type walk struct {
	*tree
	found *findings
}

// reach takes those before the next record: days that are skipped, or missing records.
func (t walk) reach(number int64) {
	for {
		d := t.days.from(t.next)
		if d != nil && d.Rollup.From == t.next && !t.enter(d) {
			continue
		}
		switch {
		case t.next >= number:
			return
		case d == nil || d.Rollup.From >= number:
			t.missing(t.next, number-1, nil, t.found)
			t.next = number
		case d.Rollup.From > t.next:
			t.missing(t.next, d.Rollup.From-1, nil, t.found)
			t.next = d.Rollup.From
		case d.skip:
			t.pass(d)
		default:
			last := min(d.Rollup.To, number-1)
			t.missing(t.next, last, d, t.found)
			t.next = last + 1
		}
	}
}

// enter begins a day: its rollup must continue the tree. If a record before is missing or
// changed the tree is known again.
func (t walk) enter(d *day) bool {
	r := d.Rollup
	before := r.Before()
	if t.known && !t.mismatch && t.at.Root() != before.Root() {
		t.found.find(d.finding("it is of another history than the records before it"))
		if !d.skip {
			t.days.all = slices.DeleteFunc(t.days.all, func(other *day) bool { return other == d })
			return false
		}
	}
	t.at, t.known, t.mismatch, t.anchored = before, true, false, false
	t.days.sum = &manifest.Rollup{Version: r.Version, Cluster: r.Cluster, Node: r.Node, Tree: r.Tree, From: r.From, To: r.From - 1, Start: r.Start}
	return true
}

// pass takes a day whose rollup stands for its records.
func (t walk) pass(d *day) {
	r := d.Rollup
	for _, lost := range d.lost {
		t.missing(lost[0], lost[1], d, t.found)
	}
	if t.v.opt.Rollups && d.next <= r.To {
		t.missing(d.next, r.To, d, t.found)
	}
	head := manifest.Entry{Point: r.Point, Record: manifest.Record{Number: r.To, Checkpoint: r.Head, Kind: manifest.KindHeartbeat}}
	before := t.trust.Current
	if fault, detail := t.trust.Check(&head); fault != "" {
		f := d.finding("its head: " + detail)
		f.Kind = Kind(fault)
		t.found.find(f)
	} else if before != "" && t.trust.Current != before {
		t.trust.Replaced = append(t.trust.Replaced, before)
	}
	t.signed = t.signed || r.Point.Signature != nil
	t.at, t.next, t.days.sum = r.After, r.To+1, nil
	if t.days.began.IsZero() {
		t.days.began = r.Began
	}
	for _, root := range d.heads {
		t.v.heads[root] = true
	}
	t.files += r.Files
	if r.Last.After(t.archived) {
		t.archived = r.Last
	}
	t.summary.Summed += r.To - r.From + 1
	t.summary.Head = manifest.Head{Tree: t.number, Number: r.To, Root: r.Point.Root.String(), Time: manifest.At(r.Ended)}
	t.log.skip(r)
}

// skip notes the time and the gaps of records that are not read.
func (l *nodeLog) skip(r *rollups.Rollup) {
	l.skipped = append(l.skipped, span{r.Began, r.Ended})
	stamp := func(at *time.Time) (s manifest.Stamp) {
		if at != nil {
			s = manifest.At(*at)
		}
		return s
	}
	for _, g := range r.Gaps {
		l.gaps = append(l.gaps, Gap{Epoch: g.Epoch, Seq: g.Seq, Number: g.Number, Gap: manifest.Gap{From: stamp(g.From), To: stamp(g.To), Reason: continuity.Reason(g.Reason), Bytes: g.Bytes, File: g.File, Detail: g.Detail}})
	}
}

// leaf returns the leaf hash of a record that is missing or changed, as the rollup of its
// day has it.
func (d *days) leaf(number int64, again func(rollups.Day) *rollups.Rollup) (hash manifest.Hash, ok bool) {
	of := d.from(number)
	if of == nil || number < of.Rollup.From {
		return hash, false
	}
	if d.full == nil || d.full.From != of.Rollup.From {
		full := again(of.Day)
		if full == nil || full.Note != of.Rollup.Note {
			return hash, false // it was readable just before
		}
		d.full = full
	}
	return d.full.Leaf(number), true
}

// add adds a record to the sum of its day, which must be that of the rollup.
func (d *days) add(r *record, found *findings) {
	of := d.from(r.Number)
	if d.sum == nil || !r.proven || of == nil {
		d.sum = nil
		return
	}
	d.sum.Add(r.Entry)
	if r.Number < of.Rollup.To {
		return
	}
	d.sum.Parquet = of.Rollup.Parquet
	if text, err := d.sum.Text(); err != nil || !strings.HasPrefix(of.Rollup.Note, text+"\n") {
		found.find(of.finding(fmt.Sprintf("it is not the sum of the records %d to %d", of.Rollup.From, of.Rollup.To)))
	}
	d.sum = nil
}
