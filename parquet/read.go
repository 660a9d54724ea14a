package parquet

import (
	"errors"
	"fmt"
	"io"
	"math"

	pq "github.com/parquet-go/parquet-go"
)

// columnReader reads the values of one column chunk row by row.
type columnReader struct {
	pages  pq.Pages
	page   pq.Page
	old    pq.Page // the page before, of a repeated column
	values pq.ValueReader
	buf    []pq.Value
	// repeated says that a row can have many values: it may point into a page
	// whose end is only seen when the next one is read.
	repeated bool
	have     []pq.Value // part of buf not yet taken
	ended    bool
}

const valueBatch = 256

func (c *columnReader) open(chunk pq.ColumnChunk, repeated bool) {
	c.repeated = repeated
	c.pages = chunk.Pages()
	c.ended = false
	c.have = nil
	if c.buf == nil {
		c.buf = make([]pq.Value, valueBatch)
	}
}

func (c *columnReader) close() error {
	pq.Release(c.page)
	pq.Release(c.old)
	c.page, c.old, c.values, c.have = nil, nil, nil, nil
	if c.pages == nil {
		return nil
	}
	err := c.pages.Close()
	c.pages = nil
	return err
}

// fill makes have non-empty, or sets ended.
func (c *columnReader) fill() error {
	for len(c.have) == 0 && !c.ended {
		if c.values != nil {
			n, err := c.values.ReadValues(c.buf)
			c.have = c.buf[:n]
			if err == nil {
				continue
			}
			if !errors.Is(err, io.EOF) {
				return err
			}
			c.values = nil
			continue
		}
		if !c.repeated {
			// The row that is being read has nothing of this column yet.
			pq.Release(c.page)
			c.page = nil
		}
		page, err := c.pages.ReadPage()
		if errors.Is(err, io.EOF) {
			c.ended = true
			return nil
		}
		if err != nil {
			return err
		}
		pq.Release(c.old)
		c.old, c.page = c.page, page
		c.values = page.Values()
	}
	return nil
}

// next returns the next value, or false where the chunk has ended.
func (c *columnReader) next() (pq.Value, bool, error) {
	if len(c.have) == 0 {
		if err := c.fill(); err != nil || c.ended {
			return pq.Value{}, false, err
		}
	}
	v := c.have[0]
	c.have = c.have[1:]
	return v, true, nil
}

// more reports whether the next value belongs to the same row as the last.
func (c *columnReader) more() (bool, error) {
	if len(c.have) == 0 {
		if err := c.fill(); err != nil || c.ended {
			return false, err
		}
	}
	return c.have[0].RepetitionLevel() > 0, nil
}

// objectReader reads the rows of an object in the order in which they are
// stored.
type objectReader struct {
	file    *pq.File
	defs    [numColumns]columnDef
	columns [numColumns]columnReader
	long    [numColumns]longReader
	unpack  *unpacker
	how     [numColumns]reading // of the columns of the open row group
	group   int                 // number of the next row group
	left    int64               // rows of the open row group
}

// reading says how a column of a row group is read.
type reading int

const (
	notRead reading = iota
	byValue         // columnReader
	byPage          // longReader
)

// storedRow is one row as it was read; its slices are valid until the next.
type storedRow struct {
	event event
	raw   []byte
	line  int64
	part  int64
}

// isLong says that the row's line is not to be held a second time.
func (r *storedRow) isLong() bool {
	if r.raw != nil {
		return len(r.raw) > directly
	}
	return r.event.size() > directly
}

// write writes the row's line.
func (r *storedRow) write(w io.Writer, b *rebuilder) error {
	if r.raw != nil {
		_, err := w.Write(r.raw)
		return err
	}
	return b.writeLine(w, &r.event)
}

func newObjectReader(f *pq.File) (*objectReader, error) {
	if err := checkSchema(f); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotOurs, err)
	}
	unpack, err := newUnpacker()
	return &objectReader{file: f, defs: columnDefs(), unpack: unpack}, err
}

// next reads one row; io.EOF after the last.
func (o *objectReader) next(r *storedRow) error {
	for o.left == 0 {
		groups := o.file.RowGroups()
		if o.group == len(groups) {
			return io.EOF
		}
		if err := o.close(); err != nil {
			return err
		}
		o.open(groups[o.group])
		o.group++
	}
	o.left--
	r.event.reset()
	r.raw = nil
	for c := column(0); c < numColumns; c++ {
		var err error
		switch o.how[c] {
		case byValue:
			err = o.readColumn(c, r)
		case byPage:
			r.event.texts(c)[c], err = o.long[c].next()
		}
		if err != nil {
			return fmt.Errorf("read column %s: %w", o.defs[c].name, err)
		}
	}
	r.raw = r.event.text[colRaw]
	return nil
}

