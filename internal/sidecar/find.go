package sidecar

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/records"
	"github.com/auditsidecar/auditsidecar/internal/shipper"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// Find implements [shipper.Store]. The rotation time is in the names of data
// objects; they lie under the day of their last events, which is the day of
// the rotation or the one before.
func (s *store) Find(ctx context.Context, rotated time.Time, about bool) ([]shipper.Found, error) {
	stored, err := s.rotatedAt(ctx, rotated.UTC(), about)
	if archive.ReasonOf(err) == archive.ReasonPermission {
		return nil, nil // may store, may not list: nothing can be found
	}
	if err != nil {
		return nil, err
	}
	var found []shipper.Found
	for _, key := range stored {
		f, err := s.found(ctx, key)
		if err != nil {
			return nil, err
		}
		found = append(found, f)
	}
	return found, nil
}

// rotatedAt lists one object of each file of this log that was rotated at a
// time, or about then.
func (s *store) rotatedAt(ctx context.Context, rotated time.Time, about bool) ([]archive.Key, error) {
	days := []time.Time{rotated, rotated.AddDate(0, 0, -1)}
	name := rotated.Format(archive.RotatedLayout) + "-" + s.identity.Node + "-"
	if about {
		days, name = append(days, rotated.AddDate(0, 0, 1)), ""
	}
	byFile := map[ledger.Origin]archive.Key{}
	for _, day := range days {
		for info, err := range s.bucket.List(ctx, archive.DataPrefix(s.identity.Cluster, day.Format(archive.DayLayout))+name) {
			if err != nil {
				return nil, err
			}
			if key, err := archive.ParseKey(info.Key); err == nil && key.Node == s.identity.Node {
				if of := (ledger.Origin{Epoch: key.Epoch, Seq: key.Seq}); byFile[of].Copy <= key.Copy {
					byFile[of] = key
				}
				if len(byFile) > maxHeldKeys {
					return nil, fmt.Errorf("find the files that were rotated about %s: the archive lists more than %d", rotated, maxHeldKeys)
				}
			}
		}
	}
	var keys []archive.Key
	for _, key := range byFile {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b archive.Key) int {
		return cmp.Or(cmp.Compare(a.Rotated, b.Rotated), cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Seq, b.Seq))
	})
	if about {
		keys = neighbours(keys, rotated.Format(archive.RotatedLayout))
	}
	return keys, nil
}

// near is how many rotations before and after a time are near to it.
const near = 2

// neighbours are the files that were rotated next before and after a time.
// Keys are sorted by their times.
func neighbours(keys []archive.Key, at string) []archive.Key {
	i, _ := slices.BinarySearchFunc(keys, at, func(k archive.Key, at string) int { return cmp.Compare(k.Rotated, at) })
	from, to := i, i
	for n := 0; from > 0 && (n < near || keys[from-1].Rotated == keys[from].Rotated); n++ {
		from--
	}
	for n := 0; to < len(keys) && (n < near || keys[to].Rotated == keys[to-1].Rotated); n++ {
		to++
	}
	return keys[from:to]
}

// found finds the record of a file: under its number, or, where its epoch did
// not come to record it, that of a later epoch which names its objects.
func (s *store) found(ctx context.Context, key archive.Key) (shipper.Found, error) {
	later, err := s.recordOf(ctx, key)
	if err != nil || later != nil {
		return shipper.Found{Record: later}, err
	}
	meta, err := s.readMeta(ctx, key.String())
	return shipper.Found{Meta: meta}, err
}

// recordOf reads the record under the number of an object, or else those of later
// epochs until one names the object; nil where none does. Those are many records, but
// only for an object whose own epoch has none.
func (s *store) recordOf(ctx context.Context, key archive.Key) (*manifest.Record, error) {
	if s.listed == nil {
		keys, err := s.recordKeys(ctx, archive.ManifestPrefix(s.identity.Cluster, s.identity.Node))
		if err != nil && !errors.Is(err, shipper.ErrUnlisted) {
			return nil, err
		}
		s.listed = keys
	}
	for _, of := range s.listed {
		own := of.Epoch == key.Epoch && of.Seq == key.Seq
		if of.Copy > 0 || !own && of.Epoch <= key.Epoch {
			continue
		}
		record, err := records.Read(ctx, s.bucket, of.String())
		switch {
		case own && err != nil:
			return nil, err
		case own && record.Kind == manifest.KindFile:
			return &record, nil
		case own || records.Unusable(err):
			continue // it cannot be understood, so it cannot vouch for anything
		case err != nil:
			return nil, err
		case record.Names(key.String()):
			return &record, nil
		}
	}
	return nil, nil //nolint:nilnil // none does
}

