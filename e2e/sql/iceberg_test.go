package sql

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/iceberg"
	"github.com/auditsidecar/auditsidecar/e2e/s3/s3server"
	"github.com/auditsidecar/auditsidecar/parquet/columns"
)

// The user "engine" reads the bucket of the archive and does anything in that of the table; "owner"
// does anything in both, as credentials should not. The first statement is in docs/iceberg.md.
const (
	archivePolicy = `{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Principal": {"AWS": ["engine"]}, "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::audit/*"]},
  {"Effect": "Allow", "Principal": {"AWS": ["engine"]}, "Action": ["s3:ListBucket", "s3:GetBucketLocation"], "Resource": ["arn:aws:s3:::audit"]},
  {"Effect": "Allow", "Principal": {"AWS": ["owner"]}, "Action": ["s3:*"], "Resource": ["arn:aws:s3:::audit", "arn:aws:s3:::audit/*"]}]}`
	tablesPolicy = `{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Principal": {"AWS": ["engine", "owner"]}, "Action": ["s3:*"], "Resource": ["arn:aws:s3:::tables", "arn:aws:s3:::tables/*"]}]}`
)

// lake is an archive on S3, and a table of Iceberg over it in a REST catalog.
type lake struct {
	s3      *s3server.Server
	rest    string // URL of the catalog
	secrets map[string]string
	sums    map[string][32]byte // of the archive's objects, by key
}

const (
	lakeArchive  = "s3://audit/audit-logs"
	lakeLocation = "s3://tables/audit_events"
)

// newLake makes a lake with two days of log.
func newLake(t *testing.T) *lake {
	t.Helper()
	jars := os.Getenv("REST_FIXTURE")
	if jars == "" || os.Getenv("ICEBERG_BINARY") == "" {
		t.Skip("needs auditsidecar-iceberg and Apache's REST fixture: run it by `make e2e-iceberg-trino` or `make e2e-iceberg-spark`")
	}
	l := &lake{s3: s3server.Start(t), secrets: map[string]string{}}
	l.s3.NewBucket(t, "tables")
	for _, user := range []string{"engine", "owner"} {
		l.secrets[user] = l.s3.NewUser(t, user)
	}
	l.s3.SetPolicy(t, "audit", archivePolicy)
	l.s3.SetPolicy(t, "tables", tablesPolicy)
	files := logs(t)
	files = append(files, &logFile{
		node: "cp-3", name: "audit-2026-11-20T17-40-00.000.log",
		content: bytes.ReplaceAll(files[1].content, []byte("2026-11-22T"), []byte("2026-11-20T")),
	})
	archive(t, files, lakeArchive, l.s3.Env(), l.flags()...)
	l.sums = sums(t, l.dir())
	for key := range l.sums { // Spark removes no orphan that is younger than a day
		if err := os.Chtimes(filepath.Join(l.dir(), key), time.Time{}, time.Now().AddDate(0, 0, -3)); err != nil {
			t.Fatal(err)
		}
	}
	l.rest = iceberg.StartREST(t, jars, "s3://tables/warehouse", "CATALOG_IO__IMPL=org.apache.iceberg.aws.s3.S3FileIO",
		"CATALOG_S3_ENDPOINT="+l.s3.Endpoint, "CATALOG_S3_PATH__STYLE__ACCESS=true", "CATALOG_CLIENT_REGION="+l.s3.Region,
		"CATALOG_S3_ACCESS__KEY__ID=engine", "CATALOG_S3_SECRET__ACCESS__KEY="+l.secrets["engine"])
	l.commit(t)
	return l
}

func (l *lake) flags() []string {
	return []string{"--s3-endpoint", l.s3.Endpoint, "--s3-region", l.s3.Region, "--s3-path-style"}
}

// commit runs auditsidecar-iceberg with the credentials of an engine.
func (l *lake) commit(t *testing.T, more ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Getenv("ICEBERG_BINARY"), slices.Concat([]string{
		lakeArchive, "--catalog", "rest", "--table", "audit.audit_events", "--table-location", lakeLocation,
		"--catalog-property", "uri=" + l.rest, "--catalog-property", "s3.endpoint=" + l.s3.Endpoint, "--catalog-property", "s3.region=" + l.s3.Region,
		"--catalog-property", "s3.access-key-id=engine", "--catalog-property", "s3.secret-access-key=" + l.secrets["engine"],
	}, l.flags(), more)...)
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=engine", "AWS_SECRET_ACCESS_KEY="+l.secrets["engine"])
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("auditsidecar-iceberg: %v\n%s", err, out)
	}
	return string(out)
}

