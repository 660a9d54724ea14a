package objectfile

import (
	"bytes"
	"cmp"
	"encoding/binary"

	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// maxBound is the longest value that is written as a minimum or maximum.
// Bounds are never cut: not every reader knows that they may be.
const maxBound = 256

// bounds are the least and greatest value of a page or a chunk, in the bytes
// that the format gives them.
type bounds struct {
	kind     schema.Kind
	set      bool
	tooLong  bool
	min, max []byte // copies
}

func (b *bounds) reset() {
	b.set, b.tooLong = false, false
	b.min, b.max = b.min[:0], b.max[:0]
}

func (b *bounds) add(v []byte) {
	switch {
	case len(v) > maxBound:
		b.tooLong = true
	case !b.set:
		b.set = true
		b.min, b.max = append(b.min[:0], v...), append(b.max[:0], v...)
	case b.compare(v, b.min) < 0:
		b.min = append(b.min[:0], v...)
	case b.compare(v, b.max) > 0:
		b.max = append(b.max[:0], v...)
	}
}

// merge adds the bounds of a part.
func (b *bounds) merge(part *bounds) {
	if part.set {
		b.add(part.min)
		b.add(part.max)
	}
	b.tooLong = b.tooLong || part.tooLong
}

// known reports whether there are bounds to write.
func (b *bounds) known() bool { return b.set && !b.tooLong }

func (b *bounds) compare(x, y []byte) int {
	switch b.kind {
	case schema.Int32:
		return cmp.Compare(int32(binary.LittleEndian.Uint32(x)), int32(binary.LittleEndian.Uint32(y)))
	case schema.Int64, schema.Micros:
		return cmp.Compare(int64(binary.LittleEndian.Uint64(x)), int64(binary.LittleEndian.Uint64(y)))
	default:
		return bytes.Compare(x, y)
	}
}

// boundInts, boundNumbers and boundPlain note the bounds of the open page by how
// its values are held.
func (c *chunk) boundInts() {
	least, most := c.ints[0], c.ints[0]
	for _, v := range c.ints {
		least, most = min(least, v), max(most, v)
	}
	var b [8]byte
	for _, v := range [...]int64{least, most} {
		binary.LittleEndian.PutUint64(b[:], uint64(v))
		c.page.add(b[:])
	}
}

func (c *chunk) boundNumbers() {
	if !c.def.Bounded {
		return
	}
	last := int32(-1)
	for _, n := range c.numbers {
		if n != last {
			c.page.add(c.dict.Value(n))
		}
		last = n
	}
}

func (c *chunk) boundPlain() {
	if !c.def.Bounded {
		return
	}
	for b := c.plain[min(headroom, len(c.plain)):]; len(b) > 0; {
		n, width := 0, 8
		switch c.def.Kind {
		case schema.Text:
			n, width = 4, int(binary.LittleEndian.Uint32(b))
		case schema.Int32:
			width = 4
		}
		c.page.add(b[n : n+width])
		b = b[n+width:]
	}
}
