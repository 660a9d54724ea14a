package parquet

import (
	"fmt"
	"io"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

// objectReader reads the rows of an object in the order in which they are
// stored.
type objectReader struct {
	file    *openedObject
	defs    [numColumns]columnDef
	columns [numColumns]columnReader
	unpack  *unpacker
	read    [numColumns]bool // which columns of the open row group are read
	group   int              // number of the next row group
	left    int64            // rows of the open row group
}

// storedRow is one row as it was read; its slices are valid until the next.
type storedRow struct {
	event auditline.Event
	raw   []byte
	line  int64
	part  int64
}

// size is how many bytes the row's line has, at least.
func (r *storedRow) size() int {
	if r.raw != nil {
		return len(r.raw)
	}
	return r.event.Size()
}

// isLong says that the row's line is not to be held a second time.
func (r *storedRow) isLong() bool { return r.size() > auditline.MaxKept }

// append appends the row's line to dst.
func (r *storedRow) append(dst []byte, b *auditline.Rebuilder) []byte {
	if r.raw != nil {
		return append(dst, r.raw...)
	}
	return b.Append(dst, &r.event)
}

// write writes the row's line.
func (r *storedRow) write(w io.Writer, b *auditline.Rebuilder) error {
	if r.raw != nil {
		_, err := w.Write(r.raw)
		return err
	}
	return b.WriteLine(w, &r.event)
}

func newObjectReader(f *openedObject) (*objectReader, error) {
	unpack, err := newUnpacker()
	return &objectReader{file: f, defs: columnDefs(), unpack: unpack}, err
}

// next reads one row; io.EOF after the last.
func (o *objectReader) next(r *storedRow) (err error) {
	defer noPanic(&err)
	for o.left == 0 {
		if o.close(); o.group == len(o.file.groups) {
			return io.EOF
		}
		o.open(&o.file.groups[o.group])
		o.group++
	}
	o.left--
	r.event.Reset()
	r.raw = nil
	for c := auditline.Field(0); c < numColumns; c++ {
		if !o.read[c] {
			continue
		}
		if err := o.readColumn(c, r); err != nil {
			return fmt.Errorf("row group %d, column %s: %w", o.group-1, o.defs[c].name, err)
		}
	}
	return nil
}

// open opens the columns of a row group.
func (o *objectReader) open(g *storedGroup) {
	o.left = g.rows
	for c, chunk := range g.chunks {
		// A column without values need not be read, where null is all that can be missing.
		o.read[c] = o.needed(auditline.Field(c)) && (o.defs[c].shape != scalar || chunk.nulls < chunk.values)
		if o.read[c] {
			o.columns[c].open(o.file.src, o.defs[c], chunk, o.unpack)
		}
	}
}

// needed reports whether a column takes part in rebuilding lines.
func (o *objectReader) needed(c auditline.Field) bool {
	switch c {
	case colDecodeStatus, colNode, colEpoch, colSourceFile, colSeq:
		return false
	}
	return true
}

// close gives up the pages of the open row group.
func (o *objectReader) close() {
	for c := range o.columns {
		o.columns[c].close()
	}
}

func (o *objectReader) readColumn(c auditline.Field, r *storedRow) error {
	col := &o.columns[c]
	if col.rep > 0 {
		return errDamagedPage // the row before had no value that this one could follow
	}
	def, err := col.next()
	if err != nil {
		return err
	}
	switch o.defs[c].shape {
	case list:
		t := r.event.List(c)
		t.Given = def > 0
		t.Items, err = readItems(col, def, t.Items)
		return err
	case mapKey:
		m := r.event.Map(c)
		m.Given = def > 0
		m.Keys, err = readItems(col, def, m.Keys)
		return err
	case mapValue, mapValues:
		return readValues(col, def, r.event.Map(c), o.defs[c].shape == mapValues)
	}
	switch {
	case def < col.maxDef:
		return nil
	case col.isText():
		v, err := col.bytes()
		switch c {
		case colRaw:
			r.raw = v
		case colUnknownFields:
			r.event.Unknown = v
		default:
			r.event.SetText(c, v)
		}
		return err
	}
	n, err := col.number()
	switch c {
	case colSourceLine:
		r.line = n
	case colLinePart:
		r.part = n
	default:
		r.event.SetInt(c, n)
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
