package sql

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/e2e/sql/trino"
)

// Trino reads every cell of the table, and leaves the archive as it is.
func TestIcebergInTrino(t *testing.T) {
	l := newLake(t)
	server := trino.Start(t, l.s3, l.inTrino("lake", "engine"), l.inTrino("careless", "owner"), l.inTrino("readonly", "engine", "iceberg.security=read_only"))
	db, err := sql.Open("trino", "http://e2e@"+server.URL[len("http://"):])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for _, catalog := range []string{"lake", "careless", "readonly"} {
		waitNode(t, db, "SELECT count(user_name) FROM "+catalog+".audit.audit_events")
	}
	in := func(catalog string) func(string) (rows, error) {
		return func(statement string) (rows, error) {
			return ask(t, db, strings.ReplaceAll(statement, "LAKE", catalog))
		}
	}
	if got, err := in("readonly")("SELECT count(DISTINCT dt) FROM LAKE.audit.audit_events"); err != nil || got.cells[0][0] != "2" {
		t.Errorf("a catalog that is read-only: %v, %v", got.cells, err)
	}
	const (
		table    = "ALTER TABLE LAKE.audit.audit_events "
		expire   = table + "EXECUTE expire_snapshots(retention_threshold => '0s')"
		orphans  = table + "EXECUTE remove_orphan_files(retention_threshold => '0s')"
		optimize = table + "EXECUTE optimize"
		drop     = "DROP TABLE LAKE.audit.audit_events"
	)
	for _, statement := range []string{orphans, optimize, "DELETE FROM LAKE.audit.audit_events", drop} {
		if _, err := in("readonly")(statement); err == nil || !strings.Contains(err.Error(), "Access Denied") {
			t.Errorf("%s in a catalog that is read-only: %v", statement, err)
		}
	}
	l.withEngine(t, engine{
		ask: in("lake"), careless: in("careless"),
		asJSON: "json_format(CAST(%s AS JSON))", asHex: "to_hex(%s)", asTime: "%s",
		asMade: []attempt{{expire, "GC is disabled"}, {orphans, ""}, {optimize, ""}, {expire, "GC is disabled"}},
		removing: []attempt{
			{table + "SET PROPERTIES extra_properties = MAP(ARRAY['gc.enabled'], ARRAY['true'])", ""},
			{orphans, ""},
			{optimize, ""},
			{"DELETE FROM LAKE.audit.audit_events WHERE dt = '2026-11-20'", ""},
			{expire, "Failed to delete files"},
		},
		drop: drop, purge: drop, // the catalog's server purges
	})
}

// inTrino is a catalog of Trino with the credentials of a user.
func (l *lake) inTrino(name, user string, more ...string) trino.Catalog {
	return trino.Catalog{Name: name, Connector: "iceberg", Properties: append(more,
		"iceberg.catalog.type=rest", "iceberg.rest-catalog.uri="+l.rest,
		"fs.native-s3.enabled=true", "s3.endpoint="+l.s3.Endpoint, "s3.region="+l.s3.Region, "s3.path-style-access=true",
		"s3.aws-access-key="+user, "s3.aws-secret-key="+l.secrets[user],
		// So that the procedures remove at once the files that they would remove after a week.
		"iceberg.expire-snapshots.min-retention=0s", "iceberg.remove-orphan-files.min-retention=0s", "iceberg.allowed-extra-properties=*",
		"iceberg.metadata-cache.enabled=false", // it has small objects, too, which are expired in the test
	)}
}
