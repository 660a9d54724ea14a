package catalog

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/records"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// Location is where to look for objects.
type Location struct {
	Bucket *archive.Bucket
	// Path is set for a directory, or a file in it, of any layout: there the
	// metadata of each object name its file. Otherwise its key does.
	Path string
	// Key is the only object to take; empty: all.
	Key string
	// Progress, if set, is called for each key of its listing.
	Progress func(stage string, done, total int64)
}

// listing is the content of a location.
type listing struct {
	Location
	stored  []Object                // Parquet objects
	records map[ID][]Object         // all copies of each
	named   map[string]bool         // keys of stored, all copies
	adopted map[ID]*manifest.Record // that name objects of an earlier epoch, by these

	unreadable []error // of objects without a key, which no record can name
}

// maxHeld bounds the objects and records of a listing, which is held as a whole.
const maxHeld = 500_000

// list lists a location.
func list(ctx context.Context, p Location) (*listing, error) {
	l := &listing{Location: p, records: map[ID][]Object{}, named: map[string]bool{}, adopted: map[ID]*manifest.Record{}}
	prefixes := []string{"data/", "open/", "manifests/"}
	if p.Path != "" {
		prefixes = []string{p.Key}
	}
	listed := int64(0)
	for _, prefix := range prefixes {
		for info, err := range p.Bucket.List(ctx, prefix) {
			if err != nil {
				return nil, err
			}
			if listed++; p.Progress != nil {
				p.Progress("keys", listed, 0)
			}
			if p.Key == "" || p.Key == info.Key {
				l.add(p.object(info.Key))
			}
			if len(l.stored)+len(l.records) > maxHeld {
				return nil, fmt.Errorf("%s lists more than %d objects, the bound of its memory", p, maxHeld)
			}
		}
	}
	return l, nil
}

// add takes an object of auditsidecar; not the unfinished ones of a conversion,
// whose names begin with a dot.
func (l *listing) add(o Object) {
	switch {
	case strings.HasPrefix(o.name, ".") || strings.Contains(o.name, "/.") || o.Kind == archive.KindRollup:
	case o.Kind == archive.KindManifest:
		l.records[o.ID()] = append(l.records[o.ID()], o)
	case o.Kind != 0 || l.Path != "" && (l.Key != "" || path.Ext(o.name) == ".parquet"):
		l.stored = append(l.stored, o)
		l.named[o.String()] = true
	}
}

// object is the object with a name in the bucket.
func (p Location) object(name string) Object {
	key := p.keyIn(name)
	o := Object{Key: key, Name: p.Bucket.URL(name), bucket: p.Bucket, name: name, at: key}
	if p.Path != "" {
		o.Name = path.Join(p.Path, name)
	}
	return o
}

// keyIn is the key that a name is, or in a directory ends with; zero if it does not.
func (p Location) keyIn(name string) archive.Key {
	if p.Path == "" {
		key, _ := archive.ParseKey(name) // zero with an error
		return key
	}
	elements := strings.Split(path.Join(p.Path, name), "/")
	for _, length := range []int{4, 5} { // rollups/parquet/… have five
		key, err := archive.ParseKey(path.Join(elements[max(0, len(elements)-length):]...))
		if err == nil {
			return key
		}
	}
	return archive.Key{}
}

// record reads the record of a finished file; nil without one.
func (l *listing) record(ctx context.Context, id ID) (*manifest.Record, error) {
	copies := l.records[id]
	if len(copies) == 0 {
		return nil, nil //nolint:nilnil // there is none
	}
	slices.SortStableFunc(copies, func(a, b Object) int { return a.Copy - b.Copy })
	names := make([]string, len(copies))
	for i, c := range copies {
		names[i] = c.name
	}
	record, err := records.ReadCopies(ctx, l.Bucket, slices.Values(names))
	if err != nil || record.Kind != manifest.KindFile {
		return nil, err
	}
	return &record, nil
}

// objects returns the confirmed copy of each object, and an object that cannot be
// opened for each that a record names and that is not there.
func (l *listing) objects(ctx context.Context) ([]Object, error) {
	all, err := confirmed(l.stored, func(id ID) (*manifest.Record, error) { return l.record(ctx, id) })
	if err != nil {
		return nil, err
	}
	readable := all
	if l.Path != "" { // in a bucket the keys say it
		readable = nil
		for _, o := range all {
			key, err := o.ownKey(ctx)
			switch {
			case err == nil:
				o.Key = key
				readable = append(readable, o)
			case !errors.Is(err, parquet.ErrNotOurs):
				return nil, err
			case o.Kind != 0: // its file fails, not the others
				readable = append(readable, o)
			case len(l.records) > 0: // none of them can name it
				l.unreadable = append(l.unreadable, err)
			default:
				return nil, err
			}
		}
	}
	missing, err := l.missing(ctx, readable)
	return append(readable, missing...), err
}

