package schema

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"sync"

	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// VersionKey is the metadata key of the version of the schema.
const VersionKey = "auditsidecar.schema_version"

// Version is the value of the metadata key of that name, and the only one that is
// read. It changes if a reader of other objects could be misled.
const Version = "1"

// orderedGroup is a group of columns in the order of [Columns]. The library's
// own group sorts by name.
type orderedGroup struct {
	pq.Group
	names []string
}

func (g orderedGroup) Fields() []pq.Field {
	fields := g.Group.Fields()
	slices.SortFunc(fields, func(a, b pq.Field) int {
		return cmp.Compare(slices.Index(g.names, a.Name()), slices.Index(g.names, b.Name()))
	})
	return fields
}

// New returns the schema of every object.
func New() *pq.Schema {
	group := pq.Group{}
	var names []string
	for _, d := range Columns() {
		if _, ok := group[d.Name]; !ok {
			names = append(names, d.Name)
		}
		switch d.Shape {
		case List:
			group[d.Name] = pq.Optional(pq.List(leafNode(d)))
		case MapKey:
			group[d.Name] = nil // completed by the value, which comes next
		case MapValue:
			group[d.Name] = pq.Optional(pq.Map(pq.String(), pq.Optional(leafNode(d))))
		case MapValues:
			group[d.Name] = pq.Optional(pq.Map(pq.String(), pq.List(leafNode(d))))
		case Required:
			group[d.Name] = leafNode(d)
		default:
			group[d.Name] = pq.Optional(leafNode(d))
		}
	}
	return pq.NewSchema("audit", orderedGroup{group, names})
}

func leafNode(d Column) pq.Node {
	return [...]pq.Node{
		Text: pq.String(), Blob: pq.Leaf(pq.ByteArrayType), Int32: pq.Leaf(pq.Int32Type), Int64: pq.Leaf(pq.Int64Type),
		Micros: pq.Timestamp(pq.Microsecond),
	}[d.Kind]
}

// parts is a footer without rows, made once: the library takes a millisecond.
var parts = sync.OnceValues(func() (*format.FileMetaData, error) { //nolint:gochecknoglobals // constant
	w := pq.NewGenericWriter[any](io.Discard, New())
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("make schema: %w", err)
	}
	footer := w.File().Metadata()
	number(footer.Schema[1:]) // the first is the root
	return footer, nil
})

// number gives field IDs from 1 on: to columns, elements of lists, keys and values of
// maps, in the order of the schema. New columns come last, so no ID ever changes.
func number(elements []format.SchemaElement) {
	id := int32(0)
	for i := range elements {
		if e := &elements[i]; e.RepetitionType.V != format.Repeated { // the group in a list or map that repeats
			id++
			e.FieldID = id
		}
	}
}

// Parts returns the schema as it stands in the footer: its elements, and
// the order in which each column's values compare. Neither may be changed.
func Parts() ([]format.SchemaElement, []format.ColumnOrder, error) {
	footer, err := parts()
	if err != nil {
		return nil, nil, err
	}
	return footer.Schema, footer.ColumnOrders, nil
}
