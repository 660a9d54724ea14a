package catalog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/dustin/go-humanize/english"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/records"
)

// recorded returns the file without the objects that its record does not name, if their
// location has records: they are forged, or of a file that has no record yet.
func (c *Catalog) recorded(ctx context.Context, f *File) (*File, error) {
	if c.Unrecorded || len(f.Objects) == 0 {
		return f, nil
	}
	kept := &File{ID: f.ID, Parts: f.Parts}
	for _, o := range f.Objects {
		if o.absent != nil {
			kept.Objects = append(kept.Objects, o)
		}
	}
	for _, l := range c.listings {
		objects, record, err := l.recorded(ctx, f)
		if err != nil {
			return nil, err
		}
		kept.Objects = append(kept.Objects, objects...)
		if record != nil {
			kept.record = record
		}
	}
	return kept, nil
}

// recorded returns the objects of a file that are in the location and that its record
// names; all if the location has no record at all.
func (l *listing) recorded(ctx context.Context, f *File) (kept []Object, r *manifest.Record, err error) {
	asked := false
	for _, o := range f.Objects {
		if o.bucket != l.Bucket {
			continue
		}
		if !asked && len(l.records) > 0 {
			asked = true
			if r, err = l.recordNaming(ctx, f.ID); err != nil {
				return nil, nil, err
			}
		}
		if len(l.records) == 0 || r != nil && (o.at.Kind == 0 || r.Names(o.at.String())) {
			kept = append(kept, o)
		}
	}
	if r != nil && len(kept) == 0 && len(r.Objects) > 0 {
		kept = []Object{missingObject(f.ID, archive.Key{}, fmt.Errorf("%s: its record names the object %s, which is not there", r.Source.Name, r.Objects[0].Key))}
	}
	return kept, r, nil
}

// recordNaming reads the record of a file whose objects have an ID; nil if no record
// can be read.
func (l *listing) recordNaming(ctx context.Context, id ID) (*manifest.Record, error) {
	if r := l.adopted[id]; r != nil {
		return r, nil
	}
	r, err := l.record(ctx, id)
	if records.Unusable(err) {
		return nil, nil //nolint:nilnil // nothing vouches for the objects
	}
	return r, err
}

// Bare returns the locations without any record.
func (c *Catalog) Bare() (names []string) {
	for _, l := range c.listings {
		if len(l.records) == 0 {
			names = append(names, l.String())
		}
	}
	return names
}

// Record reads the record of a finished file; nil without one.
func (c *Catalog) Record(ctx context.Context, f *File) (*manifest.Record, error) {
	for _, l := range c.listings {
		if r, err := l.recordNaming(ctx, f.ID); r != nil || err != nil {
			return r, err
		}
	}
	return nil, nil //nolint:nilnil // there is none
}

// MaxPending is how far above the last record of its epoch the number of a file may be that
// has no record yet: few files are stored before their records, and a forged one is an error.
const MaxPending = 4

// Heads are the numbers of the last record of each epoch of a node.
type Heads map[string]int64

// Add takes a record.
func (h Heads) Add(epoch string, seq int64) { h[epoch] = max(h[epoch], seq) }

// Pending reports whether a number is just above the last record of the newest epoch: its record
// may not be written yet.
func (h Heads) Pending(epoch string, seq int64) bool {
	head, ok := h[epoch]
	return ok && epoch == slices.Max(slices.Collect(maps.Keys(h))) && seq > head && seq <= head+MaxPending
}

// isPending reports whether an object's record may not be written yet.
func (c *Catalog) isPending(o Object) bool {
	for _, l := range c.listings {
		if o.bucket != l.Bucket {
			continue
		}
		heads := Heads{}
		for id := range l.records {
			if id.Cluster == o.Cluster && id.Node == o.Node {
				heads.Add(id.Epoch, id.Seq)
			}
		}
		return heads.Pending(o.Epoch, o.Seq)
	}
	return false
}

// Skipped returns an error about the objects that Restore left out, and a note about those
// whose record may not be written yet; nil and empty without any.
func (c *Catalog) Skipped() (note string, err error) {
	var pending, unnamed []Object
	for _, o := range c.skipped {
		if c.isPending(o) {
			pending = append(pending, o)
		} else {
			unnamed = append(unnamed, o)
		}
	}
	if len(pending) > 0 {
		note = fmt.Sprintf("note: left out %s without a record yet, %s first; restore again in some minutes, or with --unrecorded", english.Plural(len(pending), "object", ""), pending[0].Name)
	}
	for _, l := range c.listings {
		err = errors.Join(err, errors.Join(l.unreadable...))
	}
	if err != nil {
		err = fmt.Errorf("left out, because no record names them and they cannot be read: %w", err)
	}
	if len(unnamed) > 0 {
		err = errors.Join(err, fmt.Errorf("left out %s that no record names, %s first: verify examines, --unrecorded restores them", english.Plural(len(unnamed), "object", ""), unnamed[0].Name))
	}
	return note, err
}
