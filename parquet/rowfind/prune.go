package rowfind

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go/bloom"
	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// Query says which rows are wanted. An empty field wants all.
type Query struct {
	// From and To bound stage_timestamp: [From, To). A row without one is wanted.
	From, To time.Time
	// Fields are columns, of which each must have one of the values.
	Fields map[auditline.Field][]string
}

// columns are those that Fields and times name.
func (q *Query) columns() []auditline.Field {
	columns := slices.Sorted(maps.Keys(q.Fields))
	if !q.From.IsZero() || !q.To.IsZero() {
		columns = append(columns, auditline.StageTimestamp)
	}
	return columns
}

// span is rows of a row group: [from, to).
type span struct{ from, to int64 }

// micros is the first microsecond that is not before t.
func micros(t time.Time) int64 { return t.Add(time.Microsecond - 1).UnixMicro() }

// May reports whether the object can have a row of a query, without reading values.
func (o *Object) May(q *Query) (bool, error) {
	for i := range o.groups {
		spans, err := o.candidates(&o.groups[i], q)
		if err != nil || len(spans) > 0 {
			return len(spans) > 0, err
		}
	}
	return false, nil
}

// candidates are the rows of a group that its bounds and filters do not exclude.
func (o *Object) candidates(g *rowGroup, q *Query) ([]span, error) {
	if !q.From.IsZero() || !q.To.IsZero() {
		m := &g.Columns[auditline.StageTimestamp].MetaData
		if !q.within(m.Statistics.MinValue, m.Statistics.MaxValue, m.Statistics.NullCount > 0) {
			return nil, nil
		}
	}
	for c, values := range q.Fields {
		if kept, err := o.mayHave(&g.Columns[c], c, values); err != nil || len(kept) == 0 {
			return nil, err
		}
	}
	if err := o.loadIndexes(g, q.columns(), true); err != nil {
		return nil, err
	}
	spans := []span{{0, g.NumRows}}
	for _, c := range q.columns() {
		pages, err := o.pagesWith(g, c, q)
		if err != nil {
			return nil, err
		}
		if spans = intersect(spans, pages); len(spans) == 0 {
			return nil, nil
		}
	}
	return spans, nil
}

// within reports whether bounds of stage_timestamp overlap the query's times.
func (q *Query) within(least, most []byte, nulls bool) bool {
	if nulls || len(least) != 8 || len(most) != 8 {
		return true
	}
	return (q.To.IsZero() || int64(binary.LittleEndian.Uint64(least)) < micros(q.To)) &&
		(q.From.IsZero() || int64(binary.LittleEndian.Uint64(most)) >= micros(q.From))
}

// mayHave returns the values that a chunk can have.
func (o *Object) mayHave(c *columnChunk, column auditline.Field, values []string) (kept []string, err error) {
	m := &c.MetaData
	single := schema.Columns()[column].Shape == schema.Scalar
	if single && m.Statistics.NullCount == m.NumValues {
		return nil, nil
	}
	for _, v := range values {
		if m.Statistics.MinValue != nil && !inBounds(column, v, m.Statistics.MinValue, m.Statistics.MaxValue) {
			continue
		}
		if has, err := o.inFilter(m, v); err != nil {
			return nil, fmt.Errorf("column %s: %w", name(int(column)), err)
		} else if has {
			kept = append(kept, v)
		}
	}
	return kept, nil
}

// inBounds reports whether a value is between two others.
func inBounds(column auditline.Field, v string, least, most []byte) bool {
	if column != auditline.ResponseCode {
		return string(least) <= v && v <= string(most)
	}
	n, err := strconv.ParseInt(v, 10, 32)
	if err != nil || len(least) != 4 || len(most) != 4 {
		return err == nil
	}
	return int32(binary.LittleEndian.Uint32(least)) <= int32(n) && int32(n) <= int32(binary.LittleEndian.Uint32(most))
}

