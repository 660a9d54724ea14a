package objectfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
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
	def      schema.Column
	maxRep   uint8
	maxDef   uint8
	codec    *Codec
	pageSize int // bytes of a page before compression
	// Values beyond longValue bytes are pages of their own, in spool.
	longValue int
	spool     *spool
	// constant is the value of the rows that a required column is not told of,
	// or nil.
	constant []byte

	// The open page.
	reps, defs []uint8
	rows       int     // rows begun
	numbers    []int32 // of values in the dictionary
	plain      []byte  // headroom, then values that are not in it, PLAIN encoded
	ints       []int64 // values of a column with delta encoding
	intBytes   [8]byte // scratch of int

	// The open chunk.
	dict     *rowsort.Dictionary // nil for a column without one
	dictMax  int                 // bytes; beyond them the pages that follow are plain
	full     bool                // the dictionary takes no more
	stream   *pageStream         // the values of the open page, of a streamed column; else nil
	pages    []byte              // finished pages with their headers
	spooled  []spooled           // bodies that belong between them
	failed   error               // why a value could not be added
	rowsDone int64               // rows in them
	index    format.ColumnIndex
	offsets  format.OffsetIndex
	meta     format.ColumnMetaData
	bounds   bounds
	page     bounds
	hashes   []uint64 // for the bloom filter, of values beside the dictionary
}

func newChunk(d schema.Column, codec *Codec, spool *spool, lim Limits) *chunk {
	rep, def := d.MaxLevels()
	c := &chunk{
		def: d, maxRep: uint8(rep), maxDef: uint8(def), codec: codec,
		pageSize: lim.Page, dictMax: lim.Dictionary, spool: spool,
		longValue: lim.Long,
	}
	c.pageSize *= max(d.Pages, 1)
	if d.Encoding == schema.Dictionary {
		c.dict = rowsort.NewDictionary(d.Kind == schema.Text)
	}
	c.bounds.kind, c.page.kind = d.Kind, d.Kind
	return c
}

// null adds a missing value; definition says how much of its path is there.
func (c *chunk) null(repetition, definition uint8) {
	c.level(repetition, definition)
}

func (c *chunk) level(repetition, definition uint8) {
	if repetition == 0 {
		c.rows++
	}
	if c.maxRep > 0 {
		c.reps = append(c.reps, repetition)
	}
	if c.maxDef > 0 {
		c.defs = append(c.defs, definition)
	}
}

// bytes adds a value.
func (c *chunk) bytes(v []byte, repetition uint8) {
	if c.isLong(v) {
		if err := c.addLong(v); err != nil {
			c.failed = err
		}
		return
	}
	c.level(repetition, c.maxDef)
	c.value(v)
}

func (c *chunk) value(v []byte) {
	if c.dict != nil && !c.full {
		c.numbers = append(c.numbers, c.dict.Number(v))
		return
	}
	c.plainValue(v)
}

// headroom is kept free before plain values, for the levels that a page starts
// with: so that large pages need not be copied.
const headroom = 8 << 10

// growFrom is the size from which the buffer of a page is made in one step.
const growFrom = 256 << 10

// plainLen returns the bytes of plain values in the open page.
func (c *chunk) plainLen() int { return max(len(c.plain)-headroom, 0) }

func (c *chunk) plainValue(v []byte) {
	if c.def.Streamed {
		c.streamValue(v)
		return
	}
	if len(c.plain) == 0 {
		c.plain = append(c.plain, make([]byte, headroom)...)
	}
	// A page that has begun to grow will most likely be full: growing step by
	// step would leave several times its size behind.
	if n := len(c.plain); n > growFrom && n+len(v)+4 > cap(c.plain) && n < c.pageSize {
		c.plain = slices.Grow(c.plain, c.pageSize-n+len(v)+growFrom)
	}
	if c.def.Kind == schema.Text || c.def.Kind == schema.Blob {
		c.plain = binary.LittleEndian.AppendUint32(c.plain, uint32(len(v)))
	}
	c.plain = append(c.plain, v...)
	if c.def.Bloom {
		// Rows are sorted: values that repeat are mostly neighbours.
		if h := bloomHash(v); len(c.hashes) == 0 || h != c.hashes[len(c.hashes)-1] {
			c.hashes = append(c.hashes, h)
		}
	}
}

