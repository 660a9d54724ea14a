package search

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/catalog"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/records"
)

// recorded knows which objects the records of an archive name. A node's records are listed
// when the first of its objects is asked about.
type recorded struct {
	bucket *archive.Bucket

	mu    sync.Mutex
	nodes map[string]*nodeRecords // by the prefix of their keys
}

// nodeRecords are the records of a node.
type nodeRecords struct {
	keys    map[catalog.ID][]string // with all copies
	heads   catalog.Heads
	adopted map[catalog.ID]*manifest.Record
}

// standing is the records' view of an object.
type standing int

const (
	named   standing = iota
	notYet           // its file is just above the last record of its epoch
	unnamed          // no record names it
)

func newRecorded(b *archive.Bucket) *recorded {
	return &recorded{bucket: b, nodes: map[string]*nodeRecords{}}
}

// bare reports whether the archive has no record at all.
func (r *recorded) bare(ctx context.Context) (bool, error) {
	for info, err := range r.bucket.List(ctx, "manifests/") {
		if err != nil {
			return false, err
		}
		if _, err := archive.ParseKey(info.Key); err == nil {
			return false, nil
		}
	}
	return true, nil
}

// node lists the records of a node once.
func (r *recorded) node(ctx context.Context, cluster, node string) (*nodeRecords, error) {
	prefix := archive.ManifestPrefix(cluster, node)
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := r.nodes[prefix]; n != nil {
		return n, nil
	}
	n := &nodeRecords{keys: map[catalog.ID][]string{}, heads: catalog.Heads{}}
	for info, err := range r.bucket.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		if key, err := archive.ParseKey(info.Key); err == nil {
			id := catalog.IDOf(key)
			n.keys[id] = append(n.keys[id], info.Key)
			n.heads.Add(key.Epoch, key.Seq)
		}
	}
	r.nodes[prefix] = n
	return n, nil
}

// record reads the record of a file; nil if no record can be read.
func (r *recorded) record(ctx context.Context, n *nodeRecords, id catalog.ID) (*manifest.Record, error) {
	keys := n.keys[id]
	if len(keys) == 0 {
		return nil, nil //nolint:nilnil // there is none
	}
	record, err := records.ReadCopies(ctx, r.bucket, slices.Values(keys))
	switch {
	case records.Unusable(err):
		return nil, nil //nolint:nilnil // nothing vouches for the objects
	case err != nil:
		return nil, err
	}
	return &record, nil
}

// naming reads the record that names the objects of a file: its own, or, if the epoch was lost
// before it recorded them, that of a later one.
func (r *recorded) naming(ctx context.Context, id catalog.ID) (*manifest.Record, *nodeRecords, error) {
	n, err := r.node(ctx, id.Cluster, id.Node)
	if err != nil {
		return nil, nil, err
	}
	record, err := r.record(ctx, n, id)
	if err != nil || record != nil && len(record.Objects) > 0 {
		return record, n, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n.adopted == nil {
		if n.adopted, err = r.adopt(ctx, n); err != nil {
			return nil, nil, err
		}
	}
	return n.adopted[id], n, nil
}

// mostAdopted is how many records at the start of an epoch may name objects of an earlier one.
const mostAdopted = 200

// adopt finds the records that name objects of an earlier epoch.
func (r *recorded) adopt(ctx context.Context, n *nodeRecords) (map[catalog.ID]*manifest.Record, error) {
	adopted := map[catalog.ID]*manifest.Record{}
	first := slices.Min(slices.Collect(maps.Keys(n.heads))) // it has none before it
	for id := range n.keys {
		if id.Epoch == first || id.Seq > mostAdopted {
			continue
		}
		record, err := r.record(ctx, n, id)
		if err != nil {
			return nil, err
		}
		if record != nil {
			if of := catalog.IDOfRecord(record); of != id {
				adopted[of] = record
			}
		}
	}
	return adopted, nil
}

// of says whether a record names an object.
func (r *recorded) of(ctx context.Context, o stored) (standing, error) {
	record, n, err := r.naming(ctx, catalog.IDOf(o.Key))
	switch {
	case err != nil:
		return unnamed, fmt.Errorf("read its record: %w", err)
	case record != nil && record.Names(o.String()):
		return named, nil
	case record == nil && n.heads.Pending(o.Epoch, o.Seq):
		return notYet, nil
	}
	return unnamed, nil
}

// copyOf is the copy of an object that its record names, else the last.
func (r *recorded) copyOf(ctx context.Context, o stored) (stored, error) {
	all := append([]stored{o}, o.copies...)
	record, _, err := r.naming(ctx, catalog.IDOf(o.Key))
	if err != nil {
		return o, err
	}
	for _, c := range all {
		if record != nil && record.Names(c.String()) {
			return c, nil
		}
	}
	return all[len(all)-1], nil
}
