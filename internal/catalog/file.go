package catalog

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// ID names one original file: its number in a chain of its node.
type ID struct {
	Cluster, Node, Epoch string
	Seq                  int64
}

// IDOf is the file that a key's object is of.
func IDOf(key archive.Key) ID { return ID{key.Cluster, key.Node, key.Epoch, key.Seq} }

// IDOfMeta is the file that an object says it is of.
func IDOfMeta(m parquet.ObjectMeta) ID { return ID{m.Cluster, m.Node, m.Epoch, m.Seq} }

// IDOfRecord is the number that the objects of a record's file bear: its own, or,
// if an earlier epoch was lost after it had stored objects of the file and before
// it recorded them, the number that these have from there.
func IDOfRecord(r *manifest.Record) ID {
	if len(r.Objects) > 0 {
		if key, err := archive.ParseKey(r.Objects[0].Key); err == nil && key.Epoch < r.Epoch {
			return ID{r.Cluster, r.Node, key.Epoch, key.Seq}
		}
	}
	return ID{r.Cluster, r.Node, r.Epoch, r.Seq}
}

func (id ID) String() string {
	return fmt.Sprintf("cluster %s, node %s, %s/%d", id.Cluster, id.Node, id.Epoch, id.Seq)
}

// compare gives the order in which original files are restored.
func (id ID) compare(other ID) int {
	return cmp.Or(cmp.Compare(id.Cluster, other.Cluster), cmp.Compare(id.Node, other.Node),
		cmp.Compare(id.Epoch, other.Epoch), cmp.Compare(id.Seq, other.Seq))
}

// Object is one object, on disk or in an archive.
type Object struct {
	archive.Key        // its file, day and copy; zero if its name does not say it
	Name        string // for messages: a path or URL

	bucket *archive.Bucket
	name   string      // in the bucket
	at     archive.Key // that the name says; zero if it does not
	absent error       // why it cannot be opened
	ahead  *fetch      // of it, begun before its turn
}

// ID is the file that the object is of.
func (o Object) ID() ID { return IDOf(o.Key) }

// NewObject returns the object with a key in an archive.
func NewObject(bucket *archive.Bucket, name string) Object {
	key, _ := archive.ParseKey(name) // zero for one that auditsidecar does not give
	return Object{Key: key, Name: name, bucket: bucket, name: name}
}

func (o Object) open(ctx context.Context) (*archive.Object, error) {
	if o.absent != nil {
		return nil, o.absent
	}
	if r, err := o.ahead.take(); r != nil || err != nil {
		return r, err
	}
	return o.bucket.Open(ctx, o.name)
}

// File is one original file as its objects.
type File struct {
	ID
	Objects []Object // of the finished file
	// Parts are increments from when it was open, by From; of those that begin at
	// one byte the longest, and of its copies the last, first.
	Parts []Object

	record *manifest.Record // of the finished file, once it was read
}

// Group puts together the objects of each file, in the order in which the files
// were written.
func Group(all []Object) []*File {
	byID := map[ID]*File{}
	for _, o := range all {
		f := byID[o.ID()]
		if f == nil {
			f = &File{ID: o.ID()}
			byID[f.ID] = f
		}
		if o.Kind == archive.KindOpen {
			f.Parts = append(f.Parts, o)
		} else {
			f.Objects = append(f.Objects, o)
		}
	}
	for _, f := range byID {
		slices.SortFunc(f.Parts, func(a, b Object) int {
			return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(b.To, a.To), cmp.Compare(b.Copy, a.Copy))
		})
	}
	return slices.SortedFunc(maps.Values(byID), func(a, b *File) int { return a.compare(b.ID) })
}

// Extent is the end of the increments that join from the beginning of the file.
func (f *File) Extent() (to int64) {
	for _, o := range f.Parts {
		if o.From == to {
			to = o.To
		}
	}
	return to
}

// Rotated is the rotation time of the file, zero if unknown.
func (f *File) Rotated() (t time.Time) {
	if len(f.Objects) > 0 {
		t, _ = time.Parse(archive.RotatedLayout, f.Objects[0].Rotated)
	}
	return t
}

// Within reports whether the file may have lines of these days; a zero time is no
// bound. An open file's keys do not say.
func (f *File) Within(first, last time.Time) bool {
	return len(f.Parts) > 0 || slices.ContainsFunc(f.Objects, func(o Object) bool {
		day, err := time.Parse(archive.DayLayout, o.Day)
		return err != nil || !day.Before(first) && (last.IsZero() || !day.After(last))
	})
}

// withInputs opens objects for do.
func withInputs(ctx context.Context, objects []Object, do func([]parquet.Input) error) error {
	inputs := make([]parquet.Input, 0, len(objects))
	for _, o := range objects {
		r, err := o.open(ctx)
		if err != nil {
			return err
		}
		defer r.Close()
		inputs = append(inputs, parquet.Input{Name: o.Name, ReaderAt: r, Size: r.Size})
	}
	return do(inputs)
}

// check reads an object's own metadata, which must agree with its name.
func (o Object) check(in parquet.Input) (parquet.ObjectMeta, error) {
	m, err := parquet.ReadMeta(in, in.Size)
	if err != nil {
		return m, fmt.Errorf("%s: %w", o.Name, err)
	}
	if has := IDOfMeta(m); has != o.ID() {
		return m, fmt.Errorf("%s holds lines of %s: was it copied to another name?", o.Name, has)
	}
	if from, to := m.Increment.From, m.Increment.From+m.SourceSize; o.Kind == archive.KindOpen && (from != o.From || to != o.To) {
		return m, fmt.Errorf("%s holds bytes %d to %d of the file: was it copied to another name?", o.Name, from, to)
	}
	return m, nil
}
