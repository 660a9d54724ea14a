package parquet

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
	for _, d := range columnDefs() {
		if d.shape == mapKey {
			continue // its value, which comes next, stands for the map
		}
		columns = append(columns, Column{Name: d.name, Type: d.columnType(), Required: d.shape == required})
	}
	return columns
}

func (d columnDef) columnType() ColumnType {
	switch d.shape {
	case list:
		return TypeStringList
	case mapValue:
		return TypeStringMap
	case mapValues:
		return TypeStringListMap
	}
	switch d.kind {
	case blob:
		return TypeBinary
	case num32:
		return TypeInt32
	case num64:
		return TypeInt64
	case micros:
		return TypeTimestamp
	}
	return TypeString
}
