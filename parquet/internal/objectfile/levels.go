package objectfile

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/parquet-go/parquet-go/encoding/rle"
)

// levels are the repetition and definition levels of the open page of a chunk.
// A column whose highest level is 0 stores none.
type levels struct {
	maxRep, maxDef uint8
	reps, defs     []uint8
	rows           int // begun in the page
}

// add adds a value, or a null of which definition says how much of its path is there.
func (l *levels) add(repetition, definition uint8) {
	if repetition == 0 {
		l.rows++
	}
	if l.maxRep > 0 {
		l.reps = append(l.reps, repetition)
	}
	if l.maxDef > 0 {
		l.defs = append(l.defs, definition)
	}
}

// addRows adds rows that have nothing in the column.
func (l *levels) addRows(n int) {
	l.rows += n
	if l.maxDef > 0 {
		l.defs = appendZeros(l.defs, n)
	}
	if l.maxRep > 0 {
		l.reps = appendZeros(l.reps, n)
	}
}

func appendZeros(b []uint8, n int) []uint8 {
	from := len(b)
	b = slices.Grow(b, n)[:from+n]
	clear(b[from:])
	return b
}

// count returns the number of values, nulls included.
func (l *levels) count() int {
	if l.maxDef > 0 {
		return len(l.defs)
	}
	return l.rows
}

// nulls returns the number of values that are null.
func (l *levels) nulls() int { return len(l.defs) - bytes.Count(l.defs, []byte{l.maxDef}) }

// append appends the levels as they stand before the values of a DATA_PAGE: each
// kind after its length.
func (l *levels) append(dst []byte) []byte {
	for _, kind := range [...]struct {
		levels  []uint8
		highest uint8
	}{{l.reps, l.maxRep}, {l.defs, l.maxDef}} {
		if kind.highest > 0 {
			at := len(dst)
			dst = appendRuns(append(dst, 0, 0, 0, 0), kind.levels, kind.highest)
			binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
		}
	}
	return dst
}

// appendRuns appends levels, RLE encoded.
func appendRuns(dst []byte, levels []uint8, highest uint8) []byte {
	e := rle.Encoding{BitWidth: bits.Len8(highest)}
	runs, _ := e.EncodeLevels(dst[len(dst):], levels) // fails for a wrong bit width only
	return append(dst, runs...)
}

// reset begins a page.
func (l *levels) reset() { l.reps, l.defs, l.rows = l.reps[:0], l.defs[:0], 0 }
