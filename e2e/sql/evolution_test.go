package sql

import (
	"bytes"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/e2e/s3/s3server"
	"github.com/auditsidecar/auditsidecar/e2e/sql/trino"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// The archive of these tests spans two versions of kube-apiserver: real lines before
// and after each of them got a field that no column knows.
const newField = `"tenant":"team-a",`

func evolvedLogs(tb testing.TB) []*logFile {
	before := audittest.Corpus(tb, "rotated.log")
	after := bytes.ReplaceAll(before, []byte(`,"user":{`), []byte(`,`+newField+`"user":{`))
	return []*logFile{
		{node: "cp-1", name: "audit-2026-11-22T17-30-00.000.log", content: before},
		{node: "cp-2", name: "audit-2026-11-22T17-40-00.000.log", content: after},
	}
}

// checkEvolution asks for lines of both in one table. extract is the
// engine's function that takes a text out of JSON.
func checkEvolution(t *testing.T, db *sql.DB, schema, extract string) {
	t.Helper()
	for _, test := range []struct{ name, text, want string }{
		{"rows, raw and unknown by node", "SELECT node, count(*), count(raw), count(unknown_fields) FROM %s.audit_events WHERE cluster = 'production' AND dt = '2026-11-22' GROUP BY node ORDER BY node",
			"[[cp-1 8294 8 0] [cp-2 8294 8 8294]]"},
		{"the new field", "SELECT " + extract + "(unknown_fields, '$.tenant'), count(*), count(DISTINCT unknown_fields) FROM %s.audit WHERE cluster = 'production' AND dt = '2026-11-22' GROUP BY 1 ORDER BY 1 NULLS LAST",
			"[[team-a 8294 1] [NULL 8294 0]]"},
		{"a column as ever", "SELECT count(DISTINCT audit_id), count(verb) FROM %s.audit WHERE cluster = 'production' AND dt = '2026-11-22' AND line_part = 0", ""},
	} {
		got, err := ask(t, db, fmt.Sprintf(test.text, schema))
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if test.want != "" && fmt.Sprint(got.cells) != test.want {
			t.Errorf("%s: %v, want %s", test.name, got.cells, test.want)
		}
		t.Logf("%s: %v", test.name, got.cells)
	}
}

func TestEvolutionInDuckDB(t *testing.T) {
	dir := t.TempDir()
	archive(t, evolvedLogs(t), "file://"+dir, nil)
	db := inDuckDB(t, "file://"+dir)
	checkEvolution(t, db, "audit", "json_extract_string")
	plan, err := ask(t, db, "EXPLAIN ANALYZE SELECT count(*) FROM audit.audit WHERE cluster = 'production' AND dt = '2026-11-21' AND verb = 'get'")
	if err != nil || !strings.Contains(fmt.Sprint(plan.cells), "Files Read: 0") {
		t.Errorf("another day reads files: %v, %v", plan.cells, err)
	}
}

// evolveInTrino has a table that was made before the column came: it reads new
// objects, and one statement adds the column.
func evolveInTrino(t *testing.T, s3 *s3server.Server, server *trino.Server, env, flags []string) {
	t.Helper()
	url := "s3://" + s3.Bucket + "/evolution"
	archive(t, evolvedLogs(t), url, env, flags...)
	db := inTrino(t, server, url, "hive.evolution")
	const table = "hive.evolution.audit_events"
	for _, s := range []string{
		"ALTER TABLE " + table + " DROP COLUMN unknown_fields",
		"SELECT count(verb), count(raw) FROM " + table + " WHERE cluster = 'production' AND dt = '2026-11-22'",
		"ALTER TABLE " + table + " ADD COLUMN unknown_fields varchar",
	} {
		if _, err := ask(t, db, s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	checkEvolution(t, db, "hive.evolution", "json_extract_scalar")
}