// catchUp adds the rows that the chunk was not told of, until it has as many
// as the row group: nulls, or the constant of the column. A row that has
// nothing in a column need not touch its chunk.
func (c *chunk) catchUp(rows int64) {
	n := int(rows-c.rowsDone) - c.rows
	if n <= 0 {
		return
	}
	c.rows += n
	if c.maxDef > 0 {
		c.defs = appendZeros(c.defs, n)
	}
	if c.maxRep > 0 {
		c.reps = appendZeros(c.reps, n)
	}
	if c.constant == nil {
		return
	}
	for range n {
		c.value(c.constant)
	}
}

func appendZeros(b []uint8, n int) []uint8 {
	from := len(b)
	b = slices.Grow(b, n)[:from+n]
	clear(b[from:])
	return b
}

// int adds a number or a timestamp.
func (c *chunk) int(v int64) {
	c.level(0, c.maxDef)
	if c.def.Encoding == schema.Delta {
		c.ints = append(c.ints, v)
		return
	}
	// In the chunk, because an array here would be allocated for every value.
	b := c.intBytes[:]
	binary.LittleEndian.PutUint64(b, uint64(v))
	if c.def.Kind == schema.Int32 {
		b = b[:4]
	}
	c.value(b)
}

// maxPageRows ends a page whose values take next to nothing: its levels and
// numbers are held in memory.
const maxPageRows = 32 << 10

// pending returns the bytes of the open page, roughly.
func (c *chunk) pending() int {
	if c.dict != nil && !c.full && len(c.dict.Bytes()) > c.dictMax {
		return c.pageSize
	}
	if c.rows >= maxPageRows {
		return c.pageSize
	}
	n := c.plainLen() + 2*len(c.numbers) + 8*len(c.ints) + len(c.defs)/8
	if c.stream != nil {
		n += c.stream.size
	}
	return n
}

// memory returns the bytes that the chunk holds.
func (c *chunk) memory() int {
	n := len(c.pages) + c.plainLen() + 4*len(c.numbers)
	if c.dict != nil {
		n += len(c.dict.Bytes()) + 24*c.dict.Len()
	}
	if c.stream != nil {
		n += len(c.stream.packed)
	}
	return n
}

// flush ends the open page.
func (c *chunk) flush() error {
	if c.rows == 0 {
		return nil
	}
	if c.stream != nil {
		return c.flushStream()
	}
	if c.unprofitable() {
		c.dropDictionary()
	}
	body, encoding, err := c.pageBody()
	if err != nil {
		return fmt.Errorf("encode page of %s: %w", c.def.Name, err)
	}
	levels := c.levels()
	header := dataPageHeader(levels, encoding)
	nulls := int64(levels - c.valuesInPage())
	before := c.pagesSize()
	if c.pages, err = c.appendPage(c.pages, &header, body); err != nil {
		return err
	}
	c.record(before, format.DataPage, levels, nulls, encoding)
	c.reps, c.defs, c.rows = c.reps[:0], c.defs[:0], 0
	c.numbers, c.ints = c.numbers[:0], c.ints[:0]
	c.plain = auditline.Emptied(c.plain, 4*c.pageSize)
	c.codec.packed = auditline.Emptied(c.codec.packed, 4*c.pageSize)
	if c.dict != nil && len(c.dict.Bytes()) > c.dictMax {
		c.full = true
	}
	return nil
}

