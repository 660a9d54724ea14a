package objectfile

import (
	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// addEvent adds the event's fields to its columns. A missing field is
// left to catchUp.
func (w *Writer) addEvent(r *Row) {
	e := r.Event
	for i := range auditline.NumFields {
		switch w.chunks[i].def.Shape {
		case schema.List:
			if l := e.List(i); l.Given {
				addList(w.chunk(i), l.Items)
			}
		case schema.MapKey:
			if m := e.Map(i); m.Given {
				addList(w.chunk(i), m.Keys)
			}
		case schema.MapValue:
			if m := e.Map(i); m.Given {
				addList(w.chunk(i), m.Values)
			}
		case schema.MapValues:
			if m := e.Map(i); m.Given {
				addLists(w.chunk(i), m)
			}
		default:
			w.addScalar(i, e)
		}
	}
	if e.Unknown != nil {
		w.chunk(schema.UnknownFields).bytes(e.Unknown, 0)
	}
	if r.Raw != nil {
		w.chunk(schema.Raw).bytes(r.Raw, 0)
	}
}

func (w *Writer) addScalar(i auditline.Field, e *auditline.Event) {
	if w.chunks[i].def.IsText() {
		if v := e.Text(i); v != nil {
			w.chunk(i).bytes(v, 0)
		}
	} else if v, ok := e.Int(i); ok {
		w.chunk(i).int(v)
	}
}

// chunk returns the chunk of a column, ready for a value of the next row.
func (w *Writer) chunk(i auditline.Field) *chunk {
	c := w.chunks[i]
	c.catchUp(w.group.rows)
	return c
}

// addOrigin adds the columns that every row has. Those of the source have one
// value for all rows, and the others that catchUp fills in one for nearly all.
func (w *Writer) addOrigin(r *Row) {
	if r.Status != schema.StatusOK {
		w.chunk(schema.DecodeStatus).bytes([]byte(r.Status), 0)
	}
	w.chunks[schema.SourceLine].int(r.Line)
	if r.Part != 0 {
		w.chunk(schema.LinePart).int(r.Part)
	}
}

// addList adds a list, the keys of a map, or its values.
func addList(c *chunk, items [][]byte) {
	if len(items) == 0 {
		c.null(0, 1)
	}
	for i, v := range items {
		c.bytes(v, repetition(i))
	}
}

// repetition returns the repetition level of element i of an outermost list.
func repetition(i int) uint8 {
	if i == 0 {
		return 0
	}
	return 1
}

// addLists adds the values of a map of lists.
func addLists(c *chunk, m *auditline.Map) {
	if len(m.Keys) == 0 {
		c.null(0, 1)
	}
	for i := range m.Keys {
		items := m.ValuesOf(i)
		if len(items) == 0 {
			c.null(repetition(i), 2)
		}
		for j, v := range items {
			if j == 0 {
				c.bytes(v, repetition(i))
			} else {
				c.bytes(v, 2)
			}
		}
	}
}
