package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/shipper"
)

// store is the archive as the shipper sees it: it knows whose log it is and
// sends finished work files.
type store struct {
	bucket   *archive.Bucket
	identity config.Identity
	epoch    string
	success  prometheus.Gauge // when something was stored
}

func openBucket(ctx context.Context, a config.Archive, tempDir string) (*archive.Bucket, error) {
	return archive.Open(ctx, a.URL, archive.S3Config{
		Endpoint: a.Endpoint, Region: a.Region, PathStyle: a.PathStyle,
		CAFile: a.CAFile, KMSKeyID: a.KMSKeyID, TempDir: tempDir,
		Lock: archive.Lock{Mode: a.LockMode, Days: a.LockDays},
	})
}

func (s *store) dataKey(day string, rotated time.Time, seq int64) string {
	return archive.DataKey(s.identity.Cluster, day, rotated.UTC().Format(archive.RotatedLayout), s.identity.Node, s.epoch, seq)
}

func (s *store) openKey(seq, from, to int64) string {
	return archive.OpenKey(s.identity.Cluster, s.identity.Node, s.epoch, seq, from, to)
}

func (s *store) recordKey(epoch string, seq int64) string {
	return archive.ManifestKey(s.identity.Cluster, s.identity.Node, epoch, seq)
}

// maxRecordBytes bounds what is read as a record: one has some hundred bytes,
// and sixty for each of at most 64 objects.
const maxRecordBytes = 1 << 20

// Find implements [shipper.Store]. The rotation time is in the names of data
// objects; they lie under the day of their last events, which is the day of
// the rotation or the one before.
func (s *store) Find(ctx context.Context, rotated time.Time) ([]manifest.Record, error) {
	stamp := rotated.UTC().Format(archive.RotatedLayout)
	found := map[string]manifest.Record{}
	for _, day := range []time.Time{rotated.UTC(), rotated.UTC().AddDate(0, 0, -1)} {
		prefix := archive.DataPrefix(s.identity.Cluster, day.Format(archive.DayLayout)) + stamp + "-" + s.identity.Node + "-"
		for info, err := range s.bucket.List(ctx, prefix) {
			if archive.ReasonOf(err) == archive.ReasonPermission {
				return nil, nil // may store, may not list: nothing can be found
			}
			if err != nil {
				return nil, err
			}
			key, err := archive.ParseKey(info.Key)
			if err != nil || key.Node != s.identity.Node {
				continue
			}
			recordKey := s.recordKey(key.Epoch, key.Seq)
			if _, have := found[recordKey]; have {
				continue
			}
			record, err := s.readRecord(ctx, recordKey)
			if errors.Is(err, fs.ErrNotExist) {
				continue // stored, but never recorded: not archived
			}
			if err != nil {
				return nil, err
			}
			found[recordKey] = record
		}
	}
	return slices.Collect(maps.Values(found)), nil
}

func (s *store) readRecord(ctx context.Context, key string) (manifest.Record, error) {
	o, err := s.bucket.Open(ctx, key)
	if err != nil {
		return manifest.Record{}, err
	}
	defer o.Close()
	data, err := io.ReadAll(io.NewSectionReader(o, 0, min(o.Size, maxRecordBytes)))
	if err != nil {
		return manifest.Record{}, fmt.Errorf("read the record %s: %w", key, err)
	}
	record, err := manifest.Decode(data)
	if err != nil {
		return manifest.Record{}, fmt.Errorf("read the record %s: %w", key, err)
	}
	return record, nil
}

// Put implements [shipper.Store].
func (s *store) Put(ctx context.Context, key, file string, size int64, sha256 string) error {
	var sum [32]byte
	if n, err := hex.Decode(sum[:], []byte(sha256)); err != nil || n != len(sum) {
		return fmt.Errorf("the ledger has a malformed SHA-256 for %s: %q", key, sha256)
	}
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", file, shipper.ErrWorkGone)
	}
	if err != nil {
		return fmt.Errorf("open a work file: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() != size {
		return errors.Join(fmt.Errorf("%s: %w", file, shipper.ErrWorkGone), err)
	}
	err = s.bucket.Put(ctx, key, f, size, sum)
	if errors.Is(err, archive.ErrConflict) {
		return fmt.Errorf("%w: %w", shipper.ErrTaken, err)
	}
	if err == nil {
		s.success.SetToCurrentTime()
	}
	return err
}

// Fetch implements [shipper.Store].
func (s *store) Fetch(ctx context.Context, key, file string) error {
	o, err := s.bucket.Open(ctx, key)
	if err != nil {
		return err
	}
	defer o.Close()
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("make room for %s: %w", key, err)
	}
	_, err = io.Copy(out, io.NewSectionReader(o, 0, o.Size))
	return errors.Join(err, out.Close())
}
