package sql

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/auditsidecar/auditsidecar/e2e/process"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// inDuckDB is a database with the tables that ddl makes of an archive.
func inDuckDB(tb testing.TB, url string, more ...string) *sql.DB {
	tb.Helper()
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		tb.Fatal(err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1) // a variable is of one session
	tb.Cleanup(func() { _ = db.Close() })
	for _, s := range statements(command(tb, nil, append([]string{"ddl", "duckdb", "--location", url}, more...)...)) {
		if _, err := db.ExecContext(tb.Context(), s); err != nil {
			tb.Fatalf("%s: %v", s, err)
		}
	}
	return db
}

// Every investigation runs unchanged in DuckDB and gives the answer of the original
// lines.
func TestQueriesInDuckDB(t *testing.T) {
	files, dir := logs(t), t.TempDir()
	archive(t, files, "file://"+dir, nil)
	identify(t, files, dir)
	files = append(files, forge(t, dir))
	db, plain := inDuckDB(t, "file://"+dir), plainScan(t, files)
	for _, q := range queries(t) {
		t.Run(q.name, func(t *testing.T) {
			got, err := ask(t, db, q.text)
			if err != nil {
				t.Fatal(err)
			}
			want, err := ask(t, plain, q.text)
			if err != nil {
				t.Fatalf("over the JSON: %v", err)
			}
			if d := differ(got, want); d != "" {
				t.Errorf("not what the JSON says: %s", d)
			}
			t.Logf("%d rows", len(got.cells))
			if len(got.cells) == 0 {
				t.Error("no rows: the query or the log shows nothing")
			}
		})
	}
}

// The view of recorded events has every event but those of an object that no record names.
func TestTamperWithAForgedObjectInDuckDB(t *testing.T) {
	files, dir := logs(t), t.TempDir()
	archive(t, files, "file://"+dir, nil)
	forge(t, dir)
	db := inDuckDB(t, "file://"+dir)
	got, err := ask(t, db, "SELECT (SELECT count(*) FROM audit.audit WHERE dt = '2026-11-24'), (SELECT count(*) FROM audit.audit_recorded WHERE dt = '2026-11-24'), "+
		"(SELECT count(*) FROM audit.audit) - (SELECT count(*) FROM audit.audit_recorded), (SELECT count(*) FROM audit.audit_recorded_files)")
	if err != nil || fmt.Sprint(got.cells) != "[[3 0 3 2]]" {
		t.Errorf("%v, %v", got.cells, err)
	}
}

// Lines of the open file are events once, whatever increments have them, until their file is recorded.
func TestFreshRowsInDuckDB(t *testing.T) {
	files, dir := logs(t), t.TempDir()
	archive(t, files, "file://"+dir, nil)
	identify(t, files, dir)
	fresh := freshRows(t, files[0], dir)
	fresh(t, inDuckDB(t, "file://"+dir), "audit")
}

// Recorded files are known from rollups: the records that they sum up are not read.
func TestRollupsInDuckDB(t *testing.T) {
	files, dir := logs(t), t.TempDir()
	archive(t, files, "file://"+dir, nil)
	more := func(f *logFile) { archive(t, []*logFile{f}, "file://"+dir, nil) }
	withRollups(t, files, dir, more, func() *sql.DB { return inDuckDB(t, "file://"+dir) }, "audit")
}

// The documented statement compacts a day, and keeps every row.
func TestCompactInDuckDB(t *testing.T) {
	files, dir := logs(t), t.TempDir()
	archive(t, files, "file://"+dir, nil)
	db := inDuckDB(t, "file://"+dir)
	text, err := os.ReadFile("../../manifests/queries/compact/duckdb.sql")
	if err != nil {
		t.Fatal(err)
	}
	one := filepath.Join(t.TempDir(), "one.parquet")
	if _, err := ask(t, db, strings.ReplaceAll(statement(string(text)), "audit-production-2026-11-22.parquet", one)); err != nil {
		t.Fatal(err)
	}
	const count = "SELECT count(*), count(DISTINCT node), sum(source_line), count(raw) FROM "
	want, err := ask(t, db, count+"audit.audit_events WHERE dt = '2026-11-22'")
	if err != nil {
		t.Fatal(err)
	}
	got, err := ask(t, db, count+"'"+one+"'")
	if err != nil {
		t.Fatal(err)
	}
	if d := differ(got, want); d != "" {
		t.Error(d)
	}
}

