package parquet

import pq "github.com/parquet-go/parquet-go"

// textValue returns a value with its levels. Setting levels on a value costs
// less than Value.Level, which copies it three times.
func textValue(b []byte, repetition, definition int) pq.Value {
	v := pq.ByteArrayValue(b)
	v.SetRepetitionLevel(repetition)
	v.SetDefinitionLevel(definition)
	return v
}

// nullValue returns a missing value; definition says how much of the path to
// it is there.
func nullValue(repetition, definition int) pq.Value {
	var v pq.Value
	v.SetRepetitionLevel(repetition)
	v.SetDefinitionLevel(definition)
	return v
}

// appendValues appends what r has in column c.
func (w *objectWriter) appendValues(dst []pq.Value, c column, r *row) []pq.Value {
	switch d := &w.defs[c]; d.shape {
	case required:
		return append(dst, w.requiredValue(c, r))
	case list:
		return appendListValues(dst, r.event.list(c))
	case mapKey:
		return appendMapKeys(dst, r.event.multimap(c))
	case mapValue:
		return appendMapValues(dst, r.event.multimap(c))
	case mapValues:
		return appendMultimapValues(dst, r.event.multimap(c))
	default:
		return append(dst, scalarValue(c, d.kind, r))
	}
}

func scalarValue(c column, k kind, r *row) pq.Value {
	e := r.event
	b := e.text[c]
	if c == colRaw {
		b = r.raw
	}
	switch {
	case b != nil:
		return textValue(b, 0, 1)
	case !e.given[c]:
		return pq.Value{}
	}
	v := pq.Int64Value(e.ints[c])
	if k == num32 {
		v = pq.Int32Value(int32(e.ints[c]))
	}
	v.SetDefinitionLevel(1)
	return v
}

func (w *objectWriter) requiredValue(c column, r *row) pq.Value {
	switch c {
	case colDecodeStatus:
		return pq.ByteArrayValue([]byte(r.status))
	case colNode:
		return pq.ByteArrayValue([]byte(w.meta.Node))
	case colEpoch:
		return pq.ByteArrayValue([]byte(w.meta.Epoch))
	case colSourceFile:
		return pq.ByteArrayValue([]byte(w.meta.SourceName))
	case colSeq:
		return pq.Int64Value(w.meta.Seq)
	case colSourceLine:
		return pq.Int64Value(r.line)
	default:
		return pq.Int32Value(int32(r.part))
	}
}

func appendListValues(dst []pq.Value, t *texts) []pq.Value {
	if len(t.items) == 0 {
		return append(dst, nullValue(0, emptyLevel(t.given)))
	}
	for i, b := range t.items {
		dst = append(dst, textValue(b, min(i, 1), 2))
	}
	return dst
}

// emptyLevel is the definition level of a list or map without elements.
func emptyLevel(given bool) int {
	if given {
		return 1
	}
	return 0
}

func appendMapKeys(dst []pq.Value, m *multimap) []pq.Value {
	if len(m.keys) == 0 {
		return append(dst, nullValue(0, emptyLevel(m.given)))
	}
	for i, b := range m.keys {
		dst = append(dst, textValue(b, min(i, 1), 2))
	}
	return dst
}

func appendMapValues(dst []pq.Value, m *multimap) []pq.Value {
	if len(m.keys) == 0 {
		return append(dst, nullValue(0, emptyLevel(m.given)))
	}
	for i, b := range m.values {
		dst = append(dst, textValue(b, min(i, 1), 3))
	}
	return dst
}

func appendMultimapValues(dst []pq.Value, m *multimap) []pq.Value {
	if len(m.keys) == 0 {
		return append(dst, nullValue(0, emptyLevel(m.given)))
	}
	for i := range m.keys {
		items := m.list(i)
		if len(items) == 0 {
			dst = append(dst, nullValue(min(i, 1), 2))
		}
		for j, b := range items {
			repetition := 2
			if j == 0 {
				repetition = min(i, 1)
			}
			dst = append(dst, textValue(b, repetition, 3))
		}
	}
	return dst
}
