package sidecar

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/catalog"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
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
	record, err := catalog.ReadRecord(ctx, s.bucket, s.Record(key.Epoch, key.Seq))
	if err == nil && record.Kind == manifest.KindFile {
		return shipper.Found{Record: &record}, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return shipper.Found{}, err
	}
	later, err := s.adoptedBy(ctx, key)
	if err != nil || later != nil {
		return shipper.Found{Record: later}, err
	}
	meta, err := s.readMeta(ctx, key.String())
	return shipper.Found{Meta: meta}, err
}

// adoptedBy reads the records of later epochs until one names the object; nil
// where none does. That is many records, but only for an object whose own
// epoch has none.
func (s *store) adoptedBy(ctx context.Context, key archive.Key) (*manifest.Record, error) {
	for info, err := range s.bucket.List(ctx, archive.ManifestPrefix(s.identity.Cluster, s.identity.Node)) {
		if err != nil {
			return nil, err
		}
		of, err := archive.ParseKey(info.Key)
		if err != nil || of.Epoch <= key.Epoch {
			continue
		}
		record, err := catalog.ReadRecord(ctx, s.bucket, info.Key)
		switch {
		case catalog.Unusable(err):
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

// Later implements [shipper.Store]. Numbers have eight digits or more in a key, so the
// records of ten of them have one prefix. A ledger gives the next number when the work
// on the one before has begun, so few of them are without a record at any time.
func (s *store) Later(ctx context.Context, epoch string, seq int64) (*manifest.Record, error) {
	for _, tens := range []int64{seq / 10, seq/10 + 1} {
		prefix := archive.ManifestPrefix(s.identity.Cluster, s.identity.Node) + fmt.Sprintf("%s-%07d", epoch, tens)
		for info, err := range s.bucket.List(ctx, prefix) {
			if archive.ReasonOf(err) == archive.ReasonPermission {
				return nil, nil //nolint:nilnil // it may not be looked for
			}
			if err != nil {
				return nil, err
			}
			key, err := archive.ParseKey(info.Key)
			if err != nil || key.Seq < seq || key.Copy > 0 {
				continue
			}
			record, err := catalog.ReadRecord(ctx, s.bucket, info.Key)
			if err == nil && record.Seq == key.Seq {
				return &record, nil
			}
			if err != nil && !catalog.Unusable(err) {
				return nil, err
			}
		}
	}
	return nil, nil //nolint:nilnil // there is none
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
