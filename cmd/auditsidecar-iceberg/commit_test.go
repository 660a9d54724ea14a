package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	pq "github.com/parquet-go/parquet-go"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// Every object of a record is an entry, once; a run without a new record makes no snapshot.
func TestSync(t *testing.T) {
	s := newSite(t)
	s.small("cp-1", "cp-2", "cp-1")
	s.heartbeat("cp-1")
	s.write(strings.Replace(s.keys[0], "00000001.parquet", "00000009.parquet", 1), []byte("without a record"))
	if sum := s.sync(); sum.objects != 6 || sum.rows != 9 || sum.commits != 1 {
		t.Errorf("first run: %+v", sum)
	}
	s.once()
	if sum := s.sync(); sum.commits != 0 {
		t.Errorf("without a new record: %+v", sum)
	}
	s.small("cp-1", "cp-3")
	if sum := s.sync(); sum.objects != 4 || sum.commits != 1 {
		t.Errorf("two more files: %+v", sum)
	}
	s.once()
}

// Batches bound the objects of a snapshot.
func TestBatches(t *testing.T) {
	s := newSite(t)
	s.small("cp-1", "cp-1", "cp-2", "cp-2", "cp-3")
	c := s.committer()
	c.batch = 3
	sum, err := c.sync(t.Context())
	must(t, err)
	if sum.commits != 3 || sum.objects != 10 {
		t.Errorf("%+v", sum)
	}
	s.once()
}

// An entry has the size, rows, partitions and bounds of its object, and the columns their IDs.
func TestEntries(t *testing.T) {
	s := newSite(t)
	rotated := time.Date(2026, 11, 22, 17, 30, 0, 0, time.UTC)
	for _, name := range []string{"diverse.log", "torn-line.log", "nul-hole.log", "enospc.log"} {
		content, err := audittest.ReadCorpus(name)
		must(t, err)
		s.file("cp-1", rotated, string(content))
	}
	// A wrong clock: lines of other days stand under the day of the rotation.
	line := `{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"x","stageTimestamp":"%s"}` + "\n"
	s.file("cp-1", rotated, fmt.Sprintf(line+line+line, "2019-01-01T00:00:00.000000Z", "2026-11-21T23:59:59.999999Z", "2031-01-01T00:00:00.000000Z"))
	s.sync()
	s.once()
	c := s.committer()
	must(t, c.entries(t.Context(), func(f iceberg.DataFile) {
		path := strings.TrimPrefix(f.FilePath(), "file://")
		key, err := archive.ParseKey(strings.TrimPrefix(path, s.archive()+"/"))
		must(t, err)
		low, high, rows, size := times(t, path)
		if f.Count() != rows || f.FileSizeBytes() != size {
			t.Errorf("%s: %d rows, %d bytes, want %d, %d", path, f.Count(), f.FileSizeBytes(), rows, size)
		}
		if got := fmt.Sprint(f.Partition()); got != fmt.Sprint(map[int]any{1000: "prod", 1001: key.Day}) {
			t.Errorf("%s: partition %s", path, got)
		}
		first, last := bound(f.LowerBoundValues()[stampID]), bound(f.UpperBoundValues()[stampID])
		if low != nil && (first > *low || last < *high) {
			t.Errorf("%s: bounds %s to %s, rows are of %s to %s", path, time.UnixMicro(first), time.UnixMicro(last), time.UnixMicro(*low), time.UnixMicro(*high))
		}
	}))
}

func bound(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) }

// times reads the least and greatest stage timestamp of an object, its rows and its size.
func times(t *testing.T, path string) (low, high *int64, rows, size int64) {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	info, err := f.Stat()
	must(t, err)
	o, err := pq.OpenFile(f, info.Size())
	must(t, err)
	column := o.Root().Column("stage_timestamp").Index()
	for _, group := range o.RowGroups() {
		pages := group.ColumnChunks()[column].Pages()
		for {
			page, err := pages.ReadPage()
			if err != nil {
				break
			}
			values := make([]pq.Value, page.NumValues())
			_, _ = page.Values().ReadValues(values)
			for _, v := range values {
				if n := v.Int64(); !v.IsNull() {
					if low == nil || n < *low {
						low = &n
					}
					if high == nil || n > *high {
						high = &n
					}
				}
			}
		}
	}
	return low, high, o.NumRows(), info.Size()
}