// dir is the archive: the server keeps objects as files.
func (l *lake) dir() string { return filepath.Join(l.s3.Dir, "audit", "audit-logs") }

// sums are the checksums of the files below a directory, by path.
func sums(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	all := map[string][32]byte{}
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // all were removed
			return nil
		}
		if err == nil && !d.IsDir() {
			var data []byte
			data, err = os.ReadFile(path)
			all[strings.TrimPrefix(path, dir+"/")] = sha256.Sum256(data)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// intact checks that the archive is as it was, byte for byte, after a step.
func (l *lake) intact(t *testing.T, step string) {
	t.Helper()
	if got := sums(t, l.dir()); !maps.Equal(got, l.sums) {
		t.Fatalf("after %s the archive has other objects: %d, %d before", step, len(got), len(l.sums))
	}
}

// expireSnapshots runs auditsidecar-iceberg --expire-snapshots, which removes nothing but metadata of
// the table.
func (l *lake) expireSnapshots(t *testing.T) {
	t.Helper()
	before := sums(t, l.s3.Dir)
	out := l.commit(t, "--expire-snapshots", "1ns")
	after := sums(t, l.s3.Dir)
	removed := 0
	for path := range before {
		if _, ok := after[path]; ok {
			continue
		}
		if removed++; !strings.HasPrefix(path, "tables/audit_events/metadata/") {
			t.Errorf("--expire-snapshots removed %s", path)
		}
	}
	t.Logf("--expire-snapshots removed %d files: %s", removed, out)
	l.intact(t, "--expire-snapshots")
}

// expire hides the objects of a day, as if a lifecycle had expired them, and returns a function that puts
// them back.
func (l *lake) expire(t *testing.T, day string) (restore func()) {
	t.Helper()
	dir, hidden := filepath.Join(l.dir(), "data", "cluster=production", "dt="+day), filepath.Join(l.s3.Dir, "..", "expired")
	rename := func(from, to string) {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	rename(dir, hidden)
	return func() { rename(hidden, dir) }
}

// verify runs auditsidecar verify on the whole archive.
func (l *lake) verify(t *testing.T) {
	t.Helper()
	out := command(t, l.s3.Env(), append([]string{"verify", lakeArchive}, l.flags()...)...)
	t.Logf("verify: %s", out[strings.LastIndex(strings.TrimSpace(out), "\n")+1:])
}

// engine is a session of an engine.
type engine struct {
	ask func(statement string) (rows, error) // in it, LAKE stands for a catalog with the user engine
	// careless does so with the user owner.
	careless func(statement string) (rows, error)
	// forms of columns: of lists and maps as JSON, of bytes as hex digits, of times.
	asJSON, asHex, asTime string
	// asMade are statements on the table as it is made, removing those that allow the removal of
	// files, and then remove some.
	asMade, removing []attempt
	drop, purge      string
}

// attempt is a statement that leaves the archive as it is. It fails with these words if there are
// some.
type attempt struct{ statement, failure string }

// deletedRows has an engine delete rows of the table: the archive has them still, and the runs
// after it neither bring them back nor fail.
func (l *lake) deletedRows(t *testing.T, e engine) {
	t.Helper()
	const statement = "DELETE FROM LAKE.audit.audit_events WHERE verb = 'list'"
	if _, err := e.ask(statement); err != nil {
		t.Errorf("%s: %v", statement, err)
	}
	l.intact(t, statement)
	out := l.commit(t, "--expire-before", "2026-11-21", "--expire-snapshots", "1ns")
	got, err := e.ask("SELECT count(CASE WHEN verb = 'list' THEN 1 END), count(DISTINCT dt), min(dt) FROM LAKE.audit.audit_events")
	if err != nil || fmt.Sprint(got.cells) != "[[0 1 2026-11-22]]" || !strings.Contains(out, "added 0 objects") {
		t.Errorf("after rows were deleted: %v, %v; %s", got.cells, err, out)
	}
	l.intact(t, "a run after rows were deleted")
}

// everyCell is a query for every cell, in an order, as text that all engines write alike.
func everyCell(from, asJSON, asHex, asTime string) string {
	cells := []string{"cluster", "dt"}
	for _, c := range columns.Columns() {
		form := "%s"
		switch c.Type {
		case columns.TypeBinary:
			form = asHex
		case columns.TypeStringList, columns.TypeStringMap, columns.TypeStringListMap:
			form = asJSON
		case columns.TypeTimestamp:
			form = asTime
		}
		cells = append(cells, fmt.Sprintf(form, c.Name)+" AS "+c.Name)
	}
	return "SELECT " + strings.Join(cells, ", ") + " FROM " + from + " ORDER BY cluster, node, epoch, seq, source_line, line_part, dt"
}

// withEngine has an engine read every cell of the table, and run its statements that remove files:
// the archive stays as it is.
func (l *lake) withEngine(t *testing.T, e engine) {
	t.Helper()
	plain := inDuckDB(t, "file://"+l.dir())
	objects := "read_parquet('" + l.dir() + "/data/*/*/*.parquet', hive_partitioning = true, hive_types = {'dt': VARCHAR}, union_by_name = true)"
	same := func(step, where string) {
		t.Helper()
		got, err := e.ask(everyCell("LAKE.audit.audit_events "+where, e.asJSON, e.asHex, e.asTime))
		if err != nil {
			t.Fatalf("%s: %v", step, err)
		}
		want, err := ask(t, plain, everyCell(objects+" "+where, "CAST(to_json(%s) AS VARCHAR)", "hex(%s)", "strftime(%s AT TIME ZONE 'UTC', '%%Y-%%m-%%d %%H:%%M:%%S.%%f')"))
		if err != nil {
			t.Fatal(err)
		}
		if d := differ(got, want); d != "" || len(got.cells) == 0 {
			t.Errorf("%s: %d rows, not what DuckDB reads from the objects: %s", step, len(got.cells), d)
		}
		t.Logf("%s: %d rows, %d cells", step, len(got.cells), len(got.cells)*len(got.columns))
	}
	try := func(all ...attempt) {
		t.Helper()
		for _, a := range all {
			_, err := e.ask(a.statement)
			if a.failure == "" && err != nil || a.failure != "" && (err == nil || !strings.Contains(err.Error(), a.failure)) {
				t.Errorf("%s: %v, want %q", a.statement, err, a.failure)
			}
			t.Logf("%s: %.300v", a.statement, err)
			l.intact(t, a.statement)
		}
	}
	same("every cell", "")
	same("a day", "WHERE cluster = 'production' AND dt = '2026-11-20'")
	same("a time", "WHERE stage_timestamp >= TIMESTAMP '2026-11-22 17:00:00 UTC'")

	try(e.asMade...)
	same("rewritten", "")
	l.expireSnapshots(t)
	if out := l.commit(t); !strings.Contains(out, "added 0 objects") {
		t.Errorf("a run after the rewrite: %s", out)
	}
	same("rewritten, without old snapshots", "")
	try(attempt{e.drop, ""})
	l.commit(t)
	same("dropped, and made again", "")
	l.deletedRows(t, e)
	// The table's property gc.enabled can be set; then the credentials are in the way.
	try(e.removing...)
	try(attempt{e.purge, ""})
	l.verify(t)
	l.commit(t)
	same("purged, and made again", "")

	// A query fails for an object that a lifecycle expired, unless its entry was removed before.
	restore := l.expire(t, "2026-11-20")
	if got, err := e.ask("SELECT count(user_name) FROM LAKE.audit.audit_events"); err == nil {
		t.Errorf("objects with an entry were expired, and a query gives %v", got.cells)
	}
	restore()
	if out := l.commit(t, "--expire-before", "2026-11-21"); !strings.Contains(out, "removed 1 entries") {
		t.Errorf("--expire-before: %s", out)
	}
	l.intact(t, "--expire-before")
	l.expireSnapshots(t)
	restore = l.expire(t, "2026-11-20")
	same("after the objects of a day expired", "")
	restore()

	// With credentials that can delete in the archive, the same statements remove evidence.
	left := len(l.sums)
	for _, a := range e.removing {
		if _, err := e.careless(a.statement); err != nil {
			t.Errorf("%s: %v", a.statement, err)
		}
		left = len(sums(t, l.dir()))
		t.Logf("%s, with credentials for all: %d of %d objects of the archive left", a.statement, left, len(l.sums))
	}
	if left == len(l.sums) {
		t.Error("credentials that can delete in the archive removed nothing: so the test of the others is worth nothing")
	}
}
