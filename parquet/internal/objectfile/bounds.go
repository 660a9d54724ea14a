package objectfile

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/auditsidecar/auditsidecar/parquet/internal/rowsort"
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

// addInts adds 64-bit numbers.
func (b *bounds) addInts(values []int64) {
	b.add(binary.LittleEndian.AppendUint64(nil, uint64(slices.Min(values))))
	b.add(binary.LittleEndian.AppendUint64(nil, uint64(slices.Max(values))))
}

// addNumbers adds values of a dictionary.
func (b *bounds) addNumbers(dict *rowsort.Dictionary, numbers []int32) {
	last := int32(-1)
	for _, n := range numbers {
		if n != last {
			b.add(dict.Value(n))
		}
		last = n
	}
}

// addPlain adds values that are PLAIN encoded.
func (b *bounds) addPlain(values []byte) {
	for len(values) > 0 {
		n, width := 0, 8
		switch b.kind {
		case schema.Text:
			n, width = 4, int(binary.LittleEndian.Uint32(values))
		case schema.Int32:
			width = 4
		}
		b.add(values[n : n+width])
		values = values[n+width:]
	}
}
