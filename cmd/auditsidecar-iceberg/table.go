package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog"
	_ "github.com/apache/iceberg-go/catalog/glue" // catalogs that --catalog names
	_ "github.com/apache/iceberg-go/catalog/rest"
	_ "github.com/apache/iceberg-go/catalog/sql"
	_ "github.com/apache/iceberg-go/io/gocloud/s3" // s3:// locations
	"github.com/apache/iceberg-go/table"
	_ "modernc.org/sqlite" // the driver "sqlite" of SQL catalogs

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/parquet/columns"
)

// IDs of the columns that are in the keys of objects and in no object: far above those of the
// columns that may be added.
const (
	clusterID = 10001
	dayID     = 10002
)

// IDs of the columns that have bounds; see docs/spec/schema.md.
const (
	stampID = 42
	nodeID  = 48
	epochID = 49
	seqID   = 51
)

// schemaOf returns the columns of the objects with the field IDs that the objects have: from 1 on,
// to columns, elements of lists, keys and values of maps.
func schemaOf() *iceberg.Schema {
	last := 0
	id := func() int { last++; return last }
	list := func() *iceberg.ListType {
		return &iceberg.ListType{ElementID: id(), Element: iceberg.PrimitiveTypes.String, ElementRequired: true}
	}
	var fields []iceberg.NestedField
	for _, c := range columns.Columns() {
		f := iceberg.NestedField{ID: id(), Name: c.Name, Required: c.Required}
		switch c.Type {
		case columns.TypeString:
			f.Type = iceberg.PrimitiveTypes.String
		case columns.TypeBinary:
			f.Type = iceberg.PrimitiveTypes.Binary
		case columns.TypeInt32:
			f.Type = iceberg.PrimitiveTypes.Int32
		case columns.TypeInt64:
			f.Type = iceberg.PrimitiveTypes.Int64
		case columns.TypeTimestamp:
			f.Type = iceberg.PrimitiveTypes.TimestampTz
		case columns.TypeStringList:
			f.Type = list()
		case columns.TypeStringMap:
			f.Type = &iceberg.MapType{KeyID: id(), KeyType: iceberg.PrimitiveTypes.String, ValueID: id(), ValueType: iceberg.PrimitiveTypes.String}
		case columns.TypeStringListMap:
			key, value := id(), id()
			f.Type = &iceberg.MapType{KeyID: key, KeyType: iceberg.PrimitiveTypes.String, ValueID: value, ValueType: list(), ValueRequired: true}
		}
		fields = append(fields, f)
	}
	fields = append(fields, iceberg.NestedField{ID: clusterID, Name: "cluster", Type: iceberg.PrimitiveTypes.String},
		iceberg.NestedField{ID: dayID, Name: "dt", Type: iceberg.PrimitiveTypes.String})
	return iceberg.NewSchema(0, fields...)
}

// tableProperties of a table that the committer makes. Without gc.enabled no engine removes a data
// file when it drops the table or expires snapshots: they are the evidence.
func tableProperties() iceberg.Properties {
	return iceberg.Properties{
		"gc.enabled":                                 "false",
		"commit.retry.num-retries":                   "0", // a commit is made again from the position of the other one
		"commit.manifest-merge.enabled":              "true",
		"write.metadata.delete-after-commit.enabled": "true",
		"write.metadata.previous-versions-max":       "20",
		"read.parquet.vectorization.enabled":         "false", // Iceberg in Spark up to 1.10: DELTA_BINARY_PACKED
	}
}

// committer keeps one table.
type committer struct {
	bucket      *archive.Bucket
	oldest      string // day; objects of earlier ones have no entry
	batch       int
	skipMissing bool
	note        func(format string, args ...any)
	// crash ends the process in a test; it gets the step that comes next.
	crash func(step string)

	catalog catalog.Catalog
	name    table.Identifier
	table   *table.Table
}

// open connects to the catalog, and opens the table, which is made if it does not exist.
func (c *committer) open(ctx context.Context, catalogName string, properties iceberg.Properties, name, location string) (err error) {
	c.name = strings.Split(name, ".")
	if location != "" {
		if err := c.outside("--table-location", location); err != nil {
			return err
		}
	}
	if c.catalog, err = catalog.Load(ctx, catalogName, properties); err != nil {
		return fmt.Errorf("open the catalog: %w", err)
	}
	if err = c.load(ctx); errors.Is(err, catalog.ErrNoSuchTable) || errors.Is(err, catalog.ErrNoSuchNamespace) {
		err = c.create(ctx, location)
	}
	if err != nil {
		return err
	}
	return c.complete(ctx)
}

func (c *committer) close() {
	if closer, ok := c.catalog.(catalog.Closer); ok {
		_ = closer.Close() // nothing is written behind the last commit
	}
}

func (c *committer) at(step string) {
	if c.crash != nil {
		c.crash(step)
	}
}

// load reads the table, which must not be in the archive.
func (c *committer) load(ctx context.Context) error {
	t, err := c.catalog.LoadTable(ctx, c.name)
	if err != nil {
		return fmt.Errorf("load the table %s: %w", strings.Join(c.name, "."), err)
	}
	c.table = t
	errs := []error{c.outside("the table's location", t.Location())}
	for _, key := range []string{"write.data.path", "write.metadata.path", "write.object-storage.path", "write.folder-storage.path"} {
		if path := t.Properties()[key]; path != "" {
			errs = append(errs, c.outside("the table's "+key, path))
		}
	}
	return errors.Join(errs...)
}

