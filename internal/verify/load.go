package verify

import (
	"cmp"
	"context"
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
	epochs        []*epoch // by name, which is by time
}

// epoch is the records of one chain.
type epoch struct {
	log  *nodeLog
	name string

	keys    []archive.Key    // of the records in the archive, by number and copy
	entries []manifest.Entry // under these keys

	records []*record         // those that can be read, in the order of the chain
	files   map[int64]*record // those of files, by number; of several the first
	summary Epoch
	pending map[int64]bool // numbers that need not have a record (yet)
	broken  bool           // a record is missing, or was changed
}

// record is one that could be decoded.
type record struct {
	*manifest.Entry
	key   string // in the archive
	heard []seen // of a file: while it was open
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
	f := Finding{Kind: kind, Cluster: r.Cluster, Node: r.Node, Epoch: r.Epoch, Seq: r.Seq, Object: r.key, Detail: detail}
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
		e := byName[name].epoch(key.Epoch)
		e.keys = append(e.keys, key)
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

// epoch finds an epoch; keys are sorted, so it is the last one or a new one.
func (l *nodeLog) epoch(name string) *epoch {
	if n := len(l.epochs); n > 0 && l.epochs[n-1].name == name {
		return l.epochs[n-1]
	}
	e := &epoch{log: l, name: name, files: map[int64]*record{}, pending: map[int64]bool{}}
	l.epochs = append(l.epochs, e)
	return e
}

// readRecords reads the records of all epochs.
func (v *verification) readRecords(ctx context.Context) error {
	type position struct {
		*epoch
		i int
	}
	var all []position
	for e := range v.epochs() {
		slices.SortFunc(e.keys, func(a, b archive.Key) int { return cmp.Or(cmp.Compare(a.Seq, b.Seq), a.Copy-b.Copy) })
		e.entries = make([]manifest.Entry, len(e.keys))
		for i := range e.keys {
			all = append(all, position{e, i})
		}
	}
	return v.each(ctx, "records", len(all), func(ctx context.Context, i int) (err error) {
		at := all[i]
		at.entries[at.i], err = catalog.ReadEntry(ctx, v.archive, at.keys[at.i].String())
		return err
	})
}

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
