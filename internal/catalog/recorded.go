package catalog

import (
	"context"
	"fmt"

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
		objects, err := l.recorded(ctx, f)
		if err != nil {
			return nil, err
		}
		kept.Objects = append(kept.Objects, objects...)
	}
	return kept, nil
}

// recorded returns the objects of a file that are in the location and that its record
// names; all if the location has no record at all.
func (l *listing) recorded(ctx context.Context, f *File) (kept []Object, err error) {
	var r *manifest.Record
	asked := false
	for _, o := range f.Objects {
		if o.bucket != l.Bucket {
			continue
		}
		if !asked && len(l.records) > 0 {
			asked = true
			if r, err = l.recordNaming(ctx, f.ID); err != nil {
				return nil, err
			}
		}
		if len(l.records) == 0 || r != nil && (o.at.Kind == 0 || r.Names(o.at.String())) {
			kept = append(kept, o)
		}
	}
	if r != nil && len(kept) == 0 && len(r.Objects) > 0 {
		kept = []Object{missingObject(f.ID, archive.Key{}, fmt.Errorf("%s: its record names the object %s, which is not there", r.Source.Name, r.Objects[0].Key))}
	}
	return kept, nil
}

// recordNaming reads the record of a file whose objects have an ID; nil if there is none that
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

// Skipped returns an error about the objects that Restore left out; nil if there are none.
func (c *Catalog) Skipped() error {
	if len(c.skipped) == 0 {
		return nil
	}
	return fmt.Errorf("%d objects were left out, because no record names them: %s is the first; verify examines them, --unrecorded restores them",
		len(c.skipped), c.skipped[0].Name)
}
