package rowread

import (
	"fmt"
	"io"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// Reader reads the rows of an object in the order in which they are
// stored.
type Reader struct {
	file    *File
	defs    [schema.NumColumns]schema.Column
	columns [schema.NumColumns]columnReader
	unpack  *unpacker
	read    [schema.NumColumns]bool // which columns of the open row group are read
	group   int                     // number of the next row group
	left    int64                   // rows of the open row group
}

// Row is one row as it was read; its slices are valid until the next.
type Row struct {
	Event auditline.Event
	Raw   []byte
	Line  int64
	Part  int64
}

// Size is how many bytes the row's line has, at least.
func (r *Row) Size() int {
	if r.Raw != nil {
		return len(r.Raw)
	}
	return r.Event.Size()
}

// IsLong says that the row's line is not to be held a second time.
func (r *Row) IsLong() bool { return r.Size() > auditline.MaxKept }

// Append appends the row's line to dst.
func (r *Row) Append(dst []byte, b *auditline.Rebuilder) []byte {
	if r.Raw != nil {
		return append(dst, r.Raw...)
	}
	return b.Append(dst, &r.Event)
}

// Write writes the row's line.
func (r *Row) Write(w io.Writer, b *auditline.Rebuilder) error {
	if r.Raw != nil {
		_, err := w.Write(r.Raw)
		return err
	}
	return b.WriteLine(w, &r.Event)
}

// NewReader returns a reader that is before the first row.
func NewReader(f *File) (*Reader, error) {
	unpack, err := newUnpacker()
	return &Reader{file: f, defs: schema.Columns(), unpack: unpack}, err
}

// Part is a column chunk's dictionary and some of its pages, one behind the other; without
// Pages the column is not read.
type Part struct {
	Pages io.ReaderAt
	Size  int64
	Skip  int64 // rows in the pages that are not wanted
}

// NewPartReader returns a reader of rows whose columns are parts; of those that every row
// has only source_line and line_part can be.
func NewPartReader(parts *[schema.NumColumns]Part, rows int64) (o *Reader, err error) {
	defer noPanic(&err)
	if o, err = NewReader(&File{}); err != nil {
		return nil, err
	}
	o.left = rows
	for c, p := range parts {
		if o.read[c] = p.Pages != nil; !o.read[c] {
			continue
		}
		o.columns[c].open(p.Pages, o.defs[c], storedChunk{size: p.Size}, o.unpack)
		if err := o.columns[c].skip(p.Skip); err != nil {
			return o, fmt.Errorf("column %s: %w", o.defs[c].Name, err)
		}
	}
	return o, nil
}

// Next reads one row; io.EOF after the last.
func (o *Reader) Next(r *Row) (err error) {
	defer noPanic(&err)
	for o.left == 0 {
		if o.Close(); o.group == len(o.file.groups) {
			return io.EOF
		}
		o.open(&o.file.groups[o.group])
		o.group++
	}
	o.left--
	r.Event.Reset()
	r.Raw = nil
	for c := auditline.Field(0); c < schema.NumColumns; c++ {
		if !o.read[c] {
			continue
		}
		if err := o.readColumn(c, r); err != nil {
			return fmt.Errorf("row group %d, column %s: %w", o.group-1, o.defs[c].Name, err)
		}
	}
	return nil
}

// open opens the columns of a row group.
func (o *Reader) open(g *storedGroup) {
	o.left = g.rows
	for c, chunk := range g.chunks {
		switch o.defs[c].Shape {
		case schema.Scalar: // without values it need not be read: null is all that can be missing
			o.read[c] = chunk.nulls < chunk.values
		case schema.Required: // most of them say nothing of the line
			o.read[c] = c == int(schema.SourceLine) || c == int(schema.LinePart)
		default:
			o.read[c] = true
		}
		if o.read[c] {
			o.columns[c].open(o.file.src, o.defs[c], chunk, o.unpack)
		}
	}
}

// Close gives up the pages of the open row group.
func (o *Reader) Close() {
	for c := range o.columns {
		o.columns[c].page.close()
	}
}

func (o *Reader) readColumn(c auditline.Field, r *Row) error {
	col := &o.columns[c]
	if col.rep > 0 {
		return errDamagedPage // the row before had no value that this one could follow
	}
	def, err := col.next()
	if err != nil {
		return err
	}
	switch o.defs[c].Shape {
	case schema.List:
		t := r.Event.List(c)
		t.Given = def > 0
		t.Items, err = readItems(col, def, t.Items)
		return err
	case schema.MapKey:
		m := r.Event.Map(c)
		m.Given = def > 0
		m.Keys, err = readItems(col, def, m.Keys)
		return err
	case schema.MapValue, schema.MapValues:
		return readValues(col, def, r.Event.Map(c), o.defs[c].Shape == schema.MapValues)
	}
	switch {
	case def < col.maxDef:
		return nil
	case o.defs[c].IsText():
		v, err := col.bytes()
		switch c {
		case schema.Raw:
			r.Raw = v
		case schema.UnknownFields:
			r.Event.Unknown = v
		default:
			r.Event.SetText(c, v)
		}
		return err
	}
	n, err := col.number()
	switch c {
	case schema.SourceLine:
		r.Line = n
	case schema.LinePart:
		r.Part = n
	default:
		r.Event.SetInt(c, n)
	}
	return err
}

// readItems reads the values of a list, or the keys of a map.
func readItems(col *columnReader, def uint32, items [][]byte) ([][]byte, error) {
	for def == 2 {
		v, err := col.bytes()
		if err != nil {
			return items, err
		}
		if items = append(items, v); col.rep == 0 {
			return items, nil
		}
		if def, err = col.next(); err != nil {
			return items, err
		}
		if def < 2 || len(items) > auditline.MaxItems {
			return items, errDamagedPage
		}
	}
	return items, nil
}

// readValues reads the values of a map: one for each key, or a list of them.
func readValues(col *columnReader, def uint32, m *auditline.Map, lists bool) error {
	if def < 2 {
		return nil
	}
	for {
		if def == 3 {
			v, err := col.bytes()
			if err != nil {
				return err
			}
			m.Values = append(m.Values, v)
		}
		rep := col.rep // of the value to come
		if rep < 2 || !lists {
			m.Ends = append(m.Ends, len(m.Values))
		}
		if rep == 0 {
			break
		}
		var err error
		if def, err = col.next(); err != nil {
			return err
		}
		if def < 2 || len(m.Ends) >= len(m.Keys) || len(m.Values) > auditline.MaxItems {
			return errDamagedPage
		}
	}
	if len(m.Ends) != len(m.Keys) {
		return fmt.Errorf("%w: a map has different numbers of keys and values", errDamagedPage)
	}
	return nil
}
