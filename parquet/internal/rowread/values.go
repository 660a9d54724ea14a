package rowread

import (
	"encoding/binary"

	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

// dictionary has the values of a chunk that its pages have the numbers of.
type dictionary struct {
	page []byte   // PLAIN encoded
	ends []uint32 // of the values in it; of byte arrays only
}

// open takes a page with n values of a width; 0 if each stands after its length.
func (d *dictionary) open(page []byte, values int64, width int) error {
	d.page = page
	if width > 0 {
		if int64(len(page)) != values*int64(width) {
			return errDamagedPage
		}
		return nil
	}
	for from := 0; from < len(page); {
		n, ok := textAt(page[from:])
		if !ok {
			return errDamagedPage
		}
		from += 4 + n
		d.ends = append(d.ends, uint32(from))
	}
	if int64(len(d.ends)) != values {
		return errDamagedPage
	}
	return nil
}

// textAt returns the length of the byte array that stands first, after its length.
func textAt(b []byte) (n int, ok bool) {
	if len(b) < 4 || uint64(binary.LittleEndian.Uint32(b)) > uint64(len(b)-4) {
		return 0, false
	}
	return int(binary.LittleEndian.Uint32(b)), true
}

// text returns a byte array by its number.
func (d *dictionary) text(n uint32) (v []byte, ok bool) {
	if uint64(n) >= uint64(len(d.ends)) {
		return nil, false
	}
	from := uint32(4)
	if n > 0 {
		from += d.ends[n-1]
	}
	return d.page[from:d.ends[n]:d.ends[n]], true
}

// fixed returns a value of a width by its number.
func (d *dictionary) fixed(n uint32, width int) (v []byte, ok bool) {
	from := int64(n) * int64(width)
	if from >= int64(len(d.page)) {
		return nil, false
	}
	return d.page[from:], true
}

// pageValues are the values of the open page that are not null.
type pageValues struct {
	encoding format.Encoding
	plain    []byte // the unread part of an unpacked page
	numbers  runs   // in the dictionary
	deltas   deltas
	stream   *pageInput // of a large page, else nil
	long     []byte     // the last value of a large page
}

// open takes the values of a page that is unpacked.
func (v *pageValues) open(encoding format.Encoding, body []byte) error {
	v.encoding, v.plain, v.numbers, v.deltas = encoding, nil, runs{}, deltas{}
	switch {
	case encoding == format.Plain:
		v.plain = body
	case len(body) == 0: // all null
	case encoding == format.RLEDictionary && body[0] <= 32:
		v.numbers = runs{b: body[1:], width: uint(body[0])}
	case encoding == format.DeltaBinaryPacked:
		v.deltas = newDeltas(body)
	default:
		return errDamagedPage
	}
	return nil
}

// text returns the next value of a column of byte arrays.
func (v *pageValues) text(dict *dictionary) (text []byte, err error) {
	var ok bool
	switch {
	case v.stream != nil:
		v.long, err = v.stream.value(auditline.Emptied(v.long, LargePage))
		return v.long, err
	case v.encoding == format.RLEDictionary:
		var n uint32
		if n, ok = v.numbers.next(); ok {
			text, ok = dict.text(n)
		}
	default:
		var n int
		if n, ok = textAt(v.plain); ok {
			text, v.plain = v.plain[4:4+n:4+n], v.plain[4+n:]
		}
	}
	if !ok {
		return nil, errDamagedPage
	}
	return text, nil
}

// number returns the next value of a column of numbers of a width.
func (v *pageValues) number(dict *dictionary, width int) (int64, error) {
	var b []byte
	ok := len(v.plain) >= width
	switch v.encoding {
	case format.DeltaBinaryPacked:
		n, ok := v.deltas.next()
		if !ok {
			return 0, errDamagedPage
		}
		return n, nil
	case format.RLEDictionary:
		var n uint32
		if n, ok = v.numbers.next(); ok {
			b, ok = dict.fixed(n, width)
		}
	default:
		if ok {
			b, v.plain = v.plain, v.plain[width:]
		}
	}
	switch {
	case !ok:
		return 0, errDamagedPage
	case width == 4:
		return int64(int32(binary.LittleEndian.Uint32(b))), nil
	}
	return int64(binary.LittleEndian.Uint64(b)), nil
}

// end proves that all values were read.
func (v *pageValues) end() error {
	if !v.numbers.ended() || len(v.plain) > 0 || v.deltas.left > 0 {
		return errDamagedPage
	}
	if v.stream != nil {
		return v.stream.end()
	}
	return nil
}

// close gives up the page.
func (v *pageValues) close() {
	if v.stream != nil {
		v.stream.close()
		v.stream = nil
	}
	v.plain = nil
}
