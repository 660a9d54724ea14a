package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// positionKey begins the keys of positions in the summary of a snapshot; the node follows.
const positionKey = "auditsidecar.position."

// attempts are the commits that may lose against others in a row.
const attempts = 20

// done counts the work of a run.
type done struct {
	commits, objects, removed, snapshots, files int
	rows                                        int64
	stopped                                     error // nodes that wait for a record
}

// sync adds the objects of all records after the positions of the table.
func (c *committer) sync(ctx context.Context) (sum done, err error) {
	for lost := 0; ; lost++ {
		before := sum.commits
		err := c.pass(ctx, &sum)
		if !errors.Is(err, table.ErrCommitFailed) {
			return sum, err
		}
		if sum.commits > before {
			lost = 0
		}
		if lost == attempts {
			return sum, fmt.Errorf("other commits were first %d times in a row: run again: %w", attempts, err)
		}
		// Another committer was first: it may have added the same objects.
		wait := time.Duration(float64(min(100<<lost, 5000)) * (0.5 + rand.Float64()/2) * float64(time.Millisecond)) //nolint:gosec // jitter
		select {
		case <-ctx.Done():
			return sum, ctx.Err()
		case <-time.After(wait):
		}
		if err := c.load(ctx); err != nil {
			return sum, err
		}
	}
}

// pass adds the objects after the positions of the snapshot that was read.
func (c *committer) pass(ctx context.Context, sum *done) error {
	positions, known, err := c.positions(ctx)
	if err != nil {
		return err
	}
	at := maps.Clone(positions)
	stopped := map[node]error{}
	var files []iceberg.DataFile
	for s, err := range pending(ctx, c.bucket, positions) {
		if err != nil {
			return fmt.Errorf("read the records: %w", err)
		}
		if stopped[s.node] != nil {
			continue
		}
		if err := c.usable(s, at[s.node]); err != nil {
			if !c.skipMissing {
				stopped[s.node] = fmt.Errorf("%s: %w: run auditsidecar verify; --skip-missing continues behind it", s.node, err)
				continue
			}
			c.note("%s: %v; left out", s.node, err)
		}
		p := position{tree: s.key.Tree, number: s.key.Number, day: at[s.node].day}
		if s.record != nil {
			p.day = manifest.DayOf(s.record.Time)
			more, err := c.filesOf(s.record, known)
			if err != nil {
				return err
			}
			files = append(files, more...)
		}
		at[s.node] = p
		if len(files) >= c.batch {
			if err := c.commit(ctx, files, at, sum); err != nil {
				return err
			}
			files = nil
		}
	}
	if len(files) > 0 {
		if err := c.commit(ctx, files, at, sum); err != nil {
			return err
		}
	}
	sum.stopped = errors.Join(slices.Collect(maps.Values(stopped))...)
	return nil
}

// usable says whether a record is the next one of its node, and can be read.
func (c *committer) usable(s step, at position) error {
	if at == (position{}) {
		at.tree = 1
	}
	if !at.joins(s.key) {
		return fmt.Errorf("record %d of tree %d is followed by record %d of tree %d: those between are missing", at.number, at.tree, s.key.Number, s.key.Tree)
	}
	return s.err
}

// positions are those of the newest snapshot that has some. If none has, the objects that the table
// has are known, too.
func (c *committer) positions(ctx context.Context) (map[node]position, map[string]bool, error) {
	all, known := map[node]position{}, map[string]bool{}
	if before := lineage(c.table.Metadata()); len(before) > 0 {
		s := before[len(before)-1]
		for key, value := range s.Summary.Properties {
			name, ok := strings.CutPrefix(key, positionKey)
			if !ok {
				continue
			}
			p, err := parsePosition(value)
			if err != nil {
				return nil, nil, fmt.Errorf("snapshot %d of the table, %s: %w", s.SnapshotID, key, err)
			}
			cluster, nodeName, _ := strings.Cut(name, "/")
			all[node{cluster, nodeName}] = p
		}
		return all, nil, nil
	}
	if c.table.CurrentSnapshot() == nil {
		return all, nil, nil
	}
	c.note("no snapshot of the table has the positions of nodes: all records are read, and compared with its entries")
	var foreign string
	err := c.entries(ctx, func(f iceberg.DataFile) {
		if known[f.FilePath()] = true; !strings.HasPrefix(f.FilePath(), c.bucket.URL("")+"/") {
			foreign = f.FilePath()
		}
	})
	if err == nil && foreign != "" {
		err = fmt.Errorf("no snapshot has the positions of nodes any more, and %s of the table is not of the archive: its rows may be copies, which would be added again: drop the table and run again", foreign)
	}
	return all, known, err
}

// lineage is the current snapshot of a table and those before it, up to the newest one with positions; it is
// empty if none has some.
func lineage(metadata table.Metadata) (all []*table.Snapshot) {
	for s := metadata.CurrentSnapshot(); s != nil; s = parent(metadata, s) {
		all = append(all, s)
		if s.Summary == nil {
			continue
		}
		for key := range s.Summary.Properties {
			if strings.HasPrefix(key, positionKey) {
				return all
			}
		}
	}
	return nil
}

func parent(metadata table.Metadata, s *table.Snapshot) *table.Snapshot {
	if s.ParentSnapshotID == nil {
		return nil
	}
	return metadata.SnapshotByID(*s.ParentSnapshotID)
}

