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
	"github.com/auditsidecar/auditsidecar/parquet"
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
	t, err := template.New("").Funcs(template.FuncMap{"join": strings.Join}).ParseFS(templates, "templates/*.sql.tmpl")
	if err != nil {
		return "", fmt.Errorf("parse the templates: %w", err)
	}
	if err := o.checkFor(engine); err != nil {
		return "", err
	}
	var out bytes.Buffer
	if err := t.ExecuteTemplate(&out, engine+".sql.tmpl", newScript(d, engine, o)); err != nil {
		return "", fmt.Errorf("write the script for %s: %w", engine, err)
	}
	return out.String(), nil
}

// checkFor refuses options that an engine cannot satisfy.
func (o Options) checkFor(engine string) error {
	switch {
	case engine == "athena" && !strings.HasPrefix(o.Location, "s3://"):
		return fmt.Errorf("--location %q: Athena reads s3:// only", o.Location)
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
	Columns  []column // of the Parquet objects
	// Records are the columns of the records' table: in Trino and Spark without
	// cluster and node, which are partitions there.
	Records []column
	// Gaps are the names of a gap's fields, in their order.
	Gaps []string
	// Objects are the same of an object in a record, Number the pattern of the
	// epoch and the sequence number in its key.
	Objects []string
	Number  string
}

// Tables is the prefix of the names of tables.
func (s script) Tables() string { return s.Catalog + s.Schema + "." }

func newScript(d dialect, engine string, o Options) script {
	dot := strings.LastIndex(o.Database, ".") + 1
	s := script{dialect: d, Location: o.base(), Catalog: o.Database[:dot], Schema: o.Database[dot:], Clusters: o.Clusters, From: o.From}
	for _, c := range parquet.Columns() {
		s.Columns = append(s.Columns, column{c.Name, d.columnType(c.Type)})
	}
	s.Gaps, s.Objects = names(reflect.TypeFor[manifest.Gap]()), names(reflect.TypeFor[manifest.Object]())
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
func names(t reflect.Type) (all []string) {
	for _, c := range trino().fieldsOf(t) {
		all = append(all, c.Name)
	}
	return all
}
