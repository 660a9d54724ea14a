package ddl

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/parquet/columns"
)

func options() Options {
	return Options{Location: "s3://audit-archive/audit-logs/", Database: "audit", Clusters: []string{"production", "staging"}, From: "2026-01-01"}
}

// The scripts as users get them; UPDATE_GOLDEN=1 writes them again.
func TestGolden(t *testing.T) {
	for _, engine := range Engines() {
		t.Run(engine, func(t *testing.T) {
			o := options()
			if engine == "trino" {
				o.Database = "hive.audit"
			}
			o.OCSF = true
			got, err := Render(engine, o)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", engine+".sql")
			if os.Getenv("UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("differs from %s; UPDATE_GOLDEN=1 writes it anew:\n%s", path, got)
			}
		})
	}
}

// Every column of the objects is in every table that names them, once.
func TestEveryColumn(t *testing.T) {
	for _, engine := range []string{"athena", "spark", "trino"} {
		script, err := Render(engine, options())
		if err != nil {
			t.Fatal(err)
		}
		table, _, _ := strings.Cut(script, "audit_records")
		table, _, _ = strings.Cut(table, "VIEW")
		for _, c := range columns.Columns() {
			if n := strings.Count(strings.ReplaceAll(table, "`", ""), "\n  "+c.Name+" "); n != 1 {
				t.Errorf("%s: column %s is there %d times", engine, c.Name, n)
			}
		}
	}
}

// Without clusters Athena asks each query to name one; it does not guess.
func TestAthenaWithoutClusters(t *testing.T) {
	o := options()
	o.Clusters = nil
	script, err := Render("athena", o)
	if err != nil || !strings.Contains(script, "'projection.cluster.type' = 'injected'") || strings.Contains(script, "projection.cluster.values") {
		t.Errorf("%v\n%s", err, script)
	}
}

// Spark finds a field of JSON by the declared spelling alone, and wants s3a:// where Hadoop has no
// other name for S3.
func TestSpark(t *testing.T) {
	o := options()
	o.Location = "s3a://audit-archive/audit-logs"
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	script, err := Render("spark", o)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"`machineID` STRING", "`merkleRoot`: STRING", "LOCATION 's3a://audit-archive/audit-logs/data/'", "USING parquet\n", "REFRESH TABLE audit.audit_events;"} {
		if !strings.Contains(script, want) {
			t.Errorf("the script has no %q", want)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Options)
		engine string
		want   string
	}{
		{"no location", func(o *Options) { o.Location = "" }, "trino", "--location is required"},
		{"a relative path", func(o *Options) { o.Location = "srv/audit" }, "trino", "expected s3://bucket/prefix"},
		{"no bucket", func(o *Options) { o.Location = "s3:///x" }, "trino", "expected s3://bucket/prefix"},
		{"a quotation mark", func(o *Options) { o.Location = "s3://b/it's" }, "trino", "mean something else in SQL"},
		{"a wildcard", func(o *Options) { o.Location = "file:///srv/*" }, "duckdb", "mean something else in SQL"},
		{"injection by the schema", func(o *Options) { o.Database = "a;DROP" }, "trino", "--database"},
		{"injection by a cluster", func(o *Options) { o.Clusters = []string{"a'b"} }, "athena", "--clusters"},
		{"no day", func(o *Options) { o.From = "yesterday" }, "athena", "--from"},
		{"Athena over files", func(o *Options) { o.Location = "file:///srv/audit" }, "athena", "Athena reads s3:// only"},
		{"Hadoop's name for S3", func(o *Options) { o.Location = "s3a://b/p" }, "trino", "only Spark reads s3a://"},
		{"s3a without a bucket", func(o *Options) { o.Location = "s3a:///p" }, "spark", "expected s3://bucket/prefix"},
		{"a catalog in DuckDB", func(o *Options) { o.Database = "hive.audit" }, "duckdb", "only Trino has a catalog"},
		{"an engine of tomorrow", func(*Options) {}, "quokka", "unknown engine"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := options()
			test.change(&o)
			err := o.Validate()
			if err == nil {
				_, err = Render(test.engine, o)
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}
