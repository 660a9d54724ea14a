package rowread

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// columnReader reads one column chunk value by value. It holds a page unpacked, and of a large
// page only the value that is read: the library would hold a page packed, unpacked and once
// more, makes room for whatever number a damaged page claims, and takes 24 bytes for each value.
type columnReader struct {
	def            schema.Column
	maxRep, maxDef uint32
	unpack         *unpacker
	in             *bufio.Reader
	left           int64 // bytes of the chunk's pages that were not read
	dict           dictionary

	// The open page.
	values     int64 // not read, nulls included
	reps, defs runs
	rep        uint32 // of the next value
	page       pageValues
	buf        []byte // memory of it
}

// chunkBuffer is how much of a chunk is read at a time.
const chunkBuffer = 32 << 10

// open starts to read a chunk.
func (c *columnReader) open(src io.ReaderAt, d schema.Column, chunk storedChunk, unpack *unpacker) {
	rep, def := d.MaxLevels()
	c.def, c.maxRep, c.maxDef, c.unpack, c.left = d, uint32(rep), uint32(def), unpack, chunk.size
	section := io.NewSectionReader(src, chunk.from, chunk.size)
	if c.in == nil || c.in.Size() < chunkBuffer {
		c.in = bufio.NewReaderSize(section, int(max(min(chunk.size, chunkBuffer), maxPageHead)))
	} else {
		c.in.Reset(section)
	}
	c.values, c.rep, c.reps, c.defs = 0, 0, runs{}, runs{}
	c.dict = dictionary{ends: c.dict.ends[:0]}
	c.page = pageValues{long: c.page.long}
}

var errShort = errors.New("column has fewer rows than the others")

// next passes on to the next value and returns its definition level; where that is the highest,
// [columnReader.bytes] or [columnReader.number] are due. The error is errShort after the last.
func (c *columnReader) next() (def uint32, err error) {
	for c.values == 0 {
		if err := c.endPage(); err != nil {
			return 0, err
		}
		if err := c.openPage(); err != nil {
			return 0, err
		}
	}
	if c.values--; c.maxDef > 0 {
		var ok bool
		if def, ok = c.defs.next(); !ok || def > c.maxDef {
			return 0, errDamagedPage
		}
	}
	return def, c.nextRep()
}

// nextRep looks at the repetition level of the value to come.
func (c *columnReader) nextRep() error {
	c.rep = 0
	if c.values > 0 && c.maxRep > 0 {
		var ok bool
		if c.rep, ok = c.reps.next(); !ok || c.rep > c.maxRep {
			return errDamagedPage
		}
	}
	return nil
}

// skip passes rows.
func (c *columnReader) skip(rows int64) error {
	for rows > 0 {
		def, err := c.next()
		switch {
		case err != nil || def < c.maxDef: // there is no value
		case c.def.IsText():
			_, err = c.bytes()
		default:
			_, err = c.number()
		}
		if err != nil {
			return err
		}
		if c.rep == 0 {
			rows--
		}
	}
	return nil
}

// openPage opens the next page; one of a dictionary has no values.
func (c *columnReader) openPage() error {
	if c.left == 0 {
		return errShort
	}
	p, err := readPageHead(c.in, &c.def, c.left)
	if err != nil {
		return err
	}
	c.left -= p.head + p.packed
	if p.kind == format.DictionaryPage {
		return c.readDictionary(&p)
	}
	c.values = p.values
	if p.size > LargePage && c.maxRep == 0 {
		return c.openStream(&p)
	}
	if c.buf, err = c.unpack.unpack(c.in, &p, auditline.Emptied(c.buf, LargePage)); err != nil {
		return err
	}
	body := c.buf
	if p.kind == format.DataPageV2 {
		c.defs, body = runs{b: body[:p.levels], width: 1}, body[p.levels:]
	} else {
		c.reps, body, err = cutLevels(body, c.maxRep, err)
		c.defs, body, err = cutLevels(body, c.maxDef, err)
	}
	if err == nil {
		err = c.nextRep()
	}
	if err != nil || c.rep != 0 {
		return errDamagedPage
	}
	return c.page.open(p.encoding, body)
}

// openStream opens a large page: one long value, or many of a streamed column.
func (c *columnReader) openStream(p *pageHead) error {
	if !c.def.IsText() || p.encoding != format.Plain {
		return fmt.Errorf("%w: %d bytes", errDamagedPage, p.size)
	}
	s, levels, err := c.unpack.open(c.in, p)
	if err != nil {
		return err
	}
	c.page.stream = s
	if p.kind == format.DataPage {
		levels, err = s.value(nil)
	}
	c.defs = runs{b: levels, width: 1}
	return err
}

// cutLevels returns the levels that stand first, after their length, and the rest; no levels
// where the highest is 0.
func cutLevels(page []byte, highest uint32, err error) (levels runs, rest []byte, _ error) {
	if highest == 0 || err != nil {
		return runs{}, page, err
	}
	n, ok := textAt(page)
	if !ok {
		return runs{}, nil, errDamagedPage
	}
	return runs{b: page[4 : 4+n], width: uint(bits.Len32(highest))}, page[4+n:], nil
}

// readDictionary reads the page that comes first.
func (c *columnReader) readDictionary(p *pageHead) error {
	if c.dict.page != nil || p.encoding != format.Plain || c.def.Encoding != schema.Dictionary || p.size > LargePage && c.maxRep == 0 {
		return fmt.Errorf("%w: a dictionary", errDamagedPage)
	}
	page, err := c.unpack.unpack(c.in, p, nil)
	if err != nil {
		return err
	}
	return c.dict.open(page, p.values, c.width())
}

// width is how many bytes a value of the column has, or 0 if each has its length.
func (c *columnReader) width() int {
	switch {
	case c.def.IsText():
		return 0
	case c.def.Kind == schema.Int32:
		return 4
	}
	return 8
}

// bytes returns the value, which is not nil and valid until the next call but one of next.
func (c *columnReader) bytes() ([]byte, error) { return c.page.text(&c.dict) }

// number returns the value.
func (c *columnReader) number() (int64, error) { return c.page.number(&c.dict, c.width()) }

// endPage looks whether the open page was read to its end.
func (c *columnReader) endPage() error {
	defer c.page.close()
	if !c.reps.ended() || !c.defs.ended() {
		return errDamagedPage
	}
	return c.page.end()
}
