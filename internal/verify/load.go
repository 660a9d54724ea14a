package verify

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/catalog"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/records"
	"github.com/auditsidecar/auditsidecar/internal/rollups"
)

// allLogs are the logs of an archive.
type allLogs struct {
	logs   []*nodeLog // by cluster and node
	byName map[[2]string]*nodeLog
}

// nodeLog is the records of one log, of all its epochs.
type nodeLog struct {
	cluster, node string
	trees         []*tree  // by number
	epochs        []*epoch // by their first records
	byName        map[string]*epoch

	skipped spans // days whose rollups stand for their records
	gaps    []Gap // of those days
}

// epoch is the records of one life of a node's state.
type epoch struct {
	log  *nodeLog
	name string

	base    *Trusted          // its entry in the state file; nil without
	trees   []*tree           // that its records are in
	records []*record         // by number; first those that the state file has kept
	files   map[int64]*record // those of files, by seq; of several the first
	summary Epoch
	pending map[int64]bool // seqs that need not have a record (yet)
	head    int64          // greatest seq
	least   int64          // least seq of a record that was read
	rotated []rotation     // of the files, by time
	gaps    spans          // all recorded gaps
	cuts    spans          // those after which a file is another one
}

// record is one that could be decoded, without fields that no later check needs.
type record struct {
	*manifest.Entry
	copied int             // number of the copy in the archive
	proven bool            // by the tree
	path   []manifest.Hash // from its leaf to the root; only of the record of Options.event
	heard  []seen          // of a file: while it was open
	kept   *Heard          // of a heartbeat from the state file; nil for any other
}

// kindTrusted is the kind of the record that a state file ends with.
const kindTrusted manifest.Kind = "trusted"

// seen is the observation of an open file by a heartbeat.
type seen struct {
	at time.Time
	manifest.OpenFile
}

// finding begins a finding about an epoch.
func (e *epoch) finding(kind Kind, detail string) Finding {
	return Finding{Kind: kind, Cluster: e.log.cluster, Node: e.log.node, Epoch: e.name, Detail: detail}
}

// String is for messages.
func (e *epoch) String() string { return e.log.cluster + "/" + e.log.node + " " + e.name }

// key is the record's key in the archive.
func (r *record) key() string {
	return archive.Key{Kind: archive.KindManifest, Cluster: r.Cluster, Node: r.Node, Tree: r.Point.Tree, Number: r.Number,
		Epoch: r.Epoch, Seq: r.Seq, Copy: r.copied}.String()
}

// finding begins a finding about a record.
func (r *record) finding(kind Kind, detail string) Finding {
	f := Finding{Kind: kind, Cluster: r.Cluster, Node: r.Node, Tree: r.Point.Tree, Number: r.Number, Epoch: r.Epoch, Seq: r.Seq, Object: r.key(), Detail: detail}
	f.From, f.To = r.span()
	if r.Source != nil {
		f.File = r.Source.Name
		if r.Source.Lines > 0 {
			f.Lines = &Lines{1, r.Source.Lines}
		}
	}
	return f
}

// span is the time that a record speaks for.
func (r *record) span() (from, to time.Time) {
	from, to = r.Time.Time, r.Time.Time
	if s := r.Source; s != nil {
		from, to = s.First.Time, s.Last.Time
		if from.IsZero() {
			from = s.Rotated.Time
		}
		if s.Rotated.After(to) {
			to = s.Rotated.Time
		}
	}
	return from, to
}

// id is the number that the objects of a file record bear.
func (r *record) id() catalog.ID { return catalog.IDOfRecord(&r.Record) }

// list passes the objects below a prefix, of the requested cluster and node, to do; the
// key is zero for a name that auditsidecar does not give. Days that were not asked for
// and objects of records that are not read again are left out.
func (v *verification) list(ctx context.Context, prefix string, do func(info archive.Info, key archive.Key)) error {
	seek := func(string) string { return "" }
	switch prefix {
	case "manifests/":
		if seek = v.resumeAt.after; len(v.skipped) > 0 && !v.opt.Rollups {
			seek = v.skipped.after
		}
	case "data/":
		seek = v.days()
	case "open/":
		seek = openDays(v)
	}
	listed := int64(0)
	for info, err := range v.archive.ListAfter(ctx, rollups.Prefix(prefix, v.opt.Cluster, ""), seek) {
		if err != nil {
			return err
		}
		if listed++; v.opt.Progress != nil && prefix != "manifests/" { // readRecords counts those
			v.opt.Progress("keys of "+prefix, listed, 0)
		}
		key, err := archive.ParseKey(info.Key)
		if err == nil && (v.opt.Node != "" && key.Node != v.opt.Node || v.isTrusted(info.Key, key)) {
			continue
		}
		do(info, key)
	}
	return nil
}

// item is an object with a record's name.
type item struct {
	key   archive.Key
	size  int64
	entry manifest.Entry
}

// read reads the object, if it can be a record.
func (it *item) read(ctx context.Context, bucket *archive.Bucket) (err error) {
	if it.size > manifest.MaxSize {
		it.entry.Err = fmt.Errorf("%d bytes, more than %d: %w", it.size, manifest.MaxSize, manifest.ErrInvalid)
		return nil
	}
	it.entry, err = records.ReadEntry(ctx, bucket, it.key.String())
	return err
}

