package rowsort

import (
	"bytes"
	"encoding/binary"
)

// Dictionary numbers the distinct values of one column chunk by their first
// appearance. It keeps them as they go into the dictionary page.
type Dictionary struct {
	prefixed bool     // values are byte arrays, each after its length
	page     []byte   // the values, PLAIN encoded
	starts   []uint32 // of each value in page
	numbers  map[string]int32
	last     int32 // number of the value that was looked up last
}

// NewDictionary returns an empty dictionary. If prefixed, values are stored after
// their lengths.
func NewDictionary(prefixed bool) *Dictionary {
	return &Dictionary{prefixed: prefixed, numbers: make(map[string]int32)}
}

// Reset forgets all values.
func (d *Dictionary) Reset() {
	clear(d.numbers)
	d.page, d.starts = d.page[:0], d.starts[:0]
}

// Len returns how many distinct values there are.
func (d *Dictionary) Len() int { return len(d.starts) }

// Bytes returns all values, PLAIN encoded.
func (d *Dictionary) Bytes() []byte { return d.page }

// Value returns a value by its number.
func (d *Dictionary) Value(n int32) []byte {
	from, to := int(d.starts[n]), len(d.page)
	if int(n)+1 < len(d.starts) {
		to = int(d.starts[n+1])
	}
	if d.prefixed {
		from += 4
	}
	return d.page[from:to]
}

// Number returns the number of a value, which it adds if it is new.
func (d *Dictionary) Number(v []byte) int32 {
	// Rows are sorted: very often the value is the one before.
	if len(d.starts) > 0 && bytes.Equal(d.Value(d.last), v) {
		return d.last
	}
	n, ok := d.numbers[string(v)]
	if !ok {
		n = int32(len(d.starts))
		d.starts = append(d.starts, uint32(len(d.page)))
		if d.prefixed {
			d.page = binary.LittleEndian.AppendUint32(d.page, uint32(len(v)))
		}
		d.page = append(d.page, v...)
		d.numbers[string(v)] = n
	}
	d.last = n
	return n
}
