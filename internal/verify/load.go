package verify

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/catalog"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// nodeLog is the records of one log, of all its epochs.
type nodeLog struct {
	cluster, node string
	trees         []*tree  // by number
	epochs        []*epoch // by their first records
}

// epoch is the records of one life of a node's state.
type epoch struct {
	log  *nodeLog
	name string

	trees   []*tree           // that its records are in
	records []*record         // by number
	files   map[int64]*record // those of files, by seq; of several the first
	summary Epoch
	pending map[int64]bool // seqs that need not have a record (yet)
}

// record is one that could be decoded.
type record struct {
	*manifest.Entry
	key    string        // in the archive
	proven bool          // by the tree
	before manifest.Tree // that it continues; of a proven one
	heard  []seen        // of a file: while it was open
}

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

// finding begins a finding about a record.
func (r *record) finding(kind Kind, detail string) Finding {
	f := Finding{Kind: kind, Cluster: r.Cluster, Node: r.Node, Tree: r.Point.Tree, Number: r.Number, Epoch: r.Epoch, Seq: r.Seq, Object: r.key, Detail: detail}
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

// list passes the objects below a prefix, of the requested cluster and node, to do; the key is zero for a name that auditsidecar does not give.
func (v *verification) list(ctx context.Context, prefix string, do func(info archive.Info, key archive.Key)) error {
	if v.opt.Cluster != "" {
		prefix += "cluster=" + v.opt.Cluster + "/"
	}
	for info, err := range v.archive.List(ctx, prefix) {
		if err != nil {
			return err
		}
		key, err := archive.ParseKey(info.Key)
		if err != nil || v.opt.Node == "" || key.Node == v.opt.Node {
			do(info, key)
		}
	}
	return nil
}

// listRecords finds the logs of the archive and the keys of their records.
func (v *verification) listRecords(ctx context.Context) error {
	byName := map[[2]string]*nodeLog{}
	strange := 0
	err := v.list(ctx, "manifests/", func(_ archive.Info, key archive.Key) {
		if key.Kind != archive.KindManifest {
			strange++
			return
		}
		name := [2]string{key.Cluster, key.Node}
		if byName[name] == nil {
			byName[name] = &nodeLog{cluster: key.Cluster, node: key.Node}
			v.logs = append(v.logs, byName[name])
		}
		t := byName[name].tree(key.Tree)
		t.stored = append(t.stored, stored{key: key})
	})
	if err != nil {
		return err
	}
	if strange > 0 {
		v.found.note("%d objects below manifests/ do not have a record's name; they were not checked", strange)
	}
	if len(v.logs) == 0 {
		v.found.find(Finding{Kind: KindTailMissing, Cluster: v.opt.Cluster, Node: v.opt.Node, From: v.opt.From, To: v.opt.To,
			Detail: "there are no records below manifests/: nothing here can be proven"})
	}
	slices.SortFunc(v.logs, func(a, b *nodeLog) int {
		return cmp.Or(cmp.Compare(a.cluster, b.cluster), cmp.Compare(a.node, b.node))
	})
	return nil
}

// tree finds a tree; keys are sorted, so it is the last one or a new one.
func (l *nodeLog) tree(number int) *tree {
	if n := len(l.trees); n > 0 && l.trees[n-1].number == number {
		return l.trees[n-1]
	}
	t := &tree{log: l, number: number}
	l.trees = append(l.trees, t)
	return t
}

// epoch finds or makes an epoch.
func (l *nodeLog) epoch(name string) *epoch {
	for _, e := range slices.Backward(l.epochs) {
		if e.name == name {
			return e
		}
	}
	e := &epoch{log: l, name: name, files: map[int64]*record{}, pending: map[int64]bool{}}
	l.epochs = append(l.epochs, e)
	return e
}

// readRecords reads the records of all trees.
func (v *verification) readRecords(ctx context.Context) error {
	var all []*stored
	for _, log := range v.logs {
		for _, t := range log.trees {
			slices.SortFunc(t.stored, func(a, b stored) int { return archive.CompareRecords(a.key, b.key) })
			for i := range t.stored {
				all = append(all, &t.stored[i])
			}
		}
	}
	return v.each(ctx, "records", len(all), func(ctx context.Context, i int) (err error) {
		all[i].Entry, err = catalog.ReadEntry(ctx, v.archive, all[i].key.String())
		return err
	})
}

func isNewer(err error) bool { return errors.Is(err, manifest.ErrNewer) }

// epochs are those of all logs.
func (v *verification) epochs() iter.Seq[*epoch] {
	return func(yield func(*epoch) bool) {
		for _, log := range v.logs {
			for _, e := range log.epochs {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// files are the records of files.
func (v *verification) files() iter.Seq[*record] {
	return func(yield func(*record) bool) {
		for e := range v.epochs() {
			for _, r := range e.records {
				if r.Kind == manifest.KindFile && !yield(r) {
					return
				}
			}
		}
	}
}

// epochOf finds the records of a file's epoch, perhaps none.
func (v *verification) epochOf(id catalog.ID) *epoch {
	for e := range v.epochs() {
		if e.log.cluster == id.Cluster && e.log.node == id.Node && e.name == id.Epoch {
			return e
		}
	}
	return &epoch{log: &nodeLog{cluster: id.Cluster, node: id.Node}, name: id.Epoch}
}