// commit adds files and positions in one snapshot. The error is [table.ErrCommitFailed] if the
// table has another snapshot than the one that the positions were read from.
func (c *committer) commit(ctx context.Context, files []iceberg.DataFile, at map[node]position, sum *done) error {
	c.at("before the commit")
	tx := c.table.NewTransaction()
	if err := tx.AssertRefSnapshotID(table.MainBranch); err != nil {
		return fmt.Errorf("add %d objects: %w", len(files), err)
	}
	// The positions decide which committer adds an object, so no manifest is read for it.
	err := tx.AddDataFiles(ctx, files, summary(at), table.WithoutDuplicateCheck(), table.WithoutAutoNameMapping())
	if err != nil {
		return fmt.Errorf("add %d objects: %w", len(files), err)
	}
	c.at("before the catalog")
	if err := c.push(ctx, tx); err != nil {
		return fmt.Errorf("commit %d objects: %w", len(files), err)
	}
	c.at("after the commit")
	sum.commits++
	sum.objects += len(files)
	for _, f := range files {
		sum.rows += f.Count()
	}
	return nil
}

// push commits a transaction. The error is [table.ErrCommitFailed] if the table has got another
// snapshot, be it that of another program or, if the catalog's answer was lost, this one.
func (c *committer) push(ctx context.Context, tx *table.Transaction) error {
	before := c.table.CurrentSnapshot()
	t, err := tx.Commit(ctx)
	if err == nil {
		c.table = t
		return nil
	}
	if errors.Is(err, table.ErrCommitFailed) || c.load(ctx) != nil {
		return err
	}
	if after := c.table.CurrentSnapshot(); after != nil && (before == nil || before.SnapshotID != after.SnapshotID) {
		return fmt.Errorf("%w: %w", table.ErrCommitFailed, err)
	}
	return err
}

// summary are the positions, as a snapshot has them.
func summary(at map[node]position) iceberg.Properties {
	properties := iceberg.Properties{"auditsidecar.version": version}
	for n, p := range at {
		properties[positionKey+n.String()] = p.String()
	}
	return properties
}

// filesOf returns the entries for the objects of a record.
func (c *committer) filesOf(r *manifest.Record, known map[string]bool) (files []iceberg.DataFile, err error) {
	spec := c.table.Spec()
	for _, o := range r.Objects {
		key, err := archive.ParseKey(o.Key)
		if err != nil || key.Kind != archive.KindData || key.Cluster != r.Cluster || key.Node != r.Node || key.Epoch != r.Epoch || key.Seq != r.Seq {
			return nil, fmt.Errorf("record %d of %s/%s names %q, which is no object of it: run auditsidecar verify", r.Number, r.Cluster, r.Node, o.Key)
		}
		path := c.bucket.URL(o.Key)
		if known[path] || storedDay(key) < c.oldest {
			continue
		}
		values := map[int]any{}
		for _, f := range spec.Fields() {
			if values[f.FieldID] = key.Cluster; f.SourceIDs[0] == dayID {
				values[f.FieldID] = key.Day
			}
		}
		b, err := iceberg.NewDataFileBuilder(spec, iceberg.EntryContentData, path, iceberg.ParquetFile, values, nil, nil, o.Rows, o.Size)
		if err != nil {
			return nil, fmt.Errorf("describe %s: %w", o.Key, err)
		}
		low, high := bounds(r, key)
		files = append(files, b.LowerBoundValues(low).UpperBoundValues(high).Build())
	}
	return files, nil
}

// storedDay is the day from which the age of an object counts at the latest: its own, or that of
// the rotation if that is before.
func storedDay(key archive.Key) string { return min(key.Day, key.Rotated[:len(time.DateOnly)]) }

// Days of the lines that stand under their own day; see docs/spec/object-layout.md.
const (
	daysBefore = 400
	daysAfter  = 1
)

// bounds are those of the columns node, epoch, seq and stage_timestamp of an object.
func bounds(r *manifest.Record, key archive.Key) (low, high map[int][]byte) {
	low = map[int][]byte{nodeID: []byte(r.Node), epochID: []byte(r.Epoch), seqID: number(r.Seq)}
	high = maps.Clone(low)
	if first, last, ok := span(r.Source, key); ok {
		low[stampID], high[stampID] = number(first.UnixMicro()), number(last.UnixMicro())
	}
	return low, high
}

// span is the time of an object's rows: that of the file, within the object's day, unless it is the
// day of the rotation and lines of other days stand there.
func span(source *manifest.Source, key archive.Key) (first, last time.Time, ok bool) {
	if source == nil || source.First.IsZero() || source.Last.IsZero() {
		return first, last, false
	}
	first, last = source.First.Time, source.Last.Time
	day, err := time.Parse(time.DateOnly, key.Day)
	rotated, err2 := time.Parse(time.DateOnly, key.Rotated[:len(time.DateOnly)])
	if err != nil || err2 != nil {
		return first, last, false
	}
	strays := first.Before(rotated.AddDate(0, 0, -daysBefore)) || !last.Before(rotated.AddDate(0, 0, daysAfter+1))
	if strays && day.Equal(rotated) {
		return first, last, true
	}
	if first.Before(day) {
		first = day
	}
	if end := day.AddDate(0, 0, 1).Add(-time.Microsecond); last.After(end) {
		last = end
	}
	return first, last, !last.Before(first)
}

// number is a bound of a long or a timestamp.
func number(n int64) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(n)) }

// entries lists the files of the current snapshot.
func (c *committer) entries(ctx context.Context, each func(iceberg.DataFile)) error {
	s := c.table.CurrentSnapshot()
	if s == nil {
		return nil
	}
	fs, err := c.table.FS(ctx)
	if err != nil {
		return fmt.Errorf("list the table's entries: %w", err)
	}
	manifests, err := s.Manifests(fs)
	if err != nil {
		return fmt.Errorf("list the table's entries: %w", err)
	}
	for _, m := range manifests {
		for entry, err := range m.Entries(fs, true) {
			if err != nil {
				return fmt.Errorf("list the table's entries: %w", err)
			}
			each(entry.DataFile())
		}
	}
	return nil
}
