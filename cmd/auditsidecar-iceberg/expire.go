package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

// expire removes the entries of objects from before the oldest day, and of copies of their rows that
// an engine made. It removes no object.
func (c *committer) expire(ctx context.Context) (removed int, err error) {
	for range attempts {
		var old []iceberg.DataFile
		err := c.entries(ctx, func(f iceberg.DataFile) {
			if day := dayOf(f, c.bucket, c.table.Spec()); f.ContentType() == iceberg.EntryContentData && day != "" && day < c.oldest {
				old = append(old, f)
			}
		})
		if err != nil || len(old) == 0 {
			return 0, err
		}
		at, _, err := c.positions(ctx)
		if err != nil {
			return 0, err
		}
		err = c.remove(ctx, old, at)
		if !errors.Is(err, table.ErrCommitFailed) {
			return len(old), err
		}
		if err := c.load(ctx); err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("remove entries from before %s: other commits were always first: run again", c.oldest)
}

// dayOf is the day from which the age of a file counts: of an object of the archive as its key says,
// of another file that of its partition.
func dayOf(f iceberg.DataFile, bucket *archive.Bucket, spec iceberg.PartitionSpec) (day string) {
	path, ours := strings.CutPrefix(f.FilePath(), bucket.URL("")+"/")
	if key, err := archive.ParseKey(path); ours && err == nil {
		return storedDay(key)
	}
	for _, field := range spec.Fields() {
		if field.SourceIDs[0] == dayID {
			day, _ = f.Partition()[field.FieldID].(string)
		}
	}
	return day
}

func (c *committer) remove(ctx context.Context, old []iceberg.DataFile, at map[node]position) error {
	c.at("before the removal")
	tx := c.table.NewTransaction()
	if err := tx.AssertRefSnapshotID(table.MainBranch); err != nil {
		return fmt.Errorf("remove %d entries: %w", len(old), err)
	}
	if err := tx.ReplaceDataFilesWithDataFiles(ctx, old, nil, summary(at), table.WithoutAutoNameMapping()); err != nil {
		return fmt.Errorf("remove %d entries: %w", len(old), err)
	}
	if err := c.push(ctx, tx); err != nil {
		return fmt.Errorf("remove %d entries: %w", len(old), err)
	}
	c.at("after the removal")
	return nil
}

// expireSnapshots removes the snapshots from before a time, but those that a branch or a tag names or
// that lead to the positions, and then the metadata below the table's location that no other snapshot has.
func (c *committer) expireSnapshots(ctx context.Context, before time.Time) (snapshots, files int, err error) {
	metadata := c.table.Metadata()
	named := map[int64]bool{}
	reqs := []table.Requirement{table.AssertTableUUID(metadata.TableUUID())}
	for name, ref := range metadata.Refs() {
		named[ref.SnapshotID] = true
		reqs = append(reqs, table.AssertRefSnapshotID(name, &ref.SnapshotID))
	}
	for _, s := range lineage(metadata) {
		named[s.SnapshotID] = true
	}
	var ids []int64
	var old, kept []table.Snapshot
	for _, s := range metadata.Snapshots() {
		if s.TimestampMs < before.UnixMilli() && !named[s.SnapshotID] {
			ids, old = append(ids, s.SnapshotID), append(old, s)
			continue
		}
		kept = append(kept, s)
	}
	if len(ids) == 0 {
		return 0, 0, nil
	}
	fs, err := c.table.FS(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("expire snapshots: %w", err)
	}
	unused, err := metadataOf(fs, old)
	if err != nil {
		return 0, 0, fmt.Errorf("expire snapshots: %w", err)
	}
	used, err := metadataOf(fs, kept)
	if err != nil {
		return 0, 0, fmt.Errorf("expire snapshots: %w", err)
	}
	updates := []table.Update{table.NewRemoveSnapshotsUpdate(ids, false)}
	if _, _, err := c.catalog.CommitTable(ctx, c.name, reqs, updates); err != nil {
		return 0, 0, fmt.Errorf("expire %d snapshots (if another commit was first, run again): %w", len(ids), err)
	}
	c.at("snapshots expired")
	if err := c.load(ctx); err != nil {
		return len(ids), 0, err
	}
	files, err = c.removeMetadata(fs, unused, used)
	return len(ids), files, err
}

// metadataOf are the manifest lists and manifests of snapshots.
func metadataOf(fs io.IO, snapshots []table.Snapshot) (map[string]bool, error) {
	all := map[string]bool{}
	for _, s := range snapshots {
		manifests, err := s.Manifests(fs)
		if err != nil {
			return nil, fmt.Errorf("list the manifests of snapshot %d: %w", s.SnapshotID, err)
		}
		all[s.ManifestList] = true
		for _, m := range manifests {
			all[m.FilePath()] = true
		}
	}
	return all, nil
}

// removeMetadata removes files of the table that are not used, and none outside of its metadata.
func (c *committer) removeMetadata(fs io.IO, unused, used map[string]bool) (files int, err error) {
	below := strings.TrimRight(c.table.Location(), "/") + "/metadata/"
	var errs []error
	for path := range unused {
		if used[path] || !strings.HasPrefix(path, below) || strings.Contains(path, "/../") || !strings.HasSuffix(path, ".avro") {
			continue
		}
		if err := fs.Remove(path); err != nil {
			errs = append(errs, fmt.Errorf("remove %s: %w", path, err))
			continue
		}
		files++
	}
	return files, errors.Join(errs...)
}
