package parquet

import (
	"bytes"
	"cmp"
	"encoding/binary"
)

// maxBound is the longest value that is written as a minimum or maximum.
// Bounds are never cut: not every reader knows that they may be.
const maxBound = 256

// bounds are the least and greatest value of a page or a chunk, in the bytes
// that the format gives them.
type bounds struct {
	kind     kind
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
	case num32:
		return cmp.Compare(int32(binary.LittleEndian.Uint32(x)), int32(binary.LittleEndian.Uint32(y)))
	case num64, micros:
		return cmp.Compare(int64(binary.LittleEndian.Uint64(x)), int64(binary.LittleEndian.Uint64(y)))
	default:
		return bytes.Compare(x, y)
	}
}
