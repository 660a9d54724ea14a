package verify

import (
	"cmp"
	"context"
	"errors"
	"io"
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
	name    string
	keys    []string // of the records in the archive
	records []*record
	summary Epoch
	pending map[int64]bool // numbers that need not have a record (yet)
	broken  bool           // a record is missing, or was changed
}

// record is one that could be decoded.
type record struct {
	manifest.Record
	key   string // in the archive
	sum   string // of its bytes
	heard []seen // of a file: what heartbeats say of it
}

// seen is what was seen of a file while it was open.
type seen struct {
	at time.Time
	manifest.OpenFile
}

// finding begins a finding about a record.
func (r *record) finding(kind Kind, detail string) Finding {
	f := Finding{Kind: kind, Cluster: r.Cluster, Node: r.Node, Epoch: r.Epoch, Seq: r.Seq, Detail: detail}
	f.From, f.To = r.span()
	if r.Source != nil {
		f.File = r.Source.Name
		f.Lines = r.lines()
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

// lines are those of a file record; nil for an empty file.
func (r *record) lines() *Lines {
	if r.Source == nil || r.Source.Lines == 0 {
		return nil
	}
	return &Lines{1, r.Source.Lines}
}

// load lists and reads the records.
func (v *verification) load(ctx context.Context) error {
	if err := v.listRecords(ctx); err != nil {
		return err
	}
	total := 0
	for _, log := range v.logs {
		for _, e := range log.epochs {
			total += len(e.keys)
		}
	}
	if total == 0 {
		v.find(Finding{Kind: KindTailMissing, Cluster: v.opt.Cluster, Node: v.opt.Node, From: v.opt.From, To: v.opt.To,
			Detail: "there are no records below manifests/: nothing here can be proven"})
	}
	before := 0
	for _, log := range v.logs {
		for _, e := range log.epochs {
			if err := v.loadEpoch(ctx, log, e, before, total); err != nil {
				return err
			}
			before += len(e.keys)
		}
	}
	return nil
}

// list passes what the archive has below a prefix, of the cluster and node that
// were asked for, to do; the key is zero for a name that auditsidecar does not give.
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

func (v *verification) listRecords(ctx context.Context) error {
	byName := map[[2]string]*nodeLog{}
	strange := 0
	err := v.list(ctx, "manifests/", func(info archive.Info, key archive.Key) {
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
		e.keys = append(e.keys, info.Key)
	})
	if strange > 0 {
		v.note("%d objects below manifests/ do not have a record's name; they were not checked", strange)
	}
	slices.SortFunc(v.logs, func(a, b *nodeLog) int {
		return cmp.Or(cmp.Compare(a.cluster, b.cluster), cmp.Compare(a.node, b.node))
	})
	return err
}

// epoch finds an epoch; keys are sorted, so it is the last one or a new one.
func (l *nodeLog) epoch(name string) *epoch {
	if n := len(l.epochs); n > 0 && l.epochs[n-1].name == name {
		return l.epochs[n-1]
	}
	e := &epoch{name: name, pending: map[int64]bool{}}
	l.epochs = append(l.epochs, e)
	return e
}

// loadEpoch reads the records of an epoch and puts them in the order of the
// chain. before of total records were read already.
func (v *verification) loadEpoch(ctx context.Context, log *nodeLog, e *epoch, before, total int) error {
	data := make([][]byte, len(e.keys))
	err := v.each(ctx, "", len(e.keys), func(ctx context.Context, i int) (err error) {
		data[i], err = v.read(ctx, e.keys[i])
		if i%64 == 0 {
			v.progress("records", int64(before+i), int64(total))
		}
		return err
	})
	if err != nil {
		return err
	}
	v.link(log, e, data)
	return nil
}

// read returns the bytes of a record, or their beginning where they are too
// many for one. An object whose bytes are not those that the store has a
// checksum of gives none.
func (v *verification) read(ctx context.Context, key string) ([]byte, error) {
	o, err := v.archive.Open(ctx, key)
	if archive.ReasonOf(err) == archive.ReasonChecksum {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.NewSectionReader(o, 0, min(o.Size, manifest.MaxSize+1)))
	return data, errors.Join(err, o.Close())
}