// Earlier implements [shipper.Store]. An epoch without any record lasted for less than
// the time between two heartbeats; its increments are kept for some days.
func (s *store) Earlier(ctx context.Context, epoch string) (string, error) {
	prefixes := []string{archive.ManifestPrefix(s.identity.Cluster, s.identity.Node)}
	for now, days := time.Now().UTC(), 0; days <= archive.DefaultOpenDays; days++ {
		prefixes = append(prefixes, archive.OpenPrefix(s.identity.Cluster, now.AddDate(0, 0, -days).Format(archive.DayLayout)))
	}
	for _, prefix := range prefixes {
		for info, err := range s.bucket.List(ctx, prefix) {
			if archive.ReasonOf(err) == archive.ReasonPermission {
				return "", nil
			}
			if err != nil {
				return "", err
			}
			if key, err := archive.ParseKey(info.Key); err == nil && key.Node == s.identity.Node && key.Epoch != epoch {
				return key.Epoch, nil
			}
		}
	}
	return "", nil
}

// Tree implements [shipper.Store]: trees are numbered from 1.
func (s *store) Tree(ctx context.Context) (last int, err error) {
	s.listed = nil
	for {
		found := false
		for _, err := range s.bucket.List(ctx, archive.TreePrefix(s.identity.Cluster, s.identity.Node, last+1)) {
			if archive.ReasonOf(err) == archive.ReasonPermission {
				return 0, fmt.Errorf("%w: %w", shipper.ErrUnlisted, err)
			}
			if err != nil {
				return 0, err
			}
			found = true
			break
		}
		if !found {
			return last, nil
		}
		last++
	}
}

// Records implements [shipper.Store]. The keys of a thousand numbers have one prefix.
func (s *store) Records(ctx context.Context, tree int, from int64) iter.Seq2[manifest.Stored, error] {
	return func(yield func(manifest.Stored, error) bool) {
		for thousand := from / 1000; ; thousand++ {
			first := archive.NumberPrefix(s.identity.Cluster, s.identity.Node, tree, thousand*1000)
			keys, err := s.recordKeys(ctx, strings.TrimSuffix(first, "000"))
			if err != nil {
				yield(manifest.Stored{}, err)
				return
			}
			if len(keys) == 0 {
				return
			}
			keys = slices.DeleteFunc(keys, func(k archive.Key) bool { return k.Number < from })
			for some := range slices.Chunk(keys, readAtOnce) {
				entries, err := s.readRecords(ctx, some)
				if err != nil {
					yield(manifest.Stored{}, err)
					return
				}
				for i, key := range some {
					if !yield(manifest.Stored{Number: key.Number, Entry: entries[i]}, nil) {
						return
					}
				}
			}
		}
	}
}

// Rollups implements [shipper.Store].
func (s *store) Rollups(ctx context.Context, tree int) (names []string, err error) {
	keys, err := s.recordKeys(ctx, archive.RollupPrefix(s.identity.Cluster, s.identity.Node, tree))
	for _, key := range keys {
		if key.Ext == "json" {
			names = append(names, key.String())
		}
	}
	slices.Sort(names)
	return names, err
}

// readAtOnce is how many records are read at the same time: each takes a connection and a
// temporary file.
const readAtOnce = 8

func (s *store) readRecords(ctx context.Context, keys []archive.Key) ([]manifest.Entry, error) {
	entries := make([]manifest.Entry, len(keys))
	group, inner := errgroup.WithContext(ctx)
	for i, key := range keys {
		group.Go(func() (err error) {
			entries[i], err = records.ReadEntry(inner, s.bucket, key.String())
			return err
		})
	}
	return entries, group.Wait()
}

// maxHeldKeys bounds the keys of a listing that is held, in memory of this process: 30 MB. An
// archive with more records of this node, of years, counts as one that may not be listed.
const maxHeldKeys = 100_000

func (s *store) recordKeys(ctx context.Context, prefix string) (keys []archive.Key, err error) {
	for info, err := range s.bucket.List(ctx, prefix) {
		if archive.ReasonOf(err) == archive.ReasonPermission {
			return nil, fmt.Errorf("%w: %w", shipper.ErrUnlisted, err)
		}
		if err != nil {
			return nil, err
		}
		if len(keys) == maxHeldKeys {
			return nil, fmt.Errorf("%w: more than %d records below %s", shipper.ErrUnlisted, maxHeldKeys, prefix)
		}
		if key, err := archive.ParseKey(info.Key); err == nil {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, archive.CompareRecords)
	return keys, nil
}

func (s *store) readMeta(ctx context.Context, key string) (parquet.ObjectMeta, error) {
	o, err := s.bucket.Open(ctx, key)
	if err != nil {
		return parquet.ObjectMeta{}, err
	}
	defer o.Close()
	meta, err := parquet.ReadMeta(o, o.Size)
	if errors.Is(err, parquet.ErrNotOurs) || archive.ReasonOf(err) == archive.ReasonChecksum {
		return parquet.ObjectMeta{}, nil // damaged, or of no file that is asked for
	}
	return meta, err
}
