package columns

import (
	"testing"

	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// Columns agrees with the schema of the objects, in the same order.
func TestColumnsAreTheSchema(t *testing.T) {
	kinds := map[ColumnType]string{
		TypeString: "STRING", TypeBinary: "BYTE_ARRAY", TypeInt32: "INT32", TypeInt64: "INT64",
		TypeTimestamp: "TIMESTAMP(isAdjustedToUTC=true,unit=MICROS)", TypeStringList: "LIST", TypeStringMap: "MAP", TypeStringListMap: "MAP",
	}
	fields := schema.New().Fields()
	columns := Columns()
	if len(columns) != len(fields) {
		t.Fatalf("%d columns, the schema has %d", len(columns), len(fields))
	}
	for i, c := range columns {
		f := fields[i]
		if got := f.Type().String(); f.Name() != c.Name || got != kinds[c.Type] || f.Optional() == c.Required {
			t.Errorf("column %d: %+v, the schema has %s %s, optional %v", i, c, f.Name(), got, f.Optional())
		}
	}
}
