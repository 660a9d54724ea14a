package ddl

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// column is a column of a table, or a field of an object in one.
type column struct{ Name, Type string }

// recordColumns returns the keys of a record as columns, without those that are
// partitions of the table.
func (d dialect) recordColumns(partitions ...string) []column {
	all := d.fieldsOf(reflect.TypeFor[manifest.Record]())
	return slices.DeleteFunc(all, func(c column) bool { return slices.Contains(partitions, strings.Trim(c.Name, d.quoted)) })
}

// fieldsOf returns the JSON keys of a struct, those of embedded ones in place.
func (d dialect) fieldsOf(t reflect.Type) []column {
	var fields []column
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			fields = append(fields, d.fieldsOf(f.Type)...)
		case name != "" && name != "-":
			fields = append(fields, column{d.quote(name), d.typeOf(f.Type)})
		}
	}
	return fields
}

// typeOf returns the type of the JSON form of t.
func (d dialect) typeOf(t reflect.Type) string {
	if t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
		return d.scalars.text // a time
	}
	switch t.Kind() {
	case reflect.Pointer:
		return d.typeOf(t.Elem())
	case reflect.Bool:
		return d.scalars.boolean
	case reflect.Int, reflect.Int32, reflect.Int64:
		return d.scalars.integer
	case reflect.Uint64:
		return d.scalars.unsigned
	case reflect.Slice:
		return fmt.Sprintf(d.list, d.typeOf(t.Elem()))
	case reflect.Map:
		return fmt.Sprintf(d.dict, d.typeOf(t.Elem()))
	case reflect.Struct:
		return fmt.Sprintf(d.object, d.fieldList(d.fieldsOf(t)))
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
