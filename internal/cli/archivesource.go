package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// archiveObjects lists an archive. The keys say what the objects are of, so
// that none is downloaded before its turn.
func archiveObjects(ctx context.Context, a config.Archive) ([]object, records, error) {
	bucket, err := openBucket(ctx, a, os.TempDir())
	if err != nil {
		return nil, nil, &usageError{err}
	}
	var found []object
	for _, prefix := range []string{"data/", "open/"} {
		for info, err := range bucket.List(ctx, prefix) {
			if err != nil {
				return nil, nil, err
			}
			if key, err := archive.ParseKey(info.Key); err == nil { // else not written by us
				found = append(found, archiveObject(bucket, info.Key, key))
			}
		}
	}
	return found, archiveRecords(bucket), nil
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
		id: sourceID{key.Cluster, key.Node, key.Epoch, key.Seq}, name: bucket.URL(name), open: open,
		part: key.Kind == archive.KindOpen, from: key.From, to: key.To, rotated: rotated, day: key.Day,
	}
}

// archiveRecords looks into an archive.
func archiveRecords(bucket *archive.Bucket) records {
	return func(ctx context.Context, id sourceID) (bool, error) {
		from := &store{bucket: bucket}
		record, err := from.readRecord(ctx, archive.ManifestKey(id.cluster, id.node, id.epoch, id.seq))
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil && record.Kind == manifest.KindFile, err
	}
}

// recordPath says of which original file a path has the record: its end is
// that of a record's key.
func recordPath(path string) (sourceID, bool) {
	elements := strings.Split(filepath.ToSlash(path), "/")
	if !strings.HasSuffix(path, ".json") || len(elements) < 4 {
		return sourceID{}, false
	}
	key, err := archive.ParseKey(strings.Join(elements[len(elements)-4:], "/"))
	if err != nil || key.Kind != archive.KindManifest {
		return sourceID{}, false
	}
	return sourceID{key.Cluster, key.Node, key.Epoch, key.Seq}, true
}

// fileRecords looks among the records that were found in a directory.
func fileRecords(paths map[sourceID]string) records {
	return func(_ context.Context, id sourceID) (bool, error) {
		path, ok := paths[id]
		if !ok {
			return false, nil
		}
		f, size, err := openFile(path)
		if err != nil {
			return false, err
		}
		defer f.Close()
		data, err := io.ReadAll(io.NewSectionReader(f, 0, min(size, maxRecordBytes)))
		if err != nil {
			return false, fmt.Errorf("read the record %s: %w", path, err)
		}
		record, err := manifest.Decode(data)
		if err != nil {
			return false, fmt.Errorf("read the record %s: %w", path, err)
		}
		return record.Kind == manifest.KindFile, nil
	}
}
