package ddl

import "fmt"

// objects is how one engine writes the lists and objects of the view audit_ocsf.
type objects struct {
	text, integer string // types
	quoted        string // the quotation mark of names in views
	member        string // a name %s and a value %s of an object
	members       string // of the members %s; empty: a row, with its type
	one           string // a list of one element %s
	each          string // of each element g of the list %s the expression %s
	millis        string // the TIMESTAMP column %s in milliseconds since 1970
}

func objectsOf(engine string) objects {
	switch engine {
	case "duckdb":
		return objects{text: "VARCHAR", integer: "BIGINT", quoted: `"`, member: `"%s" := %s`, members: "struct_pack(%s)",
			one: "[%s]", each: "list_transform(%s, lambda g: %s)", millis: "epoch_ms(%s)"}
	case "spark":
		return objects{text: "STRING", integer: "BIGINT", quoted: "`", member: "'%s', %s", members: "named_struct(%s)",
			one: "array(%s)", each: "transform(%s, g -> %s)", millis: "unix_millis(%s)"}
	}
	return objects{text: "varchar", integer: "bigint", quoted: `"`, member: "%[2]s",
		one: "ARRAY[%s]", each: "transform(%s, g -> %s)", millis: "to_unixtime(with_timezone(%s, 'UTC')) * 1000"}
}

// cell is an expression of the view audit_ocsf with its type.
type cell struct{ SQL, Type string }

func (c cell) String() string { return c.SQL }

// Word is the type of texts in expressions.
func (d objects) Word() string { return d.text }

// Time is the column time, a word of SQL in some engines.
func (d objects) Time() string { return d.quoted + "time" + d.quoted }

// Text is an expression for a text.
func (d objects) Text(sql string) cell { return cell{sql, d.text} }

// Integer is an expression for an integer.
func (d objects) Integer(sql string) cell {
	return cell{"CAST(" + sql + " AS " + d.integer + ")", d.integer}
}

// Object is an object: names and cells in turns.
func (d objects) Object(fields ...any) (cell, error) {
	var values, types string
	for i := 0; i+1 < len(fields); i += 2 {
		name, value := fields[i], fields[i+1]
		c, ok := value.(cell)
		if !ok {
			return cell{}, fmt.Errorf("field %v of an object: %T is not a cell", name, value)
		}
		comma := ", "
		if i == 0 {
			comma = ""
		}
		values += comma + fmt.Sprintf(d.member, name, c.SQL)
		types += comma + fmt.Sprintf(`"%v" %s`, name, c.Type)
	}
	t := "ROW(" + types + ")"
	if d.members == "" {
		return cell{"CAST(ROW(" + values + ") AS " + t + ")", t}, nil
	}
	return cell{fmt.Sprintf(d.members, values), t}, nil
}

// When is a cell, or null if a condition is false.
func (d objects) When(condition string, c cell) cell {
	return cell{"CASE WHEN " + condition + " THEN " + c.SQL + " END", c.Type}
}

// One is a list of one object, or null if a condition is false.
func (d objects) One(condition string, c cell) cell {
	return d.When(condition, cell{fmt.Sprintf(d.one, c.SQL), "ARRAY(" + c.Type + ")"})
}

// Each is a list of objects, of each element g of a list of texts.
func (d objects) Each(list string, c cell) cell {
	return cell{fmt.Sprintf(d.each, list, c.SQL), "ARRAY(" + c.Type + ")"}
}

// Millis is a time of the objects in milliseconds since 1970.
func (d objects) Millis(column string) cell { return d.Integer(fmt.Sprintf(d.millis, column)) }
