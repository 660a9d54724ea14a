// Package columns lists the columns of the objects, for programs that describe them to query
// engines. The sidecar does not link it.
package columns

import "github.com/auditsidecar/auditsidecar/parquet/internal/schema"

// ColumnType is the type of a top-level column as a query engine sees it.
type ColumnType int

// The column types.
const (
	TypeString        ColumnType = iota // STRING
	TypeBinary                          // BYTE_ARRAY: any bytes
	TypeInt32                           // INT32
	TypeInt64                           // INT64
	TypeTimestamp                       // INT64, TIMESTAMP(MICROS, isAdjustedToUTC)
	TypeStringList                      // LIST<STRING>
	TypeStringMap                       // MAP<STRING, STRING>
	TypeStringListMap                   // MAP<STRING, LIST<STRING>>
)

// Column is a top-level column of every object.
type Column struct {
	Name string
	Type ColumnType
	// Required: never null.
	Required bool
}

// Columns returns the columns of every object that this version writes, in
// their order. A newer version may have more of them after these; none is ever
// renamed or changes its type.
func Columns() []Column {
	var columns []Column
	for _, d := range schema.Columns() {
		if d.Shape == schema.MapKey {
			continue // its value, which comes next, stands for the map
		}
		columns = append(columns, Column{Name: d.Name, Type: columnType(d), Required: d.Shape == schema.Required})
	}
	return columns
}

func columnType(d schema.Column) ColumnType {
	switch d.Shape {
	case schema.List:
		return TypeStringList
	case schema.MapValue:
		return TypeStringMap
	case schema.MapValues:
		return TypeStringListMap
	}
	return [...]ColumnType{
		schema.Text: TypeString, schema.Blob: TypeBinary, schema.Int32: TypeInt32, schema.Int64: TypeInt64, schema.Micros: TypeTimestamp,
	}[d.Kind]
}
