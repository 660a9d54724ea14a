package rollups

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

// Day is a rollup of an archive, or an object that is under the key of one.
type Day struct {
	// Key is that of the JSON form, of several copies the last that is a rollup.
	Key archive.Key
	// Rollup is nil if Err says why the object is not the rollup of its key.
	Rollup *Rollup
	Err    error

	copies []stored
}

// stored is one copy.
type stored struct {
	key  archive.Key
	size int64
}

// MaxCopies bounds how many copies of one rollup are read.
const MaxCopies = 100

// List lists the JSON forms below rollups/ by cluster, node, tree and day, to be read by
// [Read]; an empty cluster or node stands for all. Other names are left out.
func List(ctx context.Context, bucket *archive.Bucket, cluster, node string) iter.Seq2[Day, error] {
	return func(yield func(Day, error) bool) {
		day := Day{}
		for info, err := range bucket.List(ctx, Prefix("rollups/", cluster, node)) {
			if err != nil {
				yield(Day{}, err)
				return
			}
			key, err := archive.ParseKey(info.Key)
			if err != nil || key.Ext != "json" || node != "" && key.Node != node {
				continue
			}
			if key.First() != day.Key.First() {
				if day.Key.Kind != 0 && !yield(day, nil) {
					return
				}
				day = Day{}
			}
			day.add(stored{key, info.Size})
		}
		if day.Key.Kind != 0 {
			yield(day, nil)
		}
	}
}

// add adds a copy. Keys do not sort by the numbers of copies.
func (d *Day) add(s stored) {
	i, _ := slices.BinarySearchFunc(d.copies, s, func(a, b stored) int { return a.key.Copy - b.key.Copy })
	d.copies = slices.Insert(d.copies, i, s)
	d.copies = d.copies[max(0, len(d.copies)-MaxCopies):]
	d.Key = d.copies[len(d.copies)-1].key
}

// Prefix is that of the keys of some nodes below a folder whose keys continue with cluster and
// node, such as "manifests/"; an empty cluster or node stands for all.
func Prefix(folder, cluster, node string) string {
	switch {
	case cluster == "":
		return folder
	case node == "":
		return fmt.Sprintf("%scluster=%s/", folder, cluster)
	}
	return fmt.Sprintf("%scluster=%s/node=%s/", folder, cluster, node)
}

// Size is the size of the largest copy.
func (d *Day) Size() (size int64) {
	for _, s := range d.copies {
		size = max(size, s.size)
	}
	return size
}

// Read reads a listed day: the last of its copies that is a rollup, else the last one
// with the reason. An error says that the archive is unavailable.
func Read(ctx context.Context, bucket *archive.Bucket, day Day) (Day, error) {
	for _, s := range slices.Backward(day.copies) {
		r, err := s.read(ctx, bucket)
		switch {
		case err == nil:
			day.Key, day.Rollup, day.Err = s.key, r, nil
			return day, nil
		case !faulty(err):
			return day, err
		}
		day.Err = cmp.Or(day.Err, fmt.Errorf("read %s: %w", s.key, err))
	}
	return day, nil
}

// faulty says whether the fault is the object's own.
func faulty(err error) bool {
	return errors.Is(err, ErrInvalid) || errors.Is(err, ErrNewer) || errors.Is(err, fs.ErrNotExist) ||
		archive.ReasonOf(err) == archive.ReasonChecksum || archive.ReasonOf(err) == archive.ReasonOther
}

func (s stored) read(ctx context.Context, bucket *archive.Bucket) (*Rollup, error) {
	if s.size > MaxSize {
		return nil, invalid("%d bytes, more than %d", s.size, MaxSize)
	}
	o, err := bucket.Open(ctx, s.key.String())
	if err != nil {
		return nil, err
	}
	defer o.Close()
	if o.Size > MaxSize {
		return nil, invalid("%d bytes, more than %d", o.Size, MaxSize)
	}
	data := make([]byte, o.Size)
	if _, err := io.ReadFull(io.NewSectionReader(o, 0, o.Size), data); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	r, err := Parse(data)
	if err != nil {
		return nil, err
	}
	if own := r.key(); own != s.key.First() {
		return nil, invalid("it belongs under %s", own)
	}
	return r, nil
}

// All reads the rollups of an archive by cluster, node, tree and day, one after the other.
// An object that is not the rollup of its key has Day.Err; an error says that the archive
// is unavailable, and ends the sequence.
func All(ctx context.Context, bucket *archive.Bucket, cluster, node string) iter.Seq2[Day, error] {
	return func(yield func(Day, error) bool) {
		for day, err := range List(ctx, bucket, cluster, node) {
			if err == nil {
				day, err = Read(ctx, bucket, day)
			}
			if !yield(day, err) || err != nil {
				return
			}
		}
	}
}
