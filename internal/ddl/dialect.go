package ddl

import (
	"fmt"
	"strings"

	"github.com/auditsidecar/auditsidecar/parquet/columns"
)

// dialect is how one engine writes types and the few expressions in which the
// engines differ.
type dialect struct {
	scalars scalars
	list    string // of %s
	dict    string // of text to %s
	object  string // with the fields %s
	field   string // between a field's name and type, in an object
	quoted  string // the quotation mark of names
	// keepCase: names of JSON keys are matched as they are; others match them
	// in lower case.
	keepCase bool

	at    string // value of the map %s for the key %s, null where it is not there
	first string // first element of the list %s, null without one
	join  string // elements of the list %s with ", " between them
	utc   string // the TIMESTAMP column %s as a timestamp in UTC without a zone
	stamp string // the text %s of a time in a record as such a timestamp
}

type scalars struct{ text, binary, small, integer, unsigned, boolean, time string }

// columnType returns the type of a column of the Parquet objects.
func (d dialect) columnType(t columns.ColumnType) string {
	list := fmt.Sprintf(d.list, d.scalars.text)
	return map[columns.ColumnType]string{
		columns.TypeString: d.scalars.text, columns.TypeBinary: d.scalars.binary, columns.TypeInt32: d.scalars.small,
		columns.TypeInt64: d.scalars.integer, columns.TypeTimestamp: d.scalars.time, columns.TypeStringList: list,
		columns.TypeStringMap: fmt.Sprintf(d.dict, d.scalars.text), columns.TypeStringListMap: fmt.Sprintf(d.dict, list),
	}[t]
}

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

// Stamp is a time of the records, a text in UTC, as a timestamp without a zone.
func (d dialect) Stamp(text string) string { return fmt.Sprintf(d.stamp, text) }

func trino() dialect {
	return dialect{
		scalars: scalars{text: "varchar", binary: "varbinary", small: "integer", integer: "bigint", unsigned: "decimal(20, 0)", boolean: "boolean", time: "timestamp(6)"},
		list:    "array(%s)", dict: "map(varchar, %s)", object: "row(%s)", field: " ", quoted: `"`,
		at: "element_at(%s, '%s')", first: "element_at(%s, 1)", join: "array_join(%s, ', ')", utc: "%s",
		stamp: "CAST(replace(substr(%s, 1, 26), 'T', ' ') AS timestamp(6))",
	}
}

// athena declares tables as Hive does and asks as Trino does.
func athena() dialect {
	d := trino()
	d.scalars = scalars{text: "string", binary: "binary", small: "int", integer: "bigint", unsigned: "decimal(20,0)", boolean: "boolean", time: "timestamp"}
	d.list, d.dict, d.object, d.field, d.quoted = "array<%s>", "map<string,%s>", "struct<%s>", ":", "`"
	d.stamp = "CAST(replace(substr(%s, 1, 23), 'T', ' ') AS timestamp)" // of milliseconds
	return d
}

func duckDB() dialect {
	return dialect{
		scalars: scalars{text: "VARCHAR", binary: "BLOB", small: "INTEGER", integer: "BIGINT", unsigned: "UBIGINT", boolean: "BOOLEAN", time: "TIMESTAMP WITH TIME ZONE"},
		list:    "%s[]", dict: "MAP(VARCHAR, %s)", object: "STRUCT(%s)", field: " ", quoted: `"`, keepCase: true,
		at: "%s['%s']", first: "%s[1]", join: "array_to_string(%s, ', ')",
		// whatever the session's time zone is, and without the extension for zones
		utc:   "make_timestamp(epoch_us(%s))",
		stamp: "CAST(replace(substr(%s, 1, 26), 'T', ' ') AS TIMESTAMP)",
	}
}

func spark() dialect {
	d := athena()
	d.scalars = scalars{text: "STRING", binary: "BINARY", small: "INT", integer: "BIGINT", unsigned: "DECIMAL(20, 0)", boolean: "BOOLEAN", time: "TIMESTAMP"}
	d.list, d.dict, d.object, d.field = "ARRAY<%s>", "MAP<STRING, %s>", "STRUCT<%s>", ": "
	d.keepCase = true // its JSON reader finds a field by the declared name alone
	d.at, d.first, d.utc = "try_element_at(%s, '%s')", "get(%s, 0)", "to_timestamp_ntz(%s)"
	d.stamp = "CAST(substr(%s, 1, 26) AS TIMESTAMP_NTZ)"
	return d
}