// open opens the columns of a row group.
func (o *objectReader) open(g pq.RowGroup) {
	o.left = g.NumRows()
	meta := o.file.Metadata().RowGroups[o.group].Columns
	for c, chunk := range g.ColumnChunks() {
		m, d := &meta[c].MetaData, o.defs[c]
		switch {
		case !o.needed(column(c)), d.shape == scalar && m.Statistics.NullCount == m.NumValues:
			// A column without values need not be read, where null is all that
			// can be missing.
			o.how[c] = notRead
		case isLongColumn(d, m):
			o.how[c] = byPage
			o.long[c].open(o.file, o.file.Size(), m, o.unpack)
		default:
			o.how[c] = byValue
			o.columns[c].open(chunk, d.shape != scalar && d.shape != required)
		}
	}
}

// needed reports whether a column takes part in rebuilding lines.
func (o *objectReader) needed(c column) bool {
	switch c {
	case colDecodeStatus, colNode, colEpoch, colSourceFile, colSeq:
		return false
	}
	return true
}

// close gives up the pages of the open row group.
func (o *objectReader) close() error {
	var err error
	for c := range o.columns {
		err = errors.Join(err, o.columns[c].close())
		o.long[c].close()
	}
	return err
}

var errShort = errors.New("column has fewer rows than the others")

func (o *objectReader) readColumn(c column, r *storedRow) error {
	col := &o.columns[c]
	v, ok, err := col.next()
	if err != nil {
		return err
	}
	if !ok {
		return errShort
	}
	switch o.defs[c].shape {
	case list:
		return readList(col, v, r.event.actor.list(c))
	case mapKey:
		return readKeys(col, v, r.event.multimap(c))
	case mapValue, mapValues:
		return readValues(col, v, r.event.multimap(c), o.defs[c].shape == mapValues)
	}
	if v.IsNull() {
		return nil
	}
	switch o.defs[c].kind {
	case text:
		r.event.texts(c)[c] = bytesOf(v)
	case blob:
		r.event.text[c] = bytesOf(v)
	case num32:
		r.event.setInt(c, int64(v.Int32()))
	default:
		r.event.setInt(c, v.Int64())
	}
	r.line = r.event.ints[colSourceLine]
	r.part = r.event.ints[colLinePart]
	return nil
}

// bytesOf returns the bytes of a value that is not null; never nil.
func bytesOf(v pq.Value) []byte {
	if b := v.ByteArray(); b != nil {
		return b
	}
	return []byte{}
}

func readList(col *columnReader, v pq.Value, t *texts) error {
	t.given = v.DefinitionLevel() > 0
	if v.DefinitionLevel() < 2 {
		return nil
	}
	for {
		t.add(bytesOf(v))
		more, err := col.more()
		if err != nil || !more {
			return err
		}
		v, _, _ = col.next()
	}
}

func readKeys(col *columnReader, v pq.Value, m *multimap) error {
	m.given = v.DefinitionLevel() > 0
	if v.DefinitionLevel() < 2 {
		return nil
	}
	for {
		m.keys = append(m.keys, bytesOf(v))
		more, err := col.more()
		if err != nil || !more {
			return err
		}
		v, _, _ = col.next()
	}
}

// readValues reads the values of a map: one for each key, or a list of them.
func readValues(col *columnReader, v pq.Value, m *multimap, lists bool) error {
	if v.DefinitionLevel() < 2 {
		return nil
	}
	for {
		if v.DefinitionLevel() == 3 {
			m.values = append(m.values, bytesOf(v))
		}
		more, err := col.more()
		if err != nil {
			return err
		}
		if !more {
			m.ends = append(m.ends, len(m.values))
			break
		}
		v, _, _ = col.next()
		if v.RepetitionLevel() == 1 || !lists {
			m.ends = append(m.ends, len(m.values))
		}
	}
	if len(m.ends) != len(m.keys) || len(m.values) > math.MaxInt32 {
		return errors.New("map has different numbers of keys and values")
	}
	return nil
}
