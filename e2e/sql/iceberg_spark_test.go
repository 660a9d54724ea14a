package sql

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/process"
)

// Spark reads every cell of the table, and leaves the archive as it is.
func TestIcebergInSpark(t *testing.T) {
	l := newLake(t)
	ask := l.spark(t)
	in := func(catalog string) func(string) (rows, error) {
		return func(statement string) (rows, error) { return ask(strings.ReplaceAll(statement, "LAKE", catalog)) }
	}
	old := "older_than => TIMESTAMP '" + time.Now().UTC().AddDate(0, 0, -2).Format(time.DateTime) + "'"
	const (
		call    = "CALL LAKE.system."
		expire  = call + "expire_snapshots(table => 'audit.audit_events', older_than => TIMESTAMP '2100-01-01 00:00:00')"
		rewrite = call + "rewrite_data_files(table => 'audit.audit_events', options => map('rewrite-all', 'true'))"
		drop    = "DROP TABLE LAKE.audit.audit_events"
	)
	orphans := call + "remove_orphan_files(table => 'audit.audit_events', prefix_listing => true, " + old + ")"
	// The worst mistake: the archive named as the directory of orphans.
	archived := strings.Replace(orphans, "prefix", "location => '"+lakeArchive+"', prefix", 1)
	l.withEngine(t, engine{
		ask: in("lake"), careless: in("careless"),
		asJSON: "to_json(%s)", asHex: "hex(%s)", asTime: "date_format(%s, 'yyyy-MM-dd HH:mm:ss.SSSSSS')",
		asMade: []attempt{{expire, "GC is disabled"}, {orphans, "GC is disabled"}, {archived, "GC is disabled"}, {drop + " PURGE", "GC is disabled"}, {rewrite, ""}},
		removing: []attempt{
			{"ALTER TABLE LAKE.audit.audit_events SET TBLPROPERTIES ('gc.enabled' = 'true')", ""},
			{orphans, ""},
			{rewrite, ""},
			{"DELETE FROM LAKE.audit.audit_events WHERE dt = '2026-11-20'", ""},
			{expire, ""},
			{archived, ""},
		},
		drop: drop, purge: drop + " PURGE",
	})
}

// spark starts Spark, which ends with the test, and returns a function that asks it. PYTHONPATH has
// PySpark; SPARK_JARS is for Iceberg.
func (l *lake) spark(t *testing.T) func(statement string) (rows, error) {
	t.Helper()
	jars := os.Getenv("SPARK_JARS")
	if jars == "" {
		t.Skip("run it by `make e2e-iceberg-spark`")
	}
	script, err := filepath.Abs("../python/iceberg_spark.py")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "python3", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SPARK_JARS="+jars, "REST="+l.rest, "S3="+l.s3.Endpoint, "REGION="+l.s3.Region, "LAKE=engine:"+l.secrets["engine"], "CARELESS=owner:"+l.secrets["owner"])
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "spark.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = in.Close(), cmd.Wait() // it ends with its input
		if t.Failed() {
			t.Logf("log of Spark:\n%s", process.Tail(log.Name()))
		}
	})
	ask, answers := json.NewEncoder(in), json.NewDecoder(out)
	return func(statement string) (rows, error) {
		var a struct {
			Columns []string    `json:"columns"`
			Rows    [][]*string `json:"rows"`
			Error   string      `json:"error"`
		}
		if err := errors.Join(ask.Encode(statement), answers.Decode(&a)); err != nil {
			t.Fatalf("%s: Spark has ended: %v", statement, err)
		}
		if a.Error != "" {
			return rows{}, errors.New(a.Error)
		}
		all := rows{columns: a.Columns}
		for _, row := range a.Rows {
			cells := make([]string, len(row))
			for i, v := range row {
				if cells[i] = "NULL"; v != nil {
					cells[i] = cell(*v)
				}
			}
			all.cells = append(all.cells, cells)
		}
		return all, nil
	}
}
