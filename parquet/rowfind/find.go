package rowfind

import (
	"errors"
	"io"
	"slices"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/parquet/internal/rowread"
	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// Row is a row with the columns that were asked for. It is valid until the next.
type Row = rowread.Row

const (
	// gapRows is how many rows that do not match are read rather than passed: a run of
	// rows needs its own pages of every column.
	gapRows = 256
	// runRows bounds the rows that are decoded from one set of pages.
	runRows = 1 << 16
)

// Find passes the rows that match to do, in the order in which they are stored. Columns are
// those that do needs, besides those of the query; nil: all, so that the row has its line.
func (o *Object) Find(q *Query, columns []auditline.Field, do func(*Row) error) error {
	for i := range o.groups {
		g := &o.groups[i]
		spans, err := o.candidates(g, q)
		if err != nil {
			return err
		}
		matched := spans
		if named := q.columns(); len(named) > 0 {
			matched = nil
			err := o.read(g, spans, named, func(row int64, r *Row) error {
				if q.matches(&r.Event) {
					matched = join(matched, span{row, row + 1}, 0)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		if err := o.deliver(g, matched, columns, do); err != nil {
			return err
		}
	}
	return nil
}

// deliver passes rows to do.
func (o *Object) deliver(g *rowGroup, matched []span, columns []auditline.Field, do func(*Row) error) error {
	if columns == nil {
		for c := range schema.NumColumns {
			if schema.Columns()[c].Shape != schema.Required {
				columns = append(columns, c)
			}
		}
	}
	columns = append(slices.Clone(columns), schema.SourceLine, schema.LinePart)
	var runs []span
	for _, s := range matched {
		runs = join(runs, s, gapRows)
	}
	left := matched
	return o.read(g, runs, columns, func(row int64, r *Row) error {
		for len(left) > 0 && row >= left[0].to {
			left = left[1:]
		}
		if len(left) == 0 || row < left[0].from {
			return nil
		}
		return do(r)
	})
}

// read passes each row of the spans, with some columns, to do.
func (o *Object) read(g *rowGroup, spans []span, columns []auditline.Field, do func(row int64, r *Row) error) error {
	if len(spans) == 0 {
		return nil
	}
	columns = slices.DeleteFunc(slices.Clone(columns), func(c auditline.Field) bool {
		m := &g.Columns[c].MetaData
		return schema.Columns()[c].Shape == schema.Scalar && m.Statistics.NullCount == m.NumValues
	})
	if err := o.loadIndexes(g, columns, false); err != nil {
		return err
	}
	located := make([]*pageLocations, len(columns))
	for i, c := range columns {
		var err error
		if located[i], err = o.locate(g, int(c)); err != nil {
			return err
		}
	}
	var wanted []extent
	for _, s := range spans {
		for _, l := range located {
			of, _ := l.within(s)
			wanted = append(wanted, of...)
		}
	}
	if err := o.src.load(wanted, o.tail); err != nil {
		return err
	}
	for _, s := range spans {
		for from := s.from; from < s.to; from += runRows {
			if err := o.readRun(span{from, min(from+runRows, s.to)}, columns, located, do); err != nil {
				return err
			}
		}
	}
	return nil
}

// readRun reads rows that follow each other.
func (o *Object) readRun(s span, columns []auditline.Field, located []*pageLocations, do func(row int64, r *Row) error) error {
	var parts [schema.NumColumns]rowread.Part
	for i, c := range columns {
		of, skip := located[i].within(s)
		p := &pieces{r: o.src, of: of}
		parts[c] = rowread.Part{Pages: p, Size: p.size(), Skip: skip}
	}
	in, err := rowread.NewPartReader(&parts, s.to-s.from)
	if in != nil {
		defer in.Close()
	}
	if err != nil {
		return err
	}
	var row Row
	for n := s.from; ; n++ {
		err := in.Next(&row)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := do(n, &row); err != nil {
			return err
		}
	}
}
