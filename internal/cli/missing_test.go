package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/catalog/catalogtest"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// A file whose record is there and whose objects are gone is an error of restore and
// of replay that names it, and keeps no other from being restored.
func TestI10_RestoreReportsMissingObjects(t *testing.T) {
	archive := archivedLog(t)
	gone := objectIn(t, archive, "data") // of 12:00
	must(t, os.Remove(gone))
	want := []string{"a file of the archive is missing", "audit-2026-11-22T12-00-00.000.log", filepath.Base(gone)}
	left := ok(t, "restore", objectIn(t, archive, "data")).stdout
	for _, location := range []string{archive, "file://" + archive} {
		for _, args := range [][]string{
			{"restore", location},
			{"replay", location},
			{"replay", location, "--from", "2026-01-01", "--to", "2027-01-01"},
		} {
			r := call(t, args...)
			r.refused(t, exitFailed, want...)
			if strings.TrimSuffix(r.stdout, "\n") != strings.TrimSuffix(left, "\n") {
				t.Errorf("%q wrote %d bytes, want the other file's %d", args, len(r.stdout), len(left))
			}
		}
		out := t.TempDir()
		call(t, "restore", location, "--out", out).refused(t, exitFailed, want...)
		if got := files(t, out); len(got) != 1 || string(audittest.ReadFile(t, filepath.Join(out, got[0]))) != left {
			t.Errorf("restored %q, want the other file", got)
		}
		ok(t, "replay", location, "--from", "1999-01-01", "--to", "1999-01-02") // it has no lines of then
	}
	if r := call(t, "verify", archive); r.code != exitFindings || !strings.Contains(r.stdout, "object_missing") {
		t.Errorf("verify: exit code %d\n%s", r.code, r.stdout)
	}
}

// Copies of one file's objects without the archive's names are whole; and a record
// that cannot be read may be of a file that is missing.
func TestI10_RestoreWithoutNames(t *testing.T) {
	s := shelf{t, t.TempDir()}
	text := logLine("a", "22")
	s.file(epochOne, 1, "2026-11-22T13-00-00.000", text)
	s.record(manifest.KindFile, 1)
	s.record(manifest.KindGap, 2)
	must(t, os.Rename(objectIn(t, s.dir, "data"), filepath.Join(s.dir, "data", "mine.parquet")))
	if got := ok(t, "restore", s.dir).stdout; got != text {
		t.Errorf("restored %q", got)
	}
	put(t, filepath.Join(s.dir, "manifests", "cluster=c", "node=n", filepath.Base(catalogtest.RecordKey(epochOne, 3))), []byte("{}"))
	call(t, "restore", s.dir).refused(t, exitFailed, "cannot be read", epochOne+"/3")
}
