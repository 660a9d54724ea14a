package catalog

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/parquet"
)

// elsewhere reports whether the file whose increments f has is in the archive
// under another epoch as well, and more of it: when the state of a sidecar is
// lost while the log is not, the file is archived once more, by a new epoch.
// Two files are the same if one begins with the first increment of the other.
func (c *Catalog) elsewhere(ctx context.Context, f *File) (bool, error) {
	if f.Parts[0].From != 0 {
		return false, nil // nothing to compare; the hole is reported when it is restored
	}
	first, err := f.Parts[0].checked(ctx)
	if err != nil {
		return false, err
	}
	for _, other := range f.rotatedNext(c.Files, first.Last) {
		other, err := c.recorded(ctx, other)
		if err != nil {
			return false, err
		}
		if len(other.Objects) == 0 {
			continue
		}
		if same, err := other.begins(ctx, whole, first); err != nil || same {
			return same, err
		}
	}
	for _, other := range c.Files {
		if !f.otherEpoch(other) || len(other.Objects) > 0 || other.Extent() == 0 || !other.outranks(f) {
			continue
		}
		theirs, err := other.Parts[0].checked(ctx)
		if err != nil {
			return false, err
		}
		begun, by := other, first
		if theirs.SourceSize < first.SourceSize {
			begun, by = f, theirs
		}
		longer := &File{ID: begun.ID, Parts: begun.Parts[:1]}
		if same, err := longer.begins(ctx, partial, by); err != nil || same {
			return same, err
		}
	}
	return false, nil
}

// candidates is how many files are compared: the one that was rotated next
// after an increment was made is the right one, the clock permitting.
const candidates = 2

// rotatedNext returns the finished files of other epochs that were rotated
// first after a time.
func (f *File) rotatedNext(all []*File, after time.Time) []*File {
	after = after.Truncate(time.Millisecond) // as the name of a backup
	next := slices.DeleteFunc(slices.Clone(all), func(other *File) bool {
		return !f.otherEpoch(other) || len(other.Objects) == 0 || other.Rotated().Before(after)
	})
	slices.SortStableFunc(next, func(a, b *File) int { return a.Rotated().Compare(b.Rotated()) })
	return next[:min(len(next), candidates)]
}

func (f *File) otherEpoch(other *File) bool {
	return other.Cluster == f.Cluster && other.Node == f.Node && other.Epoch != f.Epoch
}

// outranks reports which of two files with increments stands for a file that both
// have the beginning of.
func (f *File) outranks(other *File) bool {
	return cmp.Or(cmp.Compare(f.Extent(), other.Extent()), f.compare(other.ID)) > 0
}

// begins reports whether the file begins with the bytes of an increment.
func (f *File) begins(ctx context.Context, form form, with parquet.ObjectMeta) (bool, error) {
	start := parquet.NewPrefixHash(with.SourceSize)
	err := f.read(ctx, form, func(o Original) error { return o.Write(ctx, os.TempDir(), start) })
	sum, complete := start.Prefix()
	if err != nil && !complete && !errors.As(err, new(*parquet.HoleError)) {
		return false, err
	}
	return sum == with.SourceSHA256, nil
}
