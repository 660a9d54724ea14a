package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"
)

// Entries and snapshots expire; objects do not.
func TestExpire(t *testing.T) {
	s := newSite(t)
	s.small("cp-1", "cp-1", "cp-1")
	s.sync()
	s.small("cp-1")
	sums := s.sums()
	c := s.committer()
	c.oldest = "2026-11-21"
	sum, err := c.sync(t.Context())
	must(t, err)
	removed, err := c.expire(t.Context())
	must(t, err)
	if sum.objects != 2 || removed != 3 {
		t.Errorf("added %d, removed %d", sum.objects, removed)
	}
	if again, err := c.expire(t.Context()); again != 0 || err != nil {
		t.Errorf("again: %d, %v", again, err)
	}
	snapshots, files, err := c.expireSnapshots(t.Context(), time.Now().Add(time.Hour))
	must(t, err)
	if left := len(c.table.Metadata().Snapshots()); snapshots != 2 || files < 2 || left != 1 {
		t.Errorf("%d snapshots, %d files, %d left", snapshots, files, left)
	}
	if got := s.entries(); len(got) != 5 {
		t.Errorf("entries %v", got)
	}
	if !maps.Equal(sums, s.sums()) {
		t.Error("the archive was changed")
	}
	// An old archive: no entry for objects that are expired.
	c.oldest = "2026-11-23"
	must(t, c.catalog.DropTable(t.Context(), c.name))
	must(t, c.open(t.Context(), "default", s.properties(), "audit.audit_events", "file://"+s.warehouse()))
	if sum, err := c.sync(t.Context()); err != nil || sum.objects != 1 {
		t.Errorf("%+v, %v", sum, err)
	}
}

// A catalog that purges the table removes no object: gc.enabled is false.
func TestPurge(t *testing.T) {
	s := newSite(t)
	s.small("cp-1", "cp-2")
	s.sync()
	sums := s.sums()
	c := s.committer()
	purger, ok := c.catalog.(catalog.PurgeableTable)
	if !ok {
		t.Fatal("the catalog purges no tables")
	}
	must(t, purger.PurgeTable(t.Context(), c.name))
	if !maps.Equal(sums, s.sums()) {
		t.Error("the archive was changed")
	}
	s.sync()
	s.once()
}

// Files outside of the table's metadata stay, whatever a snapshot names.
func TestRemovesOwnMetadataOnly(t *testing.T) {
	s := newSite(t)
	c := s.committer()
	fs, err := c.table.FS(t.Context())
	must(t, err)
	unused := map[string]bool{}
	for _, path := range []string{"archive/data/x.avro", "warehouse/data/x.avro", "warehouse/metadata/x.parquet", "warehouse/metadata/../../archive/y.avro", "warehouse/metadata/x.avro"} {
		full := filepath.Join(s.dir, path)
		must(t, errors.Join(os.MkdirAll(filepath.Dir(full), 0o700), os.WriteFile(full, nil, 0o600)))
		unused["file://"+s.dir+"/"+path] = true
	}
	if n, err := c.removeMetadata(fs, unused, nil); n != 1 || err != nil {
		t.Errorf("%d files, %v", n, err)
	}
}

// An engine rewrites the objects: the snapshots that lead to the positions stay, and the next run adds
// nothing twice. Once another program has removed these, it refuses to.
func TestRewrittenByAnother(t *testing.T) {
	s := newSite(t)
	s.small("cp-1", "cp-2")
	s.sync()
	s.small("cp-1")
	s.sync()
	c := s.committer()
	s.rewrite(c, "2026-11-20")
	s.rewrite(c, "2026-11-20")
	if n, _, err := c.expireSnapshots(t.Context(), time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("removed %d snapshots, %v", n, err)
	}
	if sum := s.sync(); sum.objects != 0 {
		t.Errorf("added %d objects again", sum.objects)
	}
	var ids []int64
	for _, s := range lineage(c.table.Metadata())[1:] {
		ids = append(ids, s.SnapshotID)
	}
	_, _, err := c.catalog.CommitTable(t.Context(), c.name, nil, []table.Update{table.NewRemoveSnapshotsUpdate(ids, false)})
	must(t, err)
	if sum, err := s.committer().sync(t.Context()); err == nil || !strings.Contains(err.Error(), "drop the table") {
		t.Errorf("added %d objects, %v", sum.objects, err)
	}
}

// Copies of rows expire by their day.
func TestExpireCopies(t *testing.T) {
	s := newSite(t)
	s.small("cp-1", "cp-2")
	s.sync()
	c := s.committer()
	s.rewrite(c, "2026-11-20", "2026-11-21")
	c.oldest = "2026-11-21"
	if removed, err := c.expire(t.Context()); removed != 1 || err != nil {
		t.Errorf("removed %d entries, %v", removed, err)
	}
	if got := s.entries(); len(got) != 1 {
		t.Errorf("entries %v", got)
	}
}

// rewrite replaces all entries by those of files outside of the archive, one for each day, as an
// engine does.
func (s *site) rewrite(c *committer, days ...string) {
	s.t.Helper()
	var old, copies []iceberg.DataFile
	must(s.t, c.entries(s.t.Context(), func(f iceberg.DataFile) { old = append(old, f) }))
	for _, day := range days {
		path := fmt.Sprintf("file://%s/data/%s-%d.parquet", s.warehouse(), day, len(c.table.Metadata().Snapshots()))
		b, err := iceberg.NewDataFileBuilder(c.table.Spec(), iceberg.EntryContentData, path, iceberg.ParquetFile, map[int]any{1000: "prod", 1001: day}, nil, nil, 9, 1000)
		must(s.t, err)
		copies = append(copies, b.Build())
	}
	tx := c.table.NewTransaction()
	must(s.t, tx.ReplaceDataFilesWithDataFiles(s.t.Context(), old, copies, nil))
	var err error
	c.table, err = tx.Commit(s.t.Context())
	must(s.t, err)
}
