package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/catalog"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// archiveObjects lists an archive. The keys say what the objects are of, so
// that none is downloaded before its turn.
func archiveObjects(ctx context.Context, a config.Archive) ([]object, records, error) {
	bucket, err := a.Open(ctx)
	if err != nil {
		return nil, nil, &usageError{err}
	}
	var stored []located
	recorded := map[sourceID]bool{}
	for _, prefix := range []string{"data/", "open/", "manifests/"} {
		for info, err := range bucket.List(ctx, prefix) {
			if err != nil {
				return nil, nil, err
			}
			key, err := archive.ParseKey(info.Key)
			switch {
			case err != nil: // not written by us
			case key.Kind == archive.KindManifest:
				recorded[idOfKey(key)] = true
			default:
				stored = append(stored, located{info.Key, key})
			}
		}
	}
	record := archiveRecords(bucket)
	left, err := confirmed(ctx, stored, record)
	if err != nil {
		return nil, nil, err
	}
	found := make([]object, len(left))
	for i, o := range left {
		found[i] = archiveObject(bucket, o.name, o.key)
	}
	missing, err := missingObjects(ctx, found, stored, maps.Keys(recorded), record)
	return append(found, missing...), record, err
}

func archiveObject(bucket *archive.Bucket, name string, key archive.Key) object {
	open := func(ctx context.Context) (readerAtCloser, int64, error) {
		o, err := bucket.Open(ctx, name)
		if err != nil {
			return nil, 0, err
		}
		return o, o.Size, nil
	}
	rotated, _ := time.Parse(archive.RotatedLayout, key.Rotated) // zero for an increment
	return object{
		id: idOfKey(key), name: bucket.URL(name), open: open,
		part: key.Kind == archive.KindOpen, from: key.From, to: key.To, rotated: rotated, day: key.Day,
	}
}

// archiveRecords looks into an archive.
func archiveRecords(bucket *archive.Bucket) records {
	return func(ctx context.Context, id sourceID) (*manifest.Record, error) {
		record, err := catalog.ReadRecord(ctx, bucket, archive.ManifestKey(id.cluster, id.node, id.epoch, id.seq))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil //nolint:nilnil // there is none
		}
		return finishedRecord(record, err)
	}
}

// finishedRecord is a record if it is one of a finished file.
func finishedRecord(record manifest.Record, err error) (*manifest.Record, error) {
	if err != nil || record.Kind != manifest.KindFile {
		return nil, err
	}
	return &record, nil
}

// pathKey is the key that a path ends with; zero if it does not.
func pathKey(path string) archive.Key {
	elements := strings.Split(filepath.ToSlash(path), "/")
	for _, n := range []int{4, 5} { // of data and records, of increments
		if len(elements) >= n {
			if key, err := archive.ParseKey(strings.Join(elements[len(elements)-n:], "/")); err == nil {
				return key
			}
		}
	}
	return archive.Key{}
}

// fileRecords looks among the records that were found in a directory.
func fileRecords(paths map[sourceID]string) records {
	return func(_ context.Context, id sourceID) (*manifest.Record, error) {
		path, ok := paths[id]
		if !ok {
			return nil, nil //nolint:nilnil // there is none
		}
		f, size, err := openFile(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		data, err := io.ReadAll(io.NewSectionReader(f, 0, min(size, manifest.MaxSize+1)))
		if err != nil {
			return nil, fmt.Errorf("read the record %s: %w", path, err)
		}
		record, err := manifest.Decode(data)
		if err != nil {
			return nil, fmt.Errorf("read the record %s: %w", path, err)
		}
		return finishedRecord(record, nil)
	}
}
