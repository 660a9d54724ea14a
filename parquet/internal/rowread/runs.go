package rowread

import "encoding/binary"

// bitsAt returns the width bits that begin at a bit of b, least significant first; b has them.
func bitsAt(b []byte, bit int, width uint) uint64 {
	at, shift := bit>>3, uint(bit&7)
	if at+9 <= len(b) {
		x := binary.LittleEndian.Uint64(b[at:]) >> shift
		if shift+width > 64 {
			x |= uint64(b[at+8]) << (64 - shift)
		}
		return x & mask(width)
	}
	var x uint64
	for i, c := range b[at:] {
		x |= uint64(c) << (8 * i)
	}
	return x >> shift & mask(width)
}

func mask(width uint) uint64 { return 1<<width - 1 }

// runs reads numbers in the hybrid of runs and bit-packing (RLE), one after another: a run of
// two billion takes no more memory than one of two.
type runs struct {
	b      []byte // after the open run
	width  uint
	left   uint64 // numbers of the open run
	value  uint32 // of all of them, where packed is nil
	packed []byte
	bit    int
}

// next returns the next number; false at the end, or on damage.
func (r *runs) next() (uint32, bool) {
	for r.left == 0 {
		if !r.open() {
			return 0, false
		}
	}
	r.left--
	if r.packed == nil {
		return r.value, true
	}
	x := bitsAt(r.packed, r.bit, r.width)
	r.bit += int(r.width)
	return uint32(x), true
}

// ended says whether all numbers were read; those of a group of eight may not all be used.
func (r *runs) ended() bool { return r.left < 8 && len(r.b) == 0 }

func (r *runs) open() bool {
	head, n := binary.Uvarint(r.b)
	if n <= 0 {
		return false
	}
	r.b = r.b[n:]
	size := uint64(r.width+7) / 8 // a run: count and value
	r.left = head >> 1
	if head&1 == 1 { // groups of eight
		if r.left > uint64(len(r.b)) && r.width > 0 {
			return false
		}
		size = r.left * uint64(r.width)
		r.left *= 8
	}
	if size > uint64(len(r.b)) {
		return false
	}
	r.packed, r.bit, r.value = nil, 0, 0
	if head&1 == 1 && r.width > 0 {
		r.packed = r.b[:size]
	} else {
		for i, c := range r.b[:size] {
			r.value |= uint32(c) << (8 * i)
		}
	}
	r.b = r.b[size:]
	return true
}

// deltas reads numbers that are DELTA_BINARY_PACKED, one after another, in the blocks that
// objects have.
type deltas struct {
	b       []byte // after the open miniblock
	left    uint64 // numbers
	value   int64  // the next one
	least   int64  // delta of the open block
	widths  []byte // of its miniblocks that are not open yet
	inMini  int    // deltas left in the open miniblock
	width   uint
	packed  []byte
	bit     int
	damaged bool
}

const (
	deltaMinis = 4  // in a block
	deltaMini  = 32 // numbers in a miniblock
)

func newDeltas(b []byte) (d deltas) {
	c := compactReader{b: b}
	if c.uvarint() != deltaMinis*deltaMini || c.uvarint() != deltaMinis {
		c.fail()
	}
	d.left = c.uvarint()
	d.value = c.varint()
	d.b, d.damaged = c.b, c.bad
	return d
}

// next returns the next number; false at the end, or on damage.
func (d *deltas) next() (int64, bool) {
	if d.left == 0 || d.damaged {
		return 0, false
	}
	value := d.value
	if d.left--; d.left > 0 {
		d.value += d.delta()
	}
	return value, true
}

func (d *deltas) delta() int64 {
	if d.inMini == 0 {
		d.openMini()
		if d.damaged {
			return 0
		}
	}
	d.inMini--
	if d.width == 0 {
		return d.least
	}
	x := bitsAt(d.packed, d.bit, d.width)
	d.bit += int(d.width)
	return d.least + int64(x)
}

func (d *deltas) openMini() {
	c := compactReader{b: d.b}
	if len(d.widths) == 0 {
		d.least = c.varint()
		d.widths = c.take(deltaMinis)
	}
	if c.bad || d.widths[0] > 64 {
		d.damaged = true
		return
	}
	d.width, d.widths = uint(d.widths[0]), d.widths[1:]
	d.packed, d.bit, d.inMini = c.take(uint64(d.width)*deltaMini/8), 0, deltaMini
	d.b, d.damaged = c.b, c.bad
}