// ownKey is the key that an object itself says.
func (o Object) ownKey(ctx context.Context) (archive.Key, error) {
	var m parquet.ObjectMeta
	err := withInputs(ctx, []Object{o}, func(in []parquet.Input) (err error) {
		m, err = parquet.ReadMeta(in[0], in[0].Size)
		return err
	})
	if err != nil {
		return archive.Key{}, fmt.Errorf("%s: %w", o.Name, err)
	}
	key := archive.Key{
		Kind: archive.KindData, Cluster: m.Cluster, Node: m.Node, Epoch: m.Epoch, Seq: m.Seq, Day: o.Day,
		Rotated: m.Rotated.UTC().Format(archive.RotatedLayout), From: m.Increment.From, To: m.Increment.From + m.SourceSize,
	}
	if m.Increment.FirstLine > 0 {
		key.Kind = archive.KindOpen
	}
	return key, nil
}

// confirmed leaves of the copies of each object the one that the file's record
// names. Without a record, as of an increment, it is the last: the sidecar stores a
// copy only if the ones before it were not confirmed.
func confirmed(stored []Object, record func(ID) (*manifest.Record, error)) ([]Object, error) {
	copies := map[string][]Object{}
	for _, o := range stored {
		if o.Kind != 0 {
			first := path.Join(path.Dir(o.name), path.Base(o.First().String()))
			copies[first] = append(copies[first], o)
		}
	}
	drop := map[string]bool{}
	for _, same := range copies {
		if len(same) == 1 {
			continue
		}
		the := slices.MaxFunc(same, func(a, b Object) int { return a.Copy - b.Copy })
		if the.Kind == archive.KindData {
			r, err := record(the.ID())
			if err != nil {
				return nil, err
			}
			for _, c := range same {
				if r != nil && r.Names(c.String()) {
					the = c
				}
			}
		}
		for _, c := range same {
			drop[c.name] = c.name != the.name
		}
	}
	return slices.DeleteFunc(slices.Clone(stored), func(o Object) bool { return drop[o.name] }), nil
}

// ErrMissing says that an object is not where a record says that it is. Nothing of
// its file was written.
var ErrMissing = errors.New("a file of the archive is missing")

// missing returns the objects that records name and the listing does not have.
// Opening one is an error that names the file. Only records under whose number no
// object is listed are read: of the others the objects say how many there must be.
func (l *listing) missing(ctx context.Context, all []Object) (missing []Object, err error) {
	has := map[ID]bool{}
	for _, o := range all {
		has[o.ID()] = has[o.ID()] || o.Kind == archive.KindData
	}
	for id := range l.records {
		if has[id] {
			continue
		}
		r, err := l.record(ctx, id)
		switch {
		case records.Unusable(err):
			missing = append(missing, missingObject(id, archive.Key{}, fmt.Errorf("its record says which file it is, and cannot be read: %w", err)))
			continue
		case err != nil:
			return nil, err
		case r == nil:
			continue
		}
		if of := IDOfRecord(r); of != id {
			l.adopted[of] = r
		}
		for _, o := range r.Objects {
			if key, err := archive.ParseKey(o.Key); err != nil || !l.named[o.Key] {
				missing = append(missing, missingObject(id, key, fmt.Errorf("%s: its record names the object %s, which is not there", r.Source.Name, o.Key)))
			}
		}
	}
	return missing, nil
}

// missingObject is an object that cannot be opened. The number in its key is that
// of the record, or of an earlier epoch that had stored other objects of the file.
func missingObject(recorded ID, key archive.Key, why error) Object {
	if key.Kind != archive.KindData {
		key = archive.Key{Kind: archive.KindData, Cluster: recorded.Cluster, Node: recorded.Node, Epoch: recorded.Epoch, Seq: recorded.Seq}
	}
	return Object{Key: key, Name: key.String(), absent: fmt.Errorf("%w: %w", ErrMissing, why)}
}

// String returns the location as it was given.
func (p Location) String() string {
	if p.Path == "" {
		return p.Bucket.URL("")
	}
	return path.Join(p.Path, p.Key)
}
