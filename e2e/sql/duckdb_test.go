package sql

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/duckdb/duckdb-go/v2"
)

// inDuckDB is a database with the tables that ddl makes of an archive.
func inDuckDB(tb testing.TB, url string) *sql.DB {
	tb.Helper()
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		tb.Fatal(err)
	}
	db := sql.OpenDB(connector)
	tb.Cleanup(func() { _ = db.Close() })
	for _, s := range statements(command(tb, nil, "ddl", "duckdb", "--location", url)) {
		if _, err := db.ExecContext(tb.Context(), s); err != nil {
			tb.Fatalf("%s: %v", s, err)
		}
	}
	return db
}

// Every investigation runs unchanged in DuckDB and gives what the original
// lines give.
func TestQueriesInDuckDB(t *testing.T) {
	files, dir := logs(t), t.TempDir()
	archive(t, files, "file://"+dir, nil)
	identify(t, files, dir)
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
