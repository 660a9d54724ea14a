package sql

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"testing"
	"time"

	"github.com/duckdb/duckdb-go/v2"
)

// plainScan is a database in which audit.audit and its kin are made from the
// original lines alone, by DuckDB's own reading of the JSON: the answer that every other
// engine's answers are compared with.
func plainScan(tb testing.TB, files []*logFile) *sql.DB {
	tb.Helper()
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		tb.Fatal(err)
	}
	db := sql.OpenDB(connector)
	tb.Cleanup(func() { _ = db.Close() })
	for _, s := range statements(linesSchema) {
		if _, err := db.ExecContext(tb.Context(), s); err != nil {
			tb.Fatalf("%s: %v", s, err)
		}
	}
	conn, err := connector.Connect(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close()
	for _, f := range files {
		load(tb, conn, f)
		for _, g := range f.record.Gaps {
			_, err := db.ExecContext(tb.Context(), "INSERT INTO audit.audit_gaps VALUES ('production', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
				f.node, f.record.Epoch, f.record.Seq, micros(f.record.Time), g.Reason, micros(g.From), micros(g.To), g.Bytes, orNull(g.File), orNull(g.Detail))
			if err != nil {
				tb.Fatal(err)
			}
		}
	}
	return db
}

func load(tb testing.TB, conn driver.Conn, f *logFile) {
	tb.Helper()
	appender, err := duckdb.NewAppenderFromConn(conn, "audit", "text")
	if err != nil {
		tb.Fatal(err)
	}
	number := int64(0)
	for line := range bytes.Lines(f.content) {
		number++
		if err := appender.AppendRow(f.node, f.record.Epoch, f.record.Seq, f.name, number, string(bytes.TrimSuffix(line, []byte("\n"))), f.forged); err != nil {
			tb.Fatal(err)
		}
	}
	if err := appender.Close(); err != nil {
		tb.Fatal(err)
	}
}

// micros is a time as the views have it.
func micros(at *time.Time) *time.Time {
	if at != nil {
		*at = at.Truncate(time.Microsecond)
	}
	return at
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

const linesSchema = `
CREATE SCHEMA audit;
CREATE TABLE audit.text (node VARCHAR, epoch VARCHAR, seq BIGINT, source_file VARCHAR, source_line BIGINT, text VARCHAR, forged BOOLEAN);
CREATE VIEW audit.lines AS SELECT *, TRY_CAST(text AS JSON) AS line FROM audit.text;
CREATE VIEW audit.audit_events AS SELECT *, 0 AS line_part, 'production' AS cluster,
  CASE WHEN forged THEN '2026-11-24' ELSE '2026-11-22' END AS dt FROM audit.lines;
CREATE VIEW audit.audit AS SELECT
  'production' AS cluster, substr(line->>'$.stageTimestamp', 1, 10) AS dt, node,
  CAST(line->>'$.stageTimestamp' AS TIMESTAMP) AS event_time, CAST(line->>'$.requestReceivedTimestamp' AS TIMESTAMP) AS received_time,
  line->>'$.level' AS level, line->>'$.stage' AS stage, line->>'$.verb' AS verb, line->>'$.auditID' AS audit_id,
  line->>'$.requestURI' AS request_uri, line->>'$.userAgent' AS user_agent,
  line->>'$.user.username' AS user_name, line->>'$.user.uid' AS user_uid,
  array_to_string(from_json(line->'$.user.groups', '["VARCHAR"]'), ', ') AS user_groups,
  line->>'$.user.extra."authentication.kubernetes.io/credential-id"[0]' AS credential_id,
  line->>'$.impersonatedUser.username' AS impersonated_user_name,
  array_to_string(from_json(line->'$.impersonatedUser.groups', '["VARCHAR"]'), ', ') AS impersonated_user_groups,
  line->>'$.sourceIPs[0]' AS source_ip,
  line->>'$.objectRef.resource' AS object_resource, line->>'$.objectRef.namespace' AS object_namespace, line->>'$.objectRef.name' AS object_name,
  line->>'$.objectRef.subresource' AS object_subresource,
  CAST(line->>'$.responseStatus.code' AS INTEGER) AS response_code, line->>'$.responseStatus.reason' AS response_reason,
  line->>'$.responseStatus.message' AS response_message,
  CAST(line->'$.requestObject' AS VARCHAR) AS request_object,
  line->>'$.annotations."pod-security.kubernetes.io/audit-violations"' AS pod_security_violations,
  epoch, seq, source_file, source_line, 0 AS line_part
FROM audit.lines WHERE line IS NOT NULL;
CREATE VIEW audit.audit_open AS SELECT * FROM audit.audit WHERE false;
CREATE VIEW audit.audit_files AS SELECT 'production' AS cluster, node, epoch, seq, source_file, count(*) AS lines,
  max(CAST(line->>'$.stageTimestamp' AS TIMESTAMP)) AS last_event FROM audit.lines
  WHERE NOT forged GROUP BY ALL;
CREATE VIEW audit.audit_recorded_files AS SELECT DISTINCT cluster, node, epoch, seq FROM audit.audit_files;
CREATE TABLE audit.audit_gaps (cluster VARCHAR, node VARCHAR, epoch VARCHAR, seq BIGINT, recorded_at TIMESTAMP, reason VARCHAR,
  missing_from TIMESTAMP, missing_to TIMESTAMP, estimated_bytes BIGINT, source_file VARCHAR, detail VARCHAR);
`
