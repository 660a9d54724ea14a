package ddl

import (
	"fmt"
	"strings"

	"github.com/auditsidecar/auditsidecar/parquet"
)

// dialect is how one engine writes types and the few expressions in which the
// engines differ.
type dialect struct {
	types   map[parquet.ColumnType]string // of the columns of the Parquet objects
	scalars scalars                       // of the fields of records
	list    string                        // of %s
	dict    string                        // of text to %s
	object  string                        // with the fields %s
	field   string                        // between a field's name and type, in an object
	quoted  string                        // the quotation mark of names
	// keepCase: names of JSON keys are matched as they are; others match them
	// in lower case.
	keepCase bool

	at    string // value of the map %s for the key %s, null where it is not there
	first string // first element of the list %s, null where there is none
	join  string // elements of the list %s with ", " between them
	utc   string // the TIMESTAMP column %s as a timestamp in UTC without a zone
}

type scalars struct{ text, integer, unsigned, boolean string }

func (d dialect) quote(name string) string {
	if !d.keepCase {
		name = strings.ToLower(name)
	}
	return d.quoted + name + d.quoted
}

// At is the value of a map, or null.
func (d dialect) At(dict, key string) string { return fmt.Sprintf(d.at, dict, key) }

// First is the first element of a list, or null.
func (d dialect) First(list string) string { return fmt.Sprintf(d.first, list) }

// Join is a list as text.
func (d dialect) Join(list string) string { return fmt.Sprintf(d.join, list) }

// UTC is a time of the objects as a timestamp without a zone.
func (d dialect) UTC(column string) string { return fmt.Sprintf(d.utc, column) }

func trino() dialect {
	return dialect{
		types: map[parquet.ColumnType]string{
			parquet.TypeString: "varchar", parquet.TypeBinary: "varbinary", parquet.TypeInt32: "integer", parquet.TypeInt64: "bigint",
			parquet.TypeTimestamp: "timestamp(6)", parquet.TypeStringList: "array(varchar)",
			parquet.TypeStringMap: "map(varchar, varchar)", parquet.TypeStringListMap: "map(varchar, array(varchar))",
		},
		scalars: scalars{text: "varchar", integer: "bigint", unsigned: "decimal(20, 0)", boolean: "boolean"},
		list:    "array(%s)", dict: "map(varchar, %s)", object: "row(%s)", field: " ", quoted: `"`,
		at: "element_at(%s, '%s')", first: "element_at(%s, 1)", join: "array_join(%s, ', ')", utc: "%s",
	}
}

// athena declares tables as Hive does and asks as Trino does.
func athena() dialect {
	d := trino()
	d.types = map[parquet.ColumnType]string{
		parquet.TypeString: "string", parquet.TypeBinary: "binary", parquet.TypeInt32: "int", parquet.TypeInt64: "bigint",
		parquet.TypeTimestamp: "timestamp", parquet.TypeStringList: "array<string>",
		parquet.TypeStringMap: "map<string,string>", parquet.TypeStringListMap: "map<string,array<string>>",
	}
	d.scalars = scalars{text: "string", integer: "bigint", unsigned: "decimal(20,0)", boolean: "boolean"}
	d.list, d.dict, d.object, d.field, d.quoted = "array<%s>", "map<string,%s>", "struct<%s>", ":", "`"
	return d
}

func duckDB() dialect {
	return dialect{
		types: map[parquet.ColumnType]string{
			parquet.TypeString: "VARCHAR", parquet.TypeBinary: "BLOB", parquet.TypeInt32: "INTEGER", parquet.TypeInt64: "BIGINT",
			parquet.TypeTimestamp: "TIMESTAMP WITH TIME ZONE", parquet.TypeStringList: "VARCHAR[]",
			parquet.TypeStringMap: "MAP(VARCHAR, VARCHAR)", parquet.TypeStringListMap: "MAP(VARCHAR, VARCHAR[])",
		},
		scalars: scalars{text: "VARCHAR", integer: "BIGINT", unsigned: "UBIGINT", boolean: "BOOLEAN"},
		list:    "%s[]", dict: "MAP(VARCHAR, %s)", object: "STRUCT(%s)", field: " ", quoted: `"`, keepCase: true,
		at: "%s['%s']", first: "%s[1]", join: "array_to_string(%s, ', ')",
		// whatever the session's time zone is, and without the extension for zones
		utc: "make_timestamp(epoch_us(%s))",
	}
}

func spark() dialect {
	d := athena()
	d.types = map[parquet.ColumnType]string{
		parquet.TypeString: "STRING", parquet.TypeBinary: "BINARY", parquet.TypeInt32: "INT", parquet.TypeInt64: "BIGINT",
		parquet.TypeTimestamp: "TIMESTAMP", parquet.TypeStringList: "ARRAY<STRING>",
		parquet.TypeStringMap: "MAP<STRING, STRING>", parquet.TypeStringListMap: "MAP<STRING, ARRAY<STRING>>",
	}
	d.scalars = scalars{text: "STRING", integer: "BIGINT", unsigned: "DECIMAL(20, 0)", boolean: "BOOLEAN"}
	d.list, d.dict, d.object, d.field = "ARRAY<%s>", "MAP<STRING, %s>", "STRUCT<%s>", ": "
	d.at, d.first, d.utc = "try_element_at(%s, '%s')", "get(%s, 0)", "to_timestamp_ntz(%s)"
	return d
}