// unprofitable reports whether the first page of the chunk shows that the
// dictionary saves nothing: too many of its values differ.
func (c *chunk) unprofitable() bool {
	return c.rowsDone == 0 && len(c.numbers) >= minJudged && c.dict.Len() > len(c.numbers)/maxDistinct
}

const (
	// minJudged is how many values a page must have to judge its dictionary.
	minJudged = 1000
	// maxDistinct is the part of the values that may differ: one in so many.
	maxDistinct = 2
)

// dropDictionary makes a plain page of the open page, and of all that follow.
func (c *chunk) dropDictionary() {
	for _, n := range c.numbers {
		c.plainValue(c.dict.Value(n))
	}
	c.numbers = c.numbers[:0]
	c.dict.Reset()
	c.full = true
}

// levels returns the number of values of the page, nulls included.
func (c *chunk) levels() int {
	if c.maxDef > 0 {
		return len(c.defs)
	}
	return c.rows
}

// valuesInPage returns the number of values of the page that are not null.
func (c *chunk) valuesInPage() int {
	if c.maxDef == 0 {
		return c.rows
	}
	return bytes.Count(c.defs, []byte{c.maxDef})
}

func (c *chunk) appendLevels(dst []byte, levels []uint8, highest uint8) []byte {
	if highest == 0 {
		return dst
	}
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	e := rle.Encoding{BitWidth: bits.Len8(highest)}
	c.codec.scratch, _ = e.EncodeLevels(c.codec.scratch[:0], levels) // fails for a wrong bit width only
	dst = append(dst, c.codec.scratch...)
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(c.codec.scratch)))
	return dst
}

// pageBody returns the open page before compression, valid until the next use
// of the codec's buffers, and notes its bounds.
func (c *chunk) pageBody() (body []byte, encoding format.Encoding, err error) {
	c.page.reset()
	levels := c.appendLevels(c.codec.packed[:0], c.reps, c.maxRep)
	levels = c.appendLevels(levels, c.defs, c.maxDef)
	c.codec.packed = levels
	scratch := &c.codec.scratch
	switch {
	case len(c.ints) > 0:
		e := delta.BinaryPackedEncoding{}
		c.boundInts()
		*scratch, err = e.EncodeInt64((*scratch)[:0], c.ints)
		encoding = format.DeltaBinaryPacked
	case len(c.numbers) > 0:
		c.boundNumbers()
		e := rle.DictionaryEncoding{}
		*scratch, err = e.EncodeInt32((*scratch)[:0], c.numbers)
		encoding = format.RLEDictionary
	case c.def.Encoding == schema.DeltaLength && c.plainLen() > 0:
		c.boundPlain()
		*scratch, err = c.lengths((*scratch)[:0])
		encoding = format.DeltaLengthByteArray
	case c.plainLen() > 0 && len(levels) <= headroom:
		c.boundPlain()
		from := headroom - len(levels)
		copy(c.plain[from:], levels)
		return c.plain[from:], format.Plain, nil
	default: // no values, or very many levels
		c.boundPlain()
		*scratch = append((*scratch)[:0], c.plain[min(headroom, len(c.plain)):]...)
		encoding = format.Plain
	}
	c.codec.packed = append(levels, *scratch...)
	return c.codec.packed, encoding, err
}

// lengths appends the values of the open page, DELTA_LENGTH_BYTE_ARRAY encoded,
// to dst. The page's plain values are overwritten.
func (c *chunk) lengths(dst []byte) ([]byte, error) {
	ends := append(c.codec.ends[:0], 0)
	values := c.plain[headroom:]
	to := 0
	for from := 0; from < len(values); {
		n := int(binary.LittleEndian.Uint32(values[from:]))
		to += copy(values[to:], values[from+4:from+4+n])
		from += 4 + n
		ends = append(ends, uint32(to))
	}
	c.codec.ends = ends
	e := delta.LengthByteArrayEncoding{}
	return e.EncodeByteArray(dst, values[:to], ends)
}