// The table's columns have the IDs of the objects' columns.
func TestSchema(t *testing.T) {
	s := newSite(t)
	s.small("cp-1")
	s.sync()
	have := s.committer().table.Schema()
	f, err := os.Open(filepath.Join(s.archive(), s.keys[0]))
	must(t, err)
	defer f.Close()
	info, err := f.Stat()
	must(t, err)
	o, err := pq.OpenFile(f, info.Size())
	must(t, err)
	want := map[int32]string{}
	for _, e := range o.Metadata().Schema {
		if e.FieldID > 0 {
			want[e.FieldID] = e.Name
		}
	}
	for id, name := range map[int32]string{stampID: "stage_timestamp", nodeID: "node", epochID: "epoch", seqID: "seq"} {
		if want[id] != name {
			t.Errorf("column %d is %s, not %s", id, want[id], name)
		}
	}
	got := map[int32]string{}
	names, err := iceberg.IndexNameByID(have)
	must(t, err)
	for id, name := range names {
		if id < clusterID {
			got[int32(id)] = name[strings.LastIndex(name, ".")+1:]
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("IDs of the table %v, of the objects %v", got, want)
	}
}

// A node with a missing or damaged record waits there; others do not.
func TestMissingRecord(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"missing": os.Remove,
		"damaged": func(path string) error { return os.WriteFile(path, []byte("{}\n"), 0o600) },
	} {
		s := newSite(t)
		s.small("cp-1", "cp-1", "cp-1", "cp-2")
		path := filepath.Join(s.archive(), archive.RecordKey("prod", "cp-1", 1, 2, epoch, 2))
		intact, err := os.ReadFile(path)
		must(t, errors.Join(err, damage(path)))
		sum, err := s.committer().sync(t.Context())
		must(t, err)
		if sum.objects != 4 || sum.stopped == nil || !strings.Contains(sum.stopped.Error(), "--skip-missing") {
			t.Errorf("%s: %+v", name, sum)
		}
		must(t, os.WriteFile(path, intact, 0o600))
		s.sync()
		s.once()

		s = newSite(t)
		s.small("cp-1", "cp-1", "cp-1")
		must(t, damage(filepath.Join(s.archive(), archive.RecordKey("prod", "cp-1", 1, 2, epoch, 2))))
		c := s.committer()
		c.skipMissing = true
		if sum, err := c.sync(t.Context()); err != nil || sum.objects != 4 || sum.stopped != nil {
			t.Errorf("%s, skipped: %+v, %v", name, sum, err)
		}
	}
}

// A record that names objects of another file is refused, with its number.
func TestForeignObject(t *testing.T) {
	s := newSite(t)
	s.small("cp-1", "cp-2")
	at := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	s.record("cp-1", manifest.Record{Kind: manifest.KindFile, Time: manifest.At(at), Source: source("audit.log", at, at, at, 1),
		Objects: []manifest.Object{{Key: s.keys[2], Size: 1, SHA256: strings.Repeat("a", 64), Rows: 1}}})
	_, err := s.committer().sync(t.Context())
	if err == nil || !strings.Contains(err.Error(), "record 2 of prod/cp-1") {
		t.Errorf("error %v", err)
	}
}

// A snapshot of another program has no positions: those before it count. Without any, the entries
// say which objects the table has.
func TestSnapshotOfAnother(t *testing.T) {
	s := newSite(t)
	s.small("cp-1")
	s.sync()
	c := s.committer()
	files, err := c.filesOf(&manifest.Record{}, nil)
	must(t, err)
	must(t, c.entries(t.Context(), func(f iceberg.DataFile) { files = append(files, f) }))
	tx := c.table.NewTransaction()
	must(t, tx.ReplaceDataFilesWithDataFiles(t.Context(), files[:1], nil, nil))
	c.table, err = tx.Commit(t.Context())
	must(t, err)
	s.small("cp-1")
	if sum := s.sync(); sum.objects != 2 {
		t.Errorf("after a snapshot of another: %+v", sum)
	}
	if got := s.entries(); len(got) != 3 {
		t.Errorf("entries %v", got)
	}

	s = newSite(t)
	s.small("cp-1", "cp-2")
	c = s.committer()
	bucket := c.bucket
	for step, err := range pending(t.Context(), bucket, nil) {
		must(t, err)
		if step.node.name == "cp-1" {
			files, err := c.filesOf(step.record, nil)
			must(t, err)
			tx := c.table.NewTransaction()
			must(t, tx.AddDataFiles(t.Context(), files, nil))
			c.table, err = tx.Commit(t.Context())
			must(t, err)
		}
	}
	if sum := s.sync(); sum.objects != 2 {
		t.Errorf("without positions: %+v", sum)
	}
	s.once()
}

// A caller may stop, and the archive may fail, at any record: pending ends, with the records before
// in their order.
func TestPendingEnds(t *testing.T) {
	s := newSite(t)
	for range 2 * window {
		s.heartbeat("cp-1")
	}
	bucket := s.committer().bucket
	read := func(ctx context.Context, each func() bool) (n int64, err error) {
		for step, err := range pending(ctx, bucket, nil) {
			if err != nil {
				return n, err
			}
			if n++; step.key.Number != n {
				t.Fatalf("record %d is number %d", n, step.key.Number)
			}
			if !each() {
				break
			}
		}
		return n, nil
	}
	all := func() bool { return true }
	if n, err := read(t.Context(), all); n != 2*window || err != nil {
		t.Errorf("%d records, %v", n, err)
	}
	if n, err := read(t.Context(), func() bool { return false }); n != 1 || err != nil {
		t.Errorf("stopped: %d records, %v", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if n, err := read(ctx, func() bool { cancel(); return true }); n == 2*window || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %d records, %v", n, err)
	}
	path := filepath.Join(s.archive(), archive.RecordKey("prod", "cp-1", 1, window, epoch, window))
	must(t, errors.Join(os.Remove(path), os.Symlink("nowhere", path)))
	if n, err := read(t.Context(), all); n >= window || err == nil {
		t.Errorf("a record that cannot be read: %d records, %v", n, err)
	}
}
