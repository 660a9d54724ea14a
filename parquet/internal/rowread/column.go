package rowread

import (
	"bufio"
	"encoding/binary"
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

	dictionary []byte   // its page, PLAIN encoded
	ends       []uint32 // of its values in it; of byte arrays only

	// The open page.
	encoding   format.Encoding
	values     int64 // not read, nulls included
	reps, defs runs
	rep        uint32     // of the next value
	plain      []byte     // what was not read of a page that is unpacked
	numbers    runs       // in the dictionary
	deltas     deltas     // numbers, or lengths
	stream     *pageInput // of a large page, else nil

	buf   []byte // memory of the open page
	value []byte // the last value of a large page
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
	c.values, c.rep, c.reps, c.defs, c.numbers, c.deltas = 0, 0, runs{}, runs{}, runs{}, deltas{}
	c.dictionary, c.ends = nil, c.ends[:0]
}

// close gives up the open page.
func (c *columnReader) close() {
	if c.stream != nil {
		c.stream.close()
		c.stream = nil
	}
	c.plain = nil
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
	c.encoding, c.values, c.numbers = p.encoding, p.values, runs{}
	var levels []byte // of DATA_PAGE_V2
	switch {
	case p.size > LargePage && c.maxRep == 0:
		// One long value, or many of a streamed column.
		if !c.isText() || p.encoding != format.Plain {
			return fmt.Errorf("%w: %d bytes", errDamagedPage, p.size)
		}
		if c.stream, levels, err = c.unpack.open(c.in, &p); err == nil && p.kind == format.DataPage {
			levels, err = c.stream.value(nil)
		}
		c.defs = runs{b: levels, width: 1}
		return err
	case p.size > LargePage:
		c.buf, err = c.unpack.all(c.in, &p)
	default:
		c.buf, err = c.unpack.unpack(c.in, &p, auditline.Emptied(c.buf, LargePage))
	}
	if err != nil {
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
	return c.openValues(body)
}

func (c *columnReader) isText() bool { return c.def.Kind == schema.Text || c.def.Kind == schema.Blob }

// cutLevels returns the levels that stand first, after their length, and the rest; no levels
// where the highest is 0.
func cutLevels(page []byte, highest uint32, err error) (levels runs, rest []byte, _ error) {
	if highest == 0 || err != nil {
		return runs{}, page, err
	}
	if len(page) < 4 || uint64(binary.LittleEndian.Uint32(page)) > uint64(len(page)-4) {
		return runs{}, nil, errDamagedPage
	}
	n := 4 + int(binary.LittleEndian.Uint32(page))
	return runs{b: page[4:n], width: uint(bits.Len32(highest))}, page[n:], nil
}

// openValues looks at the values of a page that is unpacked.
func (c *columnReader) openValues(body []byte) error {
	c.plain, c.numbers, c.deltas = nil, runs{}, deltas{}
	switch {
	case c.encoding == format.Plain:
		c.plain = body
	case len(body) == 0: // all null
	case c.encoding == format.RLEDictionary && body[0] <= 32:
		c.numbers = runs{b: body[1:], width: uint(body[0])}
	case c.encoding == format.DeltaBinaryPacked:
		c.deltas = newDeltas(body)
	case c.encoding == format.DeltaLengthByteArray:
		c.deltas = newDeltas(body)
		size := int64(0)
		lengths := c.deltas
		for n, ok := lengths.next(); ok; n, ok = lengths.next() {
			if size += n; n < 0 || size > int64(len(body)) {
				return errDamagedPage
			}
		}
		var ok bool
		if c.plain, ok = lengths.rest(); !ok || size != int64(len(c.plain)) {
			return errDamagedPage
		}
	default:
		return errDamagedPage
	}
	return nil
}

// readDictionary reads the page that comes first.
func (c *columnReader) readDictionary(p *pageHead) (err error) {
	if c.dictionary != nil || p.encoding != format.Plain || c.def.Encoding != schema.Dictionary || p.size > LargePage && c.maxRep == 0 {
		return fmt.Errorf("%w: a dictionary", errDamagedPage)
	}
	if p.size > LargePage {
		c.dictionary, err = c.unpack.all(c.in, p)
	} else {
		c.dictionary, err = c.unpack.unpack(c.in, p, nil)
	}
	if err != nil {
		return err
	}
	if !c.isText() {
		if int64(len(c.dictionary)) != p.values*int64(c.width()) {
			return errDamagedPage
		}
		return nil
	}
	for from := 0; from < len(c.dictionary); {
		rest := c.dictionary[from:]
		if len(rest) < 4 || uint64(binary.LittleEndian.Uint32(rest)) > uint64(len(rest)-4) {
			return errDamagedPage
		}
		from += 4 + int(binary.LittleEndian.Uint32(rest))
		c.ends = append(c.ends, uint32(from))
	}
	if int64(len(c.ends)) != p.values {
		return errDamagedPage
	}
	return nil
}

// width is how many bytes a number of the column has.
func (c *columnReader) width() int {
	if c.def.Kind == schema.Int32 {
		return 4
	}
	return 8
}

// bytes returns the value, which is not nil and valid until the next call but one of next.
func (c *columnReader) bytes() (v []byte, err error) {
	var ok bool
	switch {
	case c.stream != nil:
		c.value, err = c.stream.value(auditline.Emptied(c.value, LargePage))
		return c.value, err
	case c.encoding == format.RLEDictionary:
		n, found := c.numbers.next()
		if ok = found && uint64(n) < uint64(len(c.ends)); ok {
			from := uint32(4)
			if n > 0 {
				from += c.ends[n-1]
			}
			v = c.dictionary[from:c.ends[n]:c.ends[n]]
		}
	case c.encoding == format.DeltaLengthByteArray:
		n, found := c.deltas.next()
		if ok = found; ok {
			v, c.plain = c.plain[:n:n], c.plain[n:]
		}
	default:
		p := compactReader{b: c.plain}
		n := uint64(0)
		if size := p.take(4); !p.bad {
			n = uint64(binary.LittleEndian.Uint32(size))
		}
		v = p.take(n)
		c.plain, ok = p.b, !p.bad
	}
	if !ok {
		return nil, errDamagedPage
	}
	return v, nil
}

// number returns the value.
func (c *columnReader) number() (int64, error) {
	var b []byte
	switch c.encoding {
	case format.DeltaBinaryPacked:
		n, ok := c.deltas.next()
		if !ok {
			return 0, errDamagedPage
		}
		return n, nil
	case format.RLEDictionary:
		n, ok := c.numbers.next()
		if from := int64(n) * int64(c.width()); ok && from < int64(len(c.dictionary)) {
			b = c.dictionary[from:]
		}
	default:
		if len(c.plain) >= c.width() {
			b, c.plain = c.plain, c.plain[c.width():]
		}
	}
	switch {
	case b == nil:
		return 0, errDamagedPage
	case c.width() == 4:
		return int64(int32(binary.LittleEndian.Uint32(b))), nil
	}
	return int64(binary.LittleEndian.Uint64(b)), nil
}

// endPage looks whether the open page was read to its end.
func (c *columnReader) endPage() error {
	defer c.close()
	if !c.reps.ended() || !c.defs.ended() || !c.numbers.ended() || len(c.plain) > 0 || c.deltas.left > 0 {
		return errDamagedPage
	}
	if c.stream != nil {
		return c.stream.end()
	}
	return nil
}
