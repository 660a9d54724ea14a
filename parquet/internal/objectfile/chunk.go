package objectfile

import (
	"encoding/binary"
	"fmt"

	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/parquet/internal/rowsort"
	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// chunk collects the values of one column in one row group, page by page.
//
// The library's own column writer takes a Value of 24 bytes for every cell,
// keeps three slices for each column and looks a value up in a Go map; it
// spent half of the CPU time of a conversion, could not mix dictionary pages,
// plain pages and bloom filters, and read pages back to build a filter. This
// one knows that rows are sorted.
type chunk struct {
	def    schema.Column
	limits Limits // Page is that of the column
	codec  *Codec
	spool  *spool
	// constant is the value of the rows that nothing is added of to a required
	// column, or nil.
	constant []byte

	levels levels     // of the open page
	values values     // of the open page, as are its bounds
	bounds bounds     // of the open page
	dict   dictionary // of the chunk, as are the rest
	filter filter
	done   pages
	failed error // why a value could not be added
}

// values are those of the open page that are not null, each in one of these.
type values struct {
	numbers []int32     // in the dictionary
	plain   []byte      // PLAIN encoded
	ints    []int64     // of a column with delta encoding
	stream  *pageStream // of a streamed column
	scratch [8]byte     // of an int: an array in a function would be allocated for every value
}

// dictionary numbers the values of the first pages; those of the others are
// plain.
type dictionary struct {
	*rowsort.Dictionary      // nil for a column without one
	full                bool // it takes no more
}

// tooLarge reports whether the dictionary has more than limit bytes.
func (d *dictionary) tooLarge(limit int) bool {
	return d.Dictionary != nil && !d.full && len(d.Bytes()) > limit
}

const (
	// minJudged is how many values a page must have to judge its dictionary.
	minJudged = 1000
	// maxDistinct is the part of the values that may differ: one in maxDistinct.
	maxDistinct = 2
)

// unprofitable reports whether the numbers of the first page show that the
// dictionary saves nothing: too many of its values differ.
func (d *dictionary) unprofitable(numbers []int32) bool {
	return len(numbers) >= minJudged && d.Len() > len(numbers)/maxDistinct
}

func newChunk(d schema.Column, codec *Codec, spool *spool, lim Limits) *chunk {
	rep, def := d.MaxLevels()
	lim.Page *= max(d.Pages, 1)
	c := &chunk{def: d, codec: codec, spool: spool, limits: lim, levels: levels{maxRep: uint8(rep), maxDef: uint8(def)}}
	if d.Encoding == schema.Dictionary {
		c.dict.Dictionary = rowsort.NewDictionary(d.Kind == schema.Text)
	}
	c.bounds.kind, c.done.bounds.kind = d.Kind, d.Kind
	return c
}

// begin starts a chunk of a column that has a path in the schema.
func (c *chunk) begin(path []string) {
	c.done.reset(format.ColumnMetaData{Type: c.def.Physical(), PathInSchema: thrift.Slice[string](path), Codec: format.Zstd})
	c.filter = c.filter[:0]
	if c.dict.Dictionary != nil {
		c.dict.Reset()
		c.dict.full = false
	}
}

// null adds a missing value; definition says how much of its path is there.
func (c *chunk) null(repetition, definition uint8) { c.levels.add(repetition, definition) }

// bytes adds a value.
func (c *chunk) bytes(v []byte, repetition uint8) {
	var err error
	switch {
	case c.isLong(v):
		err = c.addLong(v)
	case c.def.Streamed:
		c.levels.add(repetition, c.levels.maxDef)
		err = c.streamValue(v)
	default:
		c.levels.add(repetition, c.levels.maxDef)
		c.value(v)
	}
	if err != nil {
		c.failed = err
	}
}

// int adds a number or a timestamp.
func (c *chunk) int(v int64) {
	c.levels.add(0, c.levels.maxDef)
	if c.def.Encoding == schema.Delta {
		c.values.ints = append(c.values.ints, v)
		return
	}
	b := c.values.scratch[:]
	binary.LittleEndian.PutUint64(b, uint64(v))
	if c.def.Kind == schema.Int32 {
		b = b[:4]
	}
	c.value(b)
}

func (c *chunk) value(v []byte) {
	if c.dict.Dictionary != nil && !c.dict.full {
		c.values.numbers = append(c.values.numbers, c.dict.Number(v))
		return
	}
	c.plainValue(v)
}

func (c *chunk) plainValue(v []byte) {
	if c.def.IsText() {
		c.values.plain = binary.LittleEndian.AppendUint32(c.values.plain, uint32(len(v)))
	}
	c.values.plain = append(c.values.plain, v...)
	if c.def.Bloom {
		c.filter.add(v)
	}
}

// catchUp adds the rows that nothing was added of, until the chunk has as many
// as the row group: nulls, or the constant of the column. A row that has
// nothing in a column need not touch its chunk.
func (c *chunk) catchUp(rows int64) {
	n := int(rows-c.done.rows) - c.levels.rows
	if n <= 0 {
		return
	}
	c.levels.addRows(n)
	if c.constant != nil {
		for range n {
			c.value(c.constant)
		}
	}
}

// maxPageRows ends a page whose values take next to nothing: its levels and
// numbers are held in memory.
const maxPageRows = 32 << 10

// pageIsFull reports whether the open page has as much as a page should. A page of integers ends
// eight times sooner: a search reads whole pages of them for a few rows.
func (c *chunk) pageIsFull() bool {
	n := len(c.values.plain) + 2*len(c.values.numbers) + 64*len(c.values.ints) + len(c.levels.defs)/8
	if c.values.stream != nil {
		n += c.values.stream.size
	}
	return n >= c.limits.Page || c.levels.rows >= maxPageRows || c.dict.tooLarge(c.limits.Dictionary)
}

// memory returns the bytes that the chunk holds.
func (c *chunk) memory() int {
	n := len(c.done.data) + len(c.values.plain) + 4*len(c.values.numbers)
	if c.dict.Dictionary != nil {
		n += len(c.dict.Bytes()) + 24*c.dict.Len()
	}
	if c.values.stream != nil {
		n += len(c.values.stream.packed)
	}
	return n
}

// flush ends the open page.
func (c *chunk) flush() error {
	switch {
	case c.levels.rows == 0:
		return nil
	case c.values.stream != nil:
		return c.flushStream()
	case c.done.rows == 0 && c.dict.unprofitable(c.values.numbers):
		c.dropDictionary()
	}
	body, encoding, err := c.pageBody()
	if err != nil {
		return fmt.Errorf("encode page of %s: %w", c.def.Name, err)
	}
	f := pageFacts{at: c.done.size(), encoding: encoding, values: c.levels.count(), nulls: c.levels.nulls(), rows: c.levels.rows}
	header := dataPageHeader(f.values, encoding)
	if c.done.data, err = c.done.appendPage(c.done.data, c.codec, &header, body); err != nil {
		return err
	}
	c.done.record(f, &c.bounds)
	c.levels.reset()
	c.values.numbers, c.values.ints = c.values.numbers[:0], c.values.ints[:0]
	c.values.plain = keep(c.values.plain, c.limits.Page)
	c.codec.packed, c.codec.scratch = keep(c.codec.packed, c.limits.Page), keep(c.codec.scratch, c.limits.Page)
	c.dict.full = c.dict.full || c.dict.tooLarge(c.limits.Dictionary)
	return nil
}

// dropDictionary makes a plain page of the open page, and of all that follow.
func (c *chunk) dropDictionary() {
	for _, n := range c.values.numbers {
		c.plainValue(c.dict.Value(n))
	}
	c.values.numbers = c.values.numbers[:0]
	c.dict.Reset()
	c.dict.full = true
}

// pageBody returns the open page before compression, valid until the next use
// of the codec's buffers, and notes its bounds.
func (c *chunk) pageBody() (body []byte, encoding format.Encoding, err error) {
	c.bounds.reset()
	v := &c.values
	encoded := v.plain
	switch {
	case len(v.ints) > 0:
		c.bounds.addInts(v.ints)
		e := delta.BinaryPackedEncoding{}
		encoded, err = e.EncodeInt64(c.codec.scratch[:0], v.ints)
		encoding, c.codec.scratch = format.DeltaBinaryPacked, encoded
	case len(v.numbers) > 0:
		if c.def.Bounded {
			c.bounds.addNumbers(c.dict.Dictionary, v.numbers)
		}
		e := rle.DictionaryEncoding{}
		encoded, err = e.EncodeInt32(c.codec.scratch[:0], v.numbers)
		encoding, c.codec.scratch = format.RLEDictionary, encoded
	case c.def.Bounded:
		c.bounds.addPlain(v.plain)
	}
	c.codec.packed = append(c.levels.append(c.codec.packed[:0]), encoded...)
	return c.codec.packed, encoding, err
}

// writeTo ends the chunk and writes its dictionary and its pages.
func (c *chunk) writeTo(w *Writer) error {
	c.catchUp(w.group.rows)
	if err := c.flush(); err != nil {
		return err
	}
	if c.dict.Dictionary != nil && c.dict.Len() > 0 {
		header := format.PageHeader{Type: format.DictionaryPage}
		header.DictionaryPageHeader.Valid = true
		header.DictionaryPageHeader.V = format.DictionaryPageHeader{NumValues: int32(c.dict.Len()), Encoding: format.Plain}
		page, err := c.done.appendPage(c.codec.packed[:0], c.codec, &header, c.dict.Bytes())
		if err != nil {
			return err
		}
		c.done.countEncoding(format.DictionaryPage, format.Plain)
		c.done.meta.DictionaryPageOffset = w.size
		if err := w.write(page); err != nil {
			return err
		}
		c.codec.packed = keep(page, c.limits.Page)
	}
	c.done.finish(w.size)
	at := 0
	for _, s := range c.done.spooled {
		if err := w.write(c.done.data[at:s.after]); err != nil {
			return err
		}
		at = s.after
		if err := c.spool.copy(w.buf, s); err != nil {
			return err
		}
		w.size += s.size
	}
	return w.write(c.done.data[at:])
}

// writeFilter writes the bloom filter of a chunk that has values.
func (c *chunk) writeFilter(w *Writer) error {
	if !c.def.Bloom {
		return nil
	}
	if c.dict.Dictionary != nil {
		c.filter.addAll(c.dict.Dictionary)
	}
	if len(c.filter) == 0 {
		return nil
	}
	b, err := c.filter.encode()
	if err != nil {
		return fmt.Errorf("%s: %w", c.def.Name, err)
	}
	c.done.meta.BloomFilterOffset, c.done.meta.BloomFilterLength = w.size, int32(len(b))
	return w.write(b)
}
