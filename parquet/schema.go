package parquet

import (
	"fmt"
	"io"

	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// keySchema is the metadata key of the version of the schema.
const keySchema = "auditsidecar.schema_version"

// schemaVersion is the value of the metadata key of that name. It changes when
// a reader of older objects could be misled.
const schemaVersion = "2"

// columnsIn returns how many leaf columns the objects of a version have: the
// first ones, because new ones come last. 0 for a version that is not known.
func columnsIn(version string) int {
	switch version {
	case "1":
		return int(colUnknownFields)
	case schemaVersion:
		return int(numColumns)
	}
	return 0
}

// orderedGroup is a group of columns in the order of columnDefs. The library's
// own group sorts by name.
type orderedGroup struct {
	pq.Group
	fields []pq.Field
}

func (g orderedGroup) Fields() []pq.Field { return g.fields }

// fieldsInOrder returns the fields of a group in the order of names.
func fieldsInOrder(group pq.Group, names []string) []pq.Field {
	byName := map[string]pq.Field{}
	for _, f := range group.Fields() {
		byName[f.Name()] = f
	}
	fields := make([]pq.Field, 0, len(names))
	for _, name := range names {
		fields = append(fields, byName[name])
	}
	return fields
}

// newSchema returns the schema of every object.
func newSchema() *pq.Schema {
	group := pq.Group{}
	var names []string
	for _, d := range columnDefs() {
		if _, ok := group[d.name]; !ok {
			names = append(names, d.name)
		}
		switch d.shape {
		case list:
			group[d.name] = pq.Optional(pq.List(leafNode(d)))
		case mapKey:
			group[d.name] = nil // completed by the value, which comes next
		case mapValue:
			group[d.name] = pq.Optional(pq.Map(pq.String(), pq.Optional(leafNode(d))))
		case mapValues:
			group[d.name] = pq.Optional(pq.Map(pq.String(), pq.List(leafNode(d))))
		case required:
			group[d.name] = leafNode(d)
		default:
			group[d.name] = pq.Optional(leafNode(d))
		}
	}
	return pq.NewSchema("audit", orderedGroup{Group: group, fields: fieldsInOrder(group, names)})
}

func leafNode(d columnDef) pq.Node {
	var n pq.Node
	switch d.kind {
	case text:
		n = pq.String()
	case blob:
		n = pq.Leaf(pq.ByteArrayType)
	case num32:
		n = pq.Leaf(pq.Int32Type)
	case num64:
		n = pq.Leaf(pq.Int64Type)
	case micros:
		n = pq.Timestamp(pq.Microsecond)
	}
	return n
}

// schemaParts returns the schema as it stands in the footer: its elements, and
// the order in which each column's values compare. The library makes them, for
// a file without rows.
func schemaParts() ([]format.SchemaElement, []format.ColumnOrder, error) {
	w := pq.NewGenericWriter[any](io.Discard, newSchema())
	if err := w.Close(); err != nil {
		return nil, nil, fmt.Errorf("make schema: %w", err)
	}
	m := w.File().Metadata()
	return m.Schema, m.ColumnOrders, nil
}