// objects counts the objects of a kind in an archive, a directory.
func objects(dir, kind string) int {
	paths, _ := filepath.Glob(filepath.Join(dir, kind, "cluster=production", "dt=*", "*.parquet"))
	return len(paths)
}

// The views have each line of finished and of open files once, of an archive that a sidecar writes.
func TestOpenFilesInDuckDB(t *testing.T) {
	dir, log := t.TempDir(), filepath.Join(t.TempDir(), "audit", "audit.log")
	lines := slices.Collect(audittest.Lines(audittest.Corpus(t, "rotated.log")))
	write(t, log, append(bytes.Join(lines[:500], []byte("\n")), '\n'))
	address, err := audittest.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	sidecar, err := process.Start("auditsidecar", exec.CommandContext(t.Context(), binary(t), "run", "--audit-log-path", log, "--archive-url", "file://"+dir,
		"--cluster", "production", "--node", "cp-1", "--archive-max-lag", "1s", "--listen", address), filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer sidecar.Kill()
	await := func(open, data int) {
		t.Helper()
		if err := sidecar.Wait(t.Context(), time.Minute, func(context.Context) error {
			if o, d := objects(dir, "open"), objects(dir, "data"); o < open || d < data {
				return fmt.Errorf("%d increments, %d objects", o, d)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	await(1, 0)
	if err := os.Rename(log, filepath.Join(filepath.Dir(log), "audit-2026-11-22T18-00-00.000.log")); err != nil {
		t.Fatal(err)
	}
	next := filepath.Join(t.TempDir(), "next") // renamed, so that it is seen whole
	write(t, next, append(bytes.Join(lines[500:600], []byte("\n")), '\n'))
	if err := os.Rename(next, log); err != nil {
		t.Fatal(err)
	}
	await(2, 1)
	if err := sidecar.Terminate(time.Minute); err != nil {
		t.Fatal(err)
	}

	db := inDuckDB(t, "file://"+dir)
	for from, want := range map[string]string{
		"audit.audit_all":    "[[600 600 2 1]]",
		"audit.audit_open":   "[[100 100 1 1]]",
		"audit.audit_events": "[[500 500 1 1]]",
	} {
		got, err := ask(t, db, "SELECT count(*), count(DISTINCT (seq, source_line)), count(DISTINCT seq), count(DISTINCT node) FROM "+from)
		if err != nil || fmt.Sprint(got.cells) != want {
			t.Errorf("%s: %v, %v, want %s", from, got.cells, err, want)
		}
	}
}

// Every event of a real day is a valid API Activity of OCSF.
func TestOCSFInDuckDB(t *testing.T) {
	files, dir := logs(t), t.TempDir()
	archive(t, files, "file://"+dir, nil)
	db := inDuckDB(t, "file://"+dir, "--ocsf")
	events := filepath.Join(t.TempDir(), "events.ndjson")
	if _, err := db.ExecContext(t.Context(), "COPY (SELECT * EXCLUDE (cluster, dt) FROM audit.audit_ocsf) TO '"+events+"' (FORMAT json)"); err != nil {
		t.Fatal(err)
	}
	got, err := ask(t, db, "SELECT (SELECT count(*) FROM audit.audit_ocsf) - (SELECT count(*) FROM audit.audit), (SELECT count(*) FROM audit.audit_ocsf WHERE \"time\" = 0)")
	if err != nil || fmt.Sprint(got.cells) != "[[0 0]]" {
		t.Errorf("%v, %v", got.cells, err)
	}
	packages, err := exec.CommandContext(t.Context(), "../../hack/pip", "../python/ocsf.txt").Output()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "python3", "../python/ocsf.py", "6003", events)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+strings.TrimSpace(string(packages)))
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}
