package cli

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/catalog"
)

// errMissing says that an object is not where a record says that it is. Nothing of
// its file was written.
var errMissing = errors.New("a file of the archive is missing")

// missingObjects returns the objects that records name and the listing does not
// have. Opening one is an error that names the file. Only records under whose number
// no object is listed are read: of the others the objects say how many there must be.
func missingObjects(ctx context.Context, found []object, listed []located, recorded iter.Seq[sourceID], record records) ([]object, error) {
	has, names := map[sourceID]bool{}, map[string]bool{}
	for _, o := range found {
		has[o.id] = has[o.id] || !o.part
	}
	for _, o := range listed {
		names[o.key.String()] = true
	}
	var missing []object
	for id := range recorded {
		if has[id] {
			continue
		}
		r, err := record(ctx, id)
		if catalog.Unusable(err) {
			missing = append(missing, missingObject(id, archive.Key{}, fmt.Errorf("its record says which file it is, and cannot be read: %w", err)))
			continue
		}
		if err != nil {
			return nil, err
		}
		if r == nil {
			continue
		}
		for _, o := range r.Objects {
			if key, err := archive.ParseKey(o.Key); err != nil || !names[o.Key] {
				missing = append(missing, missingObject(id, key, fmt.Errorf("%s: its record names the object %s, which is not there", r.Source.Name, o.Key)))
			}
		}
	}
	return missing, nil
}

// missingObject is an object that cannot be opened. The number in its key is that of
// the record, or of an earlier epoch that had stored other objects of the file.
func missingObject(recorded sourceID, key archive.Key, why error) object {
	o := object{id: recorded, name: key.String(), day: key.Day, open: func(context.Context) (readerAtCloser, int64, error) {
		return nil, 0, fmt.Errorf("%w: %w", errMissing, why)
	}}
	if key.Kind == archive.KindData {
		o.id = idOfKey(key)
		o.rotated, _ = time.Parse(archive.RotatedLayout, key.Rotated)
	}
	return o
}
