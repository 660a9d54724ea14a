package sql

import (
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"

	_ "github.com/trinodb/trino-go-client/trino"

	"github.com/auditsidecar/auditsidecar/e2e/s3/s3server"
	"github.com/auditsidecar/auditsidecar/e2e/sql/trino"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// Every investigation runs unchanged in Trino, over an archive on S3, and gives
// the answers of DuckDB over the same objects and of the original lines.
func TestQueriesInTrino(t *testing.T) {
	if os.Getenv("TRINO") == "" {
		t.Skip("fetches 0.5 GB: run it by `make e2e-trino`")
	}
	s3, files := s3server.Start(t), logs(t)
	url := "s3://" + s3.Bucket + "/audit-logs"
	env := []string{"AWS_ACCESS_KEY_ID=" + s3.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s3.SecretKey}
	flags := []string{"--s3-endpoint", s3.Endpoint, "--s3-region", s3.Region, "--s3-path-style"}
	archive(t, files, url, env, flags...)
	dir := s3.Dir + "/" + s3.Bucket + "/audit-logs" // this server keeps objects as files
	identify(t, files, dir)
	files = append(files, forge(t, dir))
	server := trino.Start(t, s3)
	db := inTrino(t, server, url, "hive.audit")
	others := map[string]*sql.DB{"DuckDB": inDuckDB(t, "file://"+dir), "the JSON": plainScan(t, files)}
	var table strings.Builder
	for _, q := range queries(t) {
		t.Run(q.name, func(t *testing.T) {
			got, err := ask(t, db, q.text)
			if err != nil {
				t.Fatal(err)
			}
			for name, other := range others {
				want, err := ask(t, other, q.text)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if d := differ(got, want); d != "" {
					t.Errorf("not what %s says: %s", name, d)
				}
			}
			fmt.Fprintf(&table, "%-32s %6d %6t  %s\n", q.name, len(got.cells), !t.Failed(), server.BytesRead(t)[q.text])
		})
	}
	compacted(t, db, s3.Bucket)
	t.Run("rollups", func(t *testing.T) {
		url, more := "s3://"+s3.Bucket+"/rollups", func(f *logFile) { archive(t, []*logFile{f}, "s3://"+s3.Bucket+"/rollups", env, flags...) }
		archive(t, logs(t), url, env, flags...)
		withRollups(t, logs(t), s3.Dir+"/"+s3.Bucket+"/rollups", more, func() *sql.DB { return inTrino(t, server, url, "hive.rollups") }, "hive.rollups")
	})
	t.Run("fresh rows", func(t *testing.T) {
		url, dir, files := "s3://"+s3.Bucket+"/fresh", s3.Dir+"/"+s3.Bucket+"/fresh", logs(t)
		archive(t, files, url, env, flags...)
		identify(t, files, dir)
		fresh := freshRows(t, files[0], dir)
		fresh(t, inTrino(t, server, url, "hive.fresh"), "hive.fresh")
	})
	t.Run("evolution", func(t *testing.T) { evolveInTrino(t, s3, server, env, flags) })
	t.Logf("\n%-32s %6s %6s  %s\n%s", "query", "rows", "equal", "bytes read", table.String())
}

// compacted runs the documented statement and counts the written objects.
func compacted(t *testing.T, db *sql.DB, bucket string) {
	t.Helper()
	text, err := os.ReadFile("../../manifests/queries/compact/trino.sql")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t, db, strings.ReplaceAll(statement(string(text)), "s3://audit-results/", "s3://"+bucket+"/")); err != nil {
		t.Fatalf("the statement that compacts: %v", err)
	}
	const count = "SELECT count(*), count(DISTINCT node), sum(source_line), count(raw) FROM hive.audit.%s WHERE cluster = 'production' AND dt = '2026-11-22'"
	var results []rows
	for _, table := range []string{"audit_events", "audit_compact_20261122"} {
		got, err := ask(t, db, fmt.Sprintf(count, table))
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, got)
	}
	if d := differ(results[1], results[0]); d != "" {
		t.Errorf("compacted: %s", d)
	}
}

// inTrino is a connection after the statements that ddl makes.
func inTrino(tb testing.TB, server *trino.Server, url, schema string) *sql.DB {
	tb.Helper()
	db, err := sql.Open("trino", "http://e2e@"+server.URL[len("http://"):]+"?catalog=hive")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	for _, s := range statements(command(tb, nil, "ddl", "trino", "--location", url, "--database", schema)) {
		if _, err := ask(tb, db, s); err != nil {
			tb.Fatalf("%s: %v", s, err)
		}
	}
	waitNode(tb, db, "SELECT count(*) FROM "+schema+".audit_events")
	return db
}

// waitNode waits until Trino answers a query that reads objects of a catalog.
func waitNode(tb testing.TB, db *sql.DB, query string) {
	tb.Helper()
	audittest.WaitFor(tb, "Trino has a node for "+query, func() bool {
		_, err := ask(tb, db, query)
		if err != nil && !trino.NoNode(err) {
			tb.Fatal(err)
		}
		return err == nil
	})
}