// inOrder reads all that list passes on, some at a time, and passes it to take in the
// same order.
func inOrder[T any](ctx context.Context, workers int, list func(context.Context, func(T)) error, read func(context.Context, T) error, take func(T)) error {
	type job struct {
		of   T
		done chan struct{} // closed when it was read
		ok   bool
	}
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(workers + 1) // and the listing
	ahead := make(chan *job, workers)
	group.Go(func() error {
		defer close(ahead)
		return list(inner, func(of T) {
			j := &job{of: of, done: make(chan struct{})}
			select {
			case ahead <- j:
				group.Go(func() error {
					defer close(j.done)
					err := read(inner, j.of)
					j.ok = err == nil
					return err
				})
			case <-inner.Done():
			}
		})
	})
	for j := range ahead {
		select {
		case <-j.done:
		case <-inner.Done():
		}
		if inner.Err() == nil && j.ok {
			take(j.of)
		}
	}
	return cmp.Or(group.Wait(), context.Cause(ctx))
}

// readRecords reads the records as they are listed, some at a time, and passes them to
// their trees in the order of their numbers.
func (v *verification) readRecords(ctx context.Context) error {
	var last *tree
	read := int64(0)
	err := inOrder(ctx, v.workers(), v.listRecords, func(ctx context.Context, it *item) error { return it.read(ctx, v.archive) }, func(it *item) {
		t := v.log(it.key.Cluster, it.key.Node).tree(it.key.Tree, v)
		if last != nil && last != t {
			last.endNumber(&v.found)
		}
		last = t
		t.add(it, &v.found)
		if read++; v.opt.Progress != nil {
			v.opt.Progress("records", read, 0) // while they are listed
		}
	})
	if last != nil {
		last.endNumber(&v.found)
	}
	return err
}

// maxTrees bounds the trees that are kept: more than the control planes of a thousand clusters have.
const maxTrees = 10_000

// maxNumber is more records than a tree gets; keys sort up to it.
const maxNumber = 1e12 - 1

// listRecords passes the objects with a record's name on and counts the others.
func (v *verification) listRecords(ctx context.Context, do func(*item)) error {
	strange, beyond, trees, last := 0, 0, 0, ""
	err := v.list(ctx, "manifests/", func(info archive.Info, key archive.Key) {
		if key.Kind != archive.KindManifest || key.Number > maxNumber {
			strange++
			return
		}
		if tree := archive.TreePrefix(key.Cluster, key.Node, key.Tree); tree != last {
			trees, last = trees+1, tree
		}
		if trees > maxTrees {
			beyond++
			return
		}
		if d := v.skipped.day(key); d != nil {
			d.list(key.Number)
			return
		}
		do(&item{key: key, size: info.Size})
	})
	if strange > 0 {
		v.found.note("%d objects below manifests/ do not have a record's name; they were not checked", strange)
	}
	if beyond > 0 {
		v.found.find(Finding{Kind: KindRecordUnreadable, Detail: fmt.Sprintf("the archive has %d trees, more than %d: %d objects below manifests/ were not checked; verify each --cluster or --node alone", trees, maxTrees, beyond)})
	}
	return cmp.Or(err, context.Cause(ctx))
}

// endRecords puts the logs in order when all records were read.
func (v *verification) endRecords() {
	if len(v.logs) == 0 {
		v.found.find(Finding{Kind: KindTailMissing, Cluster: v.opt.Cluster, Node: v.opt.Node, From: v.opt.From, To: v.opt.To,
			Detail: "there are no records below manifests/: nothing here can be proven"})
	}
	slices.SortFunc(v.logs, func(a, b *nodeLog) int {
		return cmp.Or(cmp.Compare(a.cluster, b.cluster), cmp.Compare(a.node, b.node))
	})
	for _, log := range v.logs {
		slices.SortFunc(log.trees, func(a, b *tree) int { return a.number - b.number })
		for _, t := range log.trees {
			t.end(&v.found)
		}
	}
}

// log finds or makes a log.
func (a *allLogs) log(cluster, node string) *nodeLog {
	name := [2]string{cluster, node}
	l := a.byName[name]
	if l == nil {
		l = &nodeLog{cluster: cluster, node: node, byName: map[string]*epoch{}}
		a.byName[name] = l
		a.logs = append(a.logs, l)
	}
	return l
}

// tree finds or makes a tree; keys are sorted, so it is mostly the last one.
func (l *nodeLog) tree(number int, v *verification) *tree {
	for _, t := range slices.Backward(l.trees) {
		if t.number == number {
			return t
		}
	}
	t := newTree(l, number, v)
	l.trees = append(l.trees, t)
	return t
}

// epoch finds or makes an epoch.
func (l *nodeLog) epoch(name string) *epoch {
	e := l.byName[name]
	if e == nil {
		e = &epoch{log: l, name: name, files: map[int64]*record{}, pending: map[int64]bool{}}
		l.byName[name] = e
		l.epochs = append(l.epochs, e)
	}
	return e
}

// epochs are those of all logs.
func (a *allLogs) epochs() iter.Seq[*epoch] {
	return func(yield func(*epoch) bool) {
		for _, log := range a.logs {
			for _, e := range log.epochs {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// files are the records of files.
func (a *allLogs) files() iter.Seq[*record] {
	return func(yield func(*record) bool) {
		for e := range a.epochs() {
			for _, r := range e.records {
				if r.Kind == manifest.KindFile && !yield(r) {
					return
				}
			}
		}
	}
}

// haveFile says whether a file has a record.
func (a *allLogs) haveFile() bool {
	return slices.ContainsFunc(a.logs, func(l *nodeLog) bool {
		return slices.ContainsFunc(l.trees, func(t *tree) bool { return t.files > 0 })
	})
}

// epochOf finds the records of a file's epoch, perhaps none.
func (a *allLogs) epochOf(id catalog.ID) *epoch {
	if l := a.byName[[2]string{id.Cluster, id.Node}]; l != nil && l.byName[id.Epoch] != nil {
		return l.byName[id.Epoch]
	}
	return &epoch{log: &nodeLog{cluster: id.Cluster, node: id.Node}, name: id.Epoch}
}
