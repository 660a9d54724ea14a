package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/catalog/catalogtest"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// Objects that no record names are left out and reported, unless they are asked for; all else that the
// archive has otherwise of their files is restored.
func TestTamperWithAForgedObjectIsNotRestored(t *testing.T) {
	const one, two = "2026-11-22T13-00-00.000", "2026-11-22T14-00-00.000"
	a, b, forged := logLine("a", "22"), logLine("b", "22"), logLine("forged", "22")
	for name, test := range map[string]struct {
		forge func(s shelf)
		count string
		want  string // beside a
		asked string // with --unrecorded
	}{
		"above the head":            {func(s shelf) { s.file(epochOne, 9, two, forged) }, "1 object", "", forged},
		"of two days":               {func(s shelf) { s.file(epochOne, 9, two, forged+logLine("x", "23")) }, "2 objects", "", forged + logLine("x", "23")},
		"under the number of a gap": {func(s shelf) { s.file(epochOne, 2, two, forged) }, "1 object", "", forged},
		"of an unknown epoch":       {func(s shelf) { s.file(epochTwo, 1, two, forged) }, "1 object", "", forged},
		"of an unknown node": {func(s shelf) {
			m := parquet.Meta{Cluster: "c", Node: "z", Epoch: epochOne, Seq: 1, SourceName: "audit-" + two + ".log", Converter: "test"}
			makeObject(t, filepath.Join(s.dir, archive.DataKey("c", "2026-11-22", two, "z", epochOne, 1)), m, forged)
		}, "1 object", "", forged},
		"of an open file": {func(s shelf) {
			s.parts(epochOne, 9, b, 0, len(b))
			s.file(epochOne, 9, two, forged)
		}, "1 object", b, forged},
		"its record cannot be read": {func(s shelf) {
			s.file(epochOne, 9, two, forged)
			put(t, filepath.Join(s.dir, catalogtest.RecordKey(epochOne, 9)), []byte("{}"))
		}, "1 object", "", forged},
		"as an open file's beginning": {func(s shelf) { // which must not stand for it
			s.parts(epochOne, 9, b, 0, len(b))
			s.file(epochTwo, 1, two, b+forged)
		}, "1 object", b, b + forged},
	} {
		t.Run(name, func(t *testing.T) {
			s := shelf{t, filepath.Join(t.TempDir(), "archive")}
			s.file(epochOne, 1, one, a)
			s.record(manifest.KindFile, 1)
			s.record(manifest.KindGap, 2)
			test.forge(s)
			for _, args := range [][]string{{"restore", s.dir}, {"restore", "file://" + s.dir}, {"replay", s.dir}, {"replay", "file://" + s.dir, "--from", "2026-11-22"}} {
				r := call(t, args...)
				r.refused(t, exitFailed, test.count+" that no record names", "data/cluster=c/dt=2026-11-22/2026-11-22T14-00-00.000-", "--unrecorded")
				if r.stdout != a+test.want {
					t.Errorf("%q: %q, want %q", args, auditIDs(r.stdout), auditIDs(a+test.want))
				}
				if got := ok(t, append(args, "--unrecorded")...).stdout; got != a+test.asked {
					t.Errorf("%q: %q with --unrecorded, want %q", args, auditIDs(got), auditIDs(a+test.asked))
				}
			}
			out := t.TempDir()
			call(t, "restore", s.dir, "--out", out).refused(t, exitFailed, test.count+" that no record names")
			if got := strings.Join(files(t, out), " "); strings.Contains(got, two) {
				t.Errorf("restored %s", got)
			}
		})
	}
}

// An object in place of those that a record names is left out, and theirs are missing.
func TestTamperWithAnObjectInPlaceOfAnother(t *testing.T) {
	s := shelf{t, filepath.Join(t.TempDir(), "archive")}
	s.file(epochOne, 1, "2026-11-22T13-00-00.000", logLine("a", "22"))
	s.record(manifest.KindFile, 1)
	must(t, os.RemoveAll(filepath.Join(s.dir, "data")))
	s.file(epochOne, 1, "2026-11-22T14-00-00.000", logLine("forged", "22"))
	for _, arg := range []string{s.dir, "file://" + s.dir} {
		r := call(t, "restore", arg)
		r.refused(t, exitFailed, "a file of the archive is missing", "2026-11-22T13-00-00.000", "left out 1 object that no record names")
		if r.stdout != "" {
			t.Errorf("restored %q", auditIDs(r.stdout))
		}
	}
}

// Without any record everything is restored, and it is said.
func TestRestoreWithoutRecords(t *testing.T) {
	s := shelf{t, filepath.Join(t.TempDir(), "archive")}
	s.file(epochOne, 1, "2026-11-22T13-00-00.000", logLine("a", "22"))
	for _, arg := range []string{s.dir, "file://" + s.dir} {
		r := ok(t, "restore", arg)
		if r.stdout != logLine("a", "22") || !strings.Contains(r.stderr, "has no records: nothing vouches for its lines") {
			t.Errorf("restored %q, said %s", auditIDs(r.stdout), r.stderr)
		}
	}
}

// An object that cannot be read does not hinder the restore of other files, whether a record names it or not.
func TestRestoreBesideUnreadableObjects(t *testing.T) {
	const one, two = "2026-11-22T13-00-00.000", "2026-11-22T14-00-00.000"
	a := logLine("a", "22")
	for name, test := range map[string]struct{ key, want string }{
		"not named by a record": {archive.DataKey("c", "2026-11-22", two, "n", epochOne, 9), "left out 1 object that no record names"},
		"without a key":         {"data/x.parquet", "data/x.parquet: open object: not an object of auditsidecar"},
		"named by a record":     {archive.DataKey("c", "2026-11-22", two, "n", epochOne, 2), "not an object of auditsidecar"},
	} {
		t.Run(name, func(t *testing.T) {
			s := shelf{t, filepath.Join(t.TempDir(), "archive")}
			s.file(epochOne, 1, one, a)
			s.record(manifest.KindFile, 1)
			s.file(epochOne, 2, two, logLine("b", "22"))
			s.record(manifest.KindFile, 2)
			put(t, filepath.Join(s.dir, test.key), []byte("PAR1"))
			out := t.TempDir()
			call(t, "restore", s.dir, "--out", out).refused(t, exitFailed, test.want)
			if got := strings.Join(files(t, out), " "); !strings.Contains(got, one) {
				t.Errorf("restored %s", got)
			}
		})
	}
}
