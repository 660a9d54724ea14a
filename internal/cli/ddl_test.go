package cli

import (
	"strings"
	"testing"
)

func TestDDL(t *testing.T) {
	out := ok(t, "ddl", "trino", "--location", "s3://b/p", "--database", "hive.audit").stdout
	if !strings.Contains(out, "external_location = 's3://b/p/data/'") {
		t.Errorf("%s", out)
	}
	call(t, "ddl", "oracle", "--location", "s3://b/p").refused(t, exitUsage, "athena, duckdb, spark, trino")
	call(t, "ddl", "athena", "--from", "x").refused(t, exitUsage, "--location", "--from")
	call(t, "ddl", "athena", "--location", "file:///x").refused(t, exitUsage, "Athena reads s3://")
	call(t, "ddl").refused(t, exitUsage, "accepts 1 arg")
}
