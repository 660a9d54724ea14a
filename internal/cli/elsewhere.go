package cli

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"os"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/parquet"
)

// elsewhere says whether the file whose increments s has is in the archive
// under another epoch as well, and more of it: when the state of a sidecar is
// lost while the log is not, the file is archived once more, by a new epoch.
// Two files are the same when one begins with the first increment of the other.
func (s *source) elsewhere(ctx context.Context, all []*source) (bool, error) {
	if s.parts[0].from != 0 {
		return false, nil // nothing to compare; the hole is told when it is restored
	}
	first, err := s.parts[0].meta(ctx)
	if err != nil {
		return false, err
	}
	for _, other := range s.rotatedNext(all, first.Last) {
		if same, err := other.begins(ctx, whole, first.SourceSize, first.SourceSHA256); err != nil || same {
			return same, err
		}
	}
	for _, other := range all {
		if !s.otherEpoch(other) || len(other.objects) > 0 || len(other.parts) == 0 || other.parts[0].from != 0 || !other.outranks(s) {
			continue
		}
		if same, err := s.sameParts(ctx, &first, other); err != nil || same {
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
func (s *source) rotatedNext(all []*source, after time.Time) []*source {
	var next []*source
	for _, other := range all {
		// The name of a backup has milliseconds.
		if s.otherEpoch(other) && len(other.objects) > 0 && !other.objects[0].rotated.Before(after.Truncate(time.Millisecond)) {
			next = append(next, other)
		}
	}
	slices.SortFunc(next, func(a, b *source) int { return a.objects[0].rotated.Compare(b.objects[0].rotated) })
	return next[:min(len(next), candidates)]
}

func (s *source) otherEpoch(other *source) bool {
	return other.id.cluster == s.id.cluster && other.id.node == s.id.node && other.id.epoch != s.id.epoch
}

// outranks says which of two sources of increments stands for a file that both
// have the beginning of.
func (s *source) outranks(other *source) bool {
	return cmp.Or(cmp.Compare(s.extent(), other.extent()), s.id.compare(other.id)) > 0
}

// sameParts says whether the increments of two sources are of one file. first
// is the first of s.
func (s *source) sameParts(ctx context.Context, first *parquet.ObjectMeta, other *source) (bool, error) {
	theirs, err := other.parts[0].meta(ctx)
	if err != nil {
		return false, err
	}
	if first.SourceSize <= theirs.SourceSize {
		return other.begins(ctx, partial, first.SourceSize, first.SourceSHA256)
	}
	return s.begins(ctx, partial, theirs.SourceSize, theirs.SourceSHA256)
}

// begins says whether the first n bytes of the source have this SHA-256.
func (s *source) begins(ctx context.Context, f form, n int64, want [sha256.Size]byte) (bool, error) {
	start := &prefix{hash: sha256.New(), left: n}
	err := s.read(ctx, f, func(o original) error { return o.write(ctx, os.TempDir(), start) })
	var hole *parquet.HoleError
	if err != nil && !errors.Is(err, errEnough) && !errors.As(err, &hole) {
		return false, err
	}
	return start.left == 0 && [sha256.Size]byte(start.hash.Sum(nil)) == want, nil
}

// errEnough ends the writing to a prefix.
var errEnough = errors.New("the prefix is complete")

// prefix hashes the first bytes that are written to it.
type prefix struct {
	hash hash.Hash
	left int64
}

// Write implements io.Writer; it fails with errEnough when it has what it needs.
func (p *prefix) Write(b []byte) (int, error) {
	n := min(int64(len(b)), p.left)
	p.hash.Write(b[:n])
	if p.left -= n; p.left == 0 {
		return int(n), errEnough
	}
	return len(b), nil
}