// inFilter asks the bloom filter of a chunk, if it has one: one block of it is read. Blocks stand
// behind a header that is shorter than one.
func (o *Object) inFilter(m *columnMeta, v string) (bool, error) {
	size := int64(m.BloomFilterLength)
	if size == 0 {
		return true, nil
	}
	head := size % bloom.BlockSize
	if head == 0 || head == size {
		return false, fmt.Errorf("damaged bloom filter of %d bytes (use another copy or version of the object)", size)
	}
	bits := io.NewSectionReader(o.src, m.BloomFilterOffset+head, size-head)
	has, err := bloom.CheckSplitBlock(bits, size-head, bloom.XXH64{}.Sum64([]byte(v)))
	if err != nil {
		return false, fmt.Errorf("read a bloom filter: %w", err)
	}
	return has, nil
}

// loadIndexes reads the page indexes of columns, with their bounds if wanted.
func (o *Object) loadIndexes(g *rowGroup, columns []auditline.Field, bounds bool) error {
	var wanted []extent
	for _, c := range columns {
		chunk := &g.Columns[c]
		wanted = append(wanted, extent{chunk.OffsetIndexOffset, int64(chunk.OffsetIndexLength)})
		if bounds {
			wanted = append(wanted, extent{chunk.ColumnIndexOffset, int64(chunk.ColumnIndexLength)})
		}
	}
	return o.src.load(wanted, o.tail)
}

// pagesWith are the rows of the pages of a column that can match.
func (o *Object) pagesWith(g *rowGroup, column auditline.Field, q *Query) ([]span, error) {
	c := &g.Columns[column]
	if c.ColumnIndexLength == 0 {
		return []span{{0, g.NumRows}}, nil
	}
	l, err := o.locate(g, int(column))
	if err != nil {
		return nil, err
	}
	var index format.ColumnIndex
	if err := o.readIndex(c.ColumnIndexOffset, c.ColumnIndexLength, &index); err != nil {
		return nil, err
	}
	n := len(l.pages)
	if len(index.MinValues) != n || len(index.MaxValues) != n || len(index.NullPages) != n || len(index.NullCounts) != n {
		return nil, fmt.Errorf("column %s: %w", name(int(column)), errIndex)
	}
	var spans []span
	for i := range n {
		least, most := index.MinValues[i], index.MaxValues[i]
		may := false
		if column == auditline.StageTimestamp {
			may = index.NullPages[i] || q.within(least, most, index.NullCounts[i] > 0)
		} else if !index.NullPages[i] {
			may = slices.ContainsFunc(q.Fields[column], func(v string) bool { return inBounds(column, v, least, most) })
		}
		if may {
			spans = join(spans, span{l.first(i), l.end(i)}, 0)
		}
	}
	return spans, nil
}

// join appends a span, to the last one if there are at most gap rows between them.
func join(spans []span, s span, gap int64) []span {
	if last := len(spans) - 1; last >= 0 && s.from-spans[last].to <= gap {
		spans[last].to = s.to
		return spans
	}
	return append(spans, s)
}

// intersect returns the rows that are in both.
func intersect(a, b []span) (both []span) {
	for len(a) > 0 && len(b) > 0 {
		if s := (span{max(a[0].from, b[0].from), min(a[0].to, b[0].to)}); s.from < s.to {
			both = append(both, s)
		}
		if a[0].to < b[0].to {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return both
}

// matches reports whether the row is wanted.
func (q *Query) matches(e *auditline.Event) bool {
	if us, ok := e.StageTime(); ok && (!q.From.IsZero() && us < micros(q.From) || !q.To.IsZero() && us >= micros(q.To)) {
		return false
	}
	for c, values := range q.Fields {
		if !slices.ContainsFunc(values, func(v string) bool { return has(e, c, v) }) {
			return false
		}
	}
	return true
}

func has(e *auditline.Event, column auditline.Field, v string) bool {
	switch column {
	case auditline.ResponseCode:
		n, ok := e.Int(column)
		return ok && strconv.FormatInt(n, 10) == v
	case auditline.SourceIPs:
		return slices.ContainsFunc(e.List(column).Items, func(item []byte) bool { return string(item) == v })
	}
	text := e.Text(column)
	return text != nil && bytes.Equal(text, []byte(v))
}
