package ddl

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// column is a column of a table, or a field of an object in one.
type column struct{ Name, Type string }

// recordColumns returns the keys of a record as columns, without those that are
// partitions of the table.
func (d dialect) recordColumns(partitions ...string) []column {
	return d.without(d.fieldsOf(reflect.TypeFor[manifest.Record](), "json"), partitions)
}

// rollupColumns returns the columns of the Parquet form of rollups, without some.
func (d dialect) rollupColumns(without ...string) []column {
	return d.without(d.fieldsOf(reflect.TypeFor[manifest.Rollup](), "parquet"), without)
}

func (d dialect) without(all []column, names []string) []column {
	return slices.DeleteFunc(all, func(c column) bool { return slices.Contains(names, strings.Trim(c.Name, d.quoted)) })
}

// fieldsOf returns the fields of a struct by their names in a form, "json" or "parquet", those
// of embedded ones in place.
func (d dialect) fieldsOf(t reflect.Type, form string) []column {
	var fields []column
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get(form), ",")
		switch {
		case f.Anonymous && name == "":
			fields = append(fields, d.fieldsOf(f.Type, form)...)
		case name != "" && name != "-":
			fields = append(fields, column{d.quote(name), d.typeOf(f.Type, form)})
		}
	}
	return fields
}

// typeOf returns the type that t has in a form.
func (d dialect) typeOf(t reflect.Type, form string) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[time.Time]() && form == "parquet":
		return d.scalars.time
	case t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return d.scalars.text // a time
	case t == reflect.TypeFor[[]byte]():
		return d.scalars.binary
	}
	switch t.Kind() {
	case reflect.Bool:
		return d.scalars.boolean
	case reflect.Int, reflect.Int32, reflect.Int64:
		return d.scalars.integer
	case reflect.Uint64:
		return d.scalars.unsigned
	case reflect.Slice:
		return fmt.Sprintf(d.list, d.typeOf(t.Elem(), form))
	case reflect.Map:
		return fmt.Sprintf(d.dict, d.typeOf(t.Elem(), form))
	case reflect.Struct:
		return fmt.Sprintf(d.object, d.fieldList(d.fieldsOf(t, form)))
	}
	return d.scalars.text
}

func (d dialect) fieldList(fields []column) string {
	parts := make([]string, len(fields))
	for i, f := range fields {
		parts[i] = f.Name + d.field + f.Type
	}
	return strings.Join(parts, ", ")
}