// create makes the table. A catalog gives columns IDs of its own then, so it has one column, which
// gets the ID that it has in the objects; complete adds the others.
func (c *committer) create(ctx context.Context, location string) error {
	if location == "" {
		return fmt.Errorf("the table %s does not exist: give --table-location to create it: %w", strings.Join(c.name, "."), errUsage)
	}
	if err := c.catalog.CreateNamespace(ctx, c.name[:len(c.name)-1], nil); err != nil && !errors.Is(err, catalog.ErrNamespaceAlreadyExists) {
		return fmt.Errorf("create the namespace of the table: %w", err)
	}
	first := iceberg.NewSchema(0, schemaOf().Field(0))
	_, err := c.catalog.CreateTable(ctx, c.name, first, catalog.WithLocation(location), catalog.WithProperties(tableProperties()))
	if err != nil && !errors.Is(err, catalog.ErrTableAlreadyExists) {
		return fmt.Errorf("create the table: %w", err)
	}
	c.at("created")
	return c.load(ctx)
}

// complete adds the columns and partitions that the table lacks: those of a new one, and of a new
// version of the objects.
func (c *committer) complete(ctx context.Context) error {
	for range attempts {
		want, have := schemaOf(), c.table.Schema()
		if err := compatible(have, want); err != nil {
			return fmt.Errorf("the table %s: %w", strings.Join(c.name, "."), err)
		}
		var updates []table.Update
		if len(have.Fields()) < len(want.Fields()) {
			updates = append(updates, table.NewAddSchemaUpdate(want), table.NewSetCurrentSchemaUpdate(-1))
		}
		spec := c.table.Spec()
		if spec.NumFields() == 0 {
			if c.table.CurrentSnapshot() != nil {
				return fmt.Errorf("the table %s has rows and no partitions: it is not of auditsidecar-iceberg; name another", strings.Join(c.name, "."))
			}
			spec := partitions()
			updates = append(updates, table.NewAddPartitionSpecUpdate(&spec, false), table.NewSetDefaultSpecUpdate(-1))
		}
		if len(updates) == 0 {
			return c.ours()
		}
		metadata := c.table.Metadata()
		_, _, err := c.catalog.CommitTable(ctx, c.name, []table.Requirement{
			table.AssertTableUUID(metadata.TableUUID()), table.AssertCurrentSchemaID(have.ID), table.AssertDefaultSpecID(metadata.DefaultPartitionSpec()),
		}, updates)
		if err != nil && !errors.Is(err, table.ErrCommitFailed) {
			return fmt.Errorf("add the columns to the table: %w", err)
		}
		c.at("completed")
		if err := c.load(ctx); err != nil {
			return err
		}
	}
	return errors.New("add the columns to the table: other commits were always first: run again")
}

// partitions are the cluster and the day of an object, as in its key.
func partitions() iceberg.PartitionSpec {
	return iceberg.NewPartitionSpecID(1,
		iceberg.PartitionField{SourceIDs: []int{clusterID}, FieldID: 1000, Name: "cluster", Transform: iceberg.IdentityTransform{}},
		iceberg.PartitionField{SourceIDs: []int{dayID}, FieldID: 1001, Name: "dt", Transform: iceberg.IdentityTransform{}})
}

// ours says whether the default partitions are cluster and dt.
func (c *committer) ours() error {
	var sources []int
	spec := c.table.Spec()
	for _, f := range spec.Fields() {
		if _, ok := f.Transform.(iceberg.IdentityTransform); ok {
			sources = append(sources, f.SourceIDs...)
		}
	}
	if !slices.Equal(sources, []int{clusterID, dayID}) {
		return fmt.Errorf("the table %s has other partitions than cluster and dt: name another table", strings.Join(c.name, "."))
	}
	return nil
}

// compatible says whether the columns of a table are those of the objects, or some of them.
func compatible(have, want *iceberg.Schema) error {
	for _, f := range have.Fields() {
		w, ok := want.FindFieldByID(f.ID)
		if !ok || w.Name != f.Name || !w.Type.Equals(f.Type) {
			return fmt.Errorf("column %s with ID %d is not of the objects, or this program is older than the one that added it: use the newer one, or name another table", f.Name, f.ID)
		}
	}
	return nil
}

// outside refuses a location in the archive, or one that has the archive in it: an engine that
// removes files that it takes for orphans of the table would remove the archive.
func (c *committer) outside(what, location string) error {
	mine, err := canonical(location)
	if err != nil {
		return fmt.Errorf("%s %q: %w: %w", what, location, err, errUsage)
	}
	archived, err := canonical(c.bucket.URL(""))
	if err != nil {
		return fmt.Errorf("the archive %q: %w", c.bucket.URL(""), err)
	}
	if strings.HasPrefix(mine, archived) || strings.HasPrefix(archived, mine) {
		return fmt.Errorf("%s %s and the archive %s are in one another: engines remove files below a table's location, so choose one outside of the archive: %w", what, location, c.bucket.URL(""), errUsage)
	}
	return nil
}

// canonical is a location in one form, with a slash at its end. Symbolic links of a directory are
// resolved, as far as it exists.
func canonical(location string) (string, error) {
	if strings.HasPrefix(location, "/") {
		location = "file://" + location
	}
	u, err := url.Parse(location)
	switch {
	case err != nil || u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("expected s3://bucket/prefix or file:///dir")
	case u.Scheme == "s3a" || u.Scheme == "s3n":
		u.Scheme = "s3"
	case u.Scheme != "s3" && u.Scheme != "file":
		return "", errors.New("expected s3://bucket/prefix or file:///dir")
	}
	if u.Scheme == "s3" {
		return "s3://" + u.Host + strings.TrimRight(filepath.Clean("/"+u.Path), "/") + "/", nil
	}
	return "file://" + strings.TrimRight(resolved(filepath.Clean(u.Path)), "/") + "/", nil
}

// resolved is a path without symbolic links.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil || path == "/" {
		return real
	}
	return filepath.Join(resolved(filepath.Dir(path)), filepath.Base(path))
}
