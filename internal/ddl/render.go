package ddl

import (
	"bytes"
	"embed"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"text/template"

	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/parquet/columns"
)

//go:embed templates/*.sql.tmpl
var templates embed.FS

// Engines returns the names of the engines, sorted.
func Engines() []string { return slices.Sorted(maps.Keys(dialects())) }

func dialects() map[string]dialect {
	return map[string]dialect{"athena": athena(), "duckdb": duckDB(), "spark": spark(), "trino": trino()}
}

// Render returns the script for one of [Engines]: statements that end in a
// semicolon, with comments on further steps. Valid options are
// assumed, see [Options.Validate].
func Render(engine string, o Options) (string, error) {
	d, ok := dialects()[engine]
	if !ok {
		return "", fmt.Errorf("unknown engine %q: expected one of %s", engine, strings.Join(Engines(), ", "))
	}
	t, err := template.New("").Funcs(template.FuncMap{"join": strings.Join, "unquote": unquote}).ParseFS(templates, "templates/*.sql.tmpl")
	if err != nil {
		return "", fmt.Errorf("parse the templates: %w", err)
	}
	if err := o.checkFor(engine); err != nil {
		return "", err
	}
	var out bytes.Buffer
	s := newScript(d, engine, o)
	if err := t.ExecuteTemplate(&out, engine+".sql.tmpl", s); err != nil {
		return "", fmt.Errorf("write the script for %s: %w", engine, err)
	}
	if o.OCSF {
		if err := t.ExecuteTemplate(&out, "ocsf.sql.tmpl", struct {
			script
			objects
		}{s, objectsOf(engine)}); err != nil {
			return "", fmt.Errorf("write the view audit_ocsf for %s: %w", engine, err)
		}
	}
	return out.String(), nil
}

// checkFor refuses options that an engine cannot satisfy.
func (o Options) checkFor(engine string) error {
	switch {
	case engine == "athena" && !strings.HasPrefix(o.Location, "s3://"):
		return fmt.Errorf("--location %q: Athena reads s3:// only", o.Location)
	case engine != "spark" && strings.HasPrefix(o.Location, "s3a:"):
		return fmt.Errorf("--location %q: only Spark reads s3a://, give s3://", o.Location)
	case engine != "trino" && strings.Contains(o.Database, "."):
		return fmt.Errorf("--database %q: only Trino has a catalog before the schema", o.Database)
	}
	return nil
}

// script is the data of the templates.
type script struct {
	dialect
	Location string // without a slash at its end
	Catalog  string // with a dot at its end, or empty
	Schema   string
	Clusters []string
	From     string
	Bare     bool
	Columns  []column // of the Parquet objects
	// Records are the columns of the records' table: in Trino and Spark without
	// cluster and node, which are partitions there.
	Records []column
	// Rollups are those of the rollups' table, without the columns of cluster and node.
	Rollups []column
	// Gaps are the names of a gap's fields in a record, in their order, RolledGaps and
	// RolledFiles those of a gap and of a file in a rollup.
	Gaps, RolledGaps, RolledFiles []string
	// Number is the pattern of the epoch and the sequence number in the key of an object.
	Number string
}

// Tree is the number of the tree that a record is in, from its checkpoint.
func (s script) Tree() string {
	return "COALESCE(TRY_CAST(split_part(split_part(r.checkpoint, chr(10), 1), '/', 4) AS bigint), 1)"
}

// over is a script with one table of rows: the folder of the archive and the name.
type over struct {
	script
	Folder, Table string
}

// Over is the table of the rows in a folder.
func (s script) Over(folder, table string) over { return over{s, folder, table} }

// Tables is the prefix of the names of tables.
func (s script) Tables() string { return s.Catalog + s.Schema + "." }

func newScript(d dialect, engine string, o Options) script {
	dot := strings.LastIndex(o.Database, ".") + 1
	s := script{dialect: d, Location: o.base(), Catalog: o.Database[:dot], Schema: o.Database[dot:], Clusters: o.Clusters, From: o.From, Bare: o.Bare}
	for _, c := range columns.Columns() {
		s.Columns = append(s.Columns, column{c.Name, d.columnType(c.Type)})
	}
	s.Gaps = names(reflect.TypeFor[manifest.Gap](), "json")
	s.RolledGaps, s.RolledFiles = names(reflect.TypeFor[manifest.RollupGap](), "parquet"), names(reflect.TypeFor[manifest.RollupFile](), "parquet")
	s.Rollups = d.rollupColumns("cluster_name", "node_name")
	s.Number = `-([0-9]{8}T[0-9]{6}[0-9a-f]{6})-([0-9]{8,})([.]r[0-9]+)?[.]parquet$`
	if slices.Contains([]string{"trino", "spark"}, engine) {
		s.Records = d.recordColumns("cluster", "node")
	} else {
		s.Records = d.recordColumns()
	}
	if engine == "duckdb" {
		s.Location = strings.TrimPrefix(s.Location, "file://")
	}
	return s
}

// names are the names of a struct's fields in SQL, in their order.
func names(t reflect.Type, form string) (all []string) {
	for _, c := range trino().fieldsOf(t, form) {
		all = append(all, c.Name)
	}
	return all
}

// unquote is the name of a column without quotation marks.
func unquote(name string) string { return strings.Trim(name, "\"`") }
