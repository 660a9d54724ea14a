package rowsort

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
)

// Dictionary numbers the distinct values of one column chunk by their first
// appearance. It keeps them as they go into the dictionary page.
type Dictionary struct {
	prefixed bool     // values are byte arrays, each after its length
	page     []byte   // the values, PLAIN encoded
	starts   []uint32 // of each value in page
	seed     maphash.Seed
	slots    []slot // open addressing; its length is a power of two
	last     int32  // number of the value that was looked up last; -1 if none
}

// slot holds part of a value's hash and its number plus one; 0 is free.
type slot struct{ hash, number uint32 }

const firstSlots = 256

// NewDictionary returns an empty dictionary. If prefixed, values are stored after
// their lengths.
func NewDictionary(prefixed bool) *Dictionary {
	return &Dictionary{prefixed: prefixed, seed: maphash.MakeSeed(), slots: make([]slot, firstSlots), last: -1}
}

// Reset forgets all values.
func (d *Dictionary) Reset() {
	d.page, d.starts = d.page[:0], d.starts[:0]
	if len(d.slots) > 1<<15 {
		d.slots = make([]slot, firstSlots)
	}
	clear(d.slots)
	d.last = -1
}

// Len returns how many distinct values there are.
func (d *Dictionary) Len() int { return len(d.starts) }

// Bytes returns all values, PLAIN encoded.
func (d *Dictionary) Bytes() []byte { return d.page }

// Latest returns the number of the value that was looked up last; -1 if none.
func (d *Dictionary) Latest() int32 { return d.last }

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

// Number returns the number of a value, which it adds where it is new.
func (d *Dictionary) Number(v []byte) int32 {
	// Rows are sorted: very often the value is the one before.
	if d.last >= 0 && bytes.Equal(d.Value(d.last), v) {
		return d.last
	}
	h := uint32(maphash.Bytes(d.seed, v))
	mask := uint32(len(d.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		s := d.slots[i]
		if s.number == 0 {
			d.last = d.add(v)
			d.slots[i] = slot{h, uint32(d.last) + 1}
			if 2*len(d.starts) > len(d.slots) {
				d.grow()
			}
			return d.last
		}
		if n := int32(s.number - 1); s.hash == h && bytes.Equal(d.Value(n), v) {
			d.last = n
			return n
		}
	}
}

func (d *Dictionary) add(v []byte) int32 {
	d.starts = append(d.starts, uint32(len(d.page)))
	if d.prefixed {
		d.page = binary.LittleEndian.AppendUint32(d.page, uint32(len(v)))
	}
	d.page = append(d.page, v...)
	return int32(len(d.starts) - 1)
}

func (d *Dictionary) grow() {
	old := d.slots
	d.slots = make([]slot, 2*len(old))
	mask := uint32(len(d.slots) - 1)
	for _, s := range old {
		if s.number == 0 {
			continue
		}
		i := s.hash & mask
		for d.slots[i].number != 0 {
			i = (i + 1) & mask
		}
		d.slots[i] = s
	}
}
