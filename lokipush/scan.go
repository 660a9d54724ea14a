package lokipush

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// object iterates over the members of one JSON object without copying and without looking into
// their values: it finds where a value ends, it does not validate it. That is what makes a single
// pass over a line with a large requestObject cheap.
type object struct {
	data []byte
	pos  int  // next byte to look at
	open bool // inside the braces
	more bool // a comma was read: a member must follow
	bad  bool // the text can't be followed any further
}

// member is one key and its value. All slices alias the scanned text.
type member struct {
	key   []byte // between the quotes, escapes as written
	value []byte // the whole value, from its first byte to its last
	start int    // offset of value in the scanned text
}

// openObject starts at the first byte of data that is not white space.
func openObject(data []byte) object {
	o := object{data: data}
	o.bad = o.next() != '{'
	o.open = !o.bad
	o.pos++
	return o
}

// member returns the next member, and false at the closing brace or where the text is malformed;
// ended tells the two apart.
func (o *object) member() (member, bool) {
	if !o.open {
		return member{}, false
	}
	if o.next() == '}' && !o.more {
		o.pos++
		o.open = false
		return member{}, false
	}
	key, ok := o.quoted()
	if !ok || o.next() != ':' {
		return o.fail()
	}
	o.pos++
	o.next()
	start := o.pos
	if !o.skipValue() {
		return o.fail()
	}
	m := member{key: key[1 : len(key)-1], value: o.data[start:o.pos], start: start}
	if o.more = o.next() == ','; o.more {
		o.pos++
	} else if o.next() != '}' {
		o.bad = true // the member itself is whole: hand it out, stop after it
		o.open = false
	}
	return m, true
}

// ended reports whether the object was read to its closing brace with nothing but white space
// after it.
func (o *object) ended() bool {
	return !o.bad && !o.open && o.next() == 0 && o.pos >= len(o.data)
}

func (o *object) fail() (member, bool) {
	o.bad, o.open = true, false
	return member{}, false
}

// next skips white space and returns the byte there without consuming it, 0 at the end.
func (o *object) next() byte {
	for o.pos < len(o.data) {
		switch c := o.data[o.pos]; c {
		case ' ', '\t', '\r', '\n':
			o.pos++
		default:
			return c
		}
	}
	return 0
}

// quoted consumes a string and returns it with its quotes.
func (o *object) quoted() ([]byte, bool) {
	start := o.pos
	if start >= len(o.data) || o.data[start] != '"' {
		return nil, false
	}
	end := closing(o.data, start+1)
	if end < 0 {
		return nil, false
	}
	o.pos = end + 1
	return o.data[start:o.pos], true
}

// closing returns the offset of the quote that ends the string whose contents begin at from, -1
// where there is none.
func closing(data []byte, from int) int {
	end, _ := closingPlain(data, from, shortText)
	return end
}

// shortText is how far is looked eight bytes at a time for the end of a string that nobody wants to
// read. Most strings are shorter, and a call costs more than looking at them.
const shortText = 48

// closingPlain is closing, and says whether the string is known to stand for its own bytes: of at
// most short bytes (up to seven more), ASCII, and without an escape.
func closingPlain(data []byte, from, short int) (end int, plain bool) {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i := from
	for ; i+8 <= len(data) && i < from+short; i += 8 {
		x := binary.LittleEndian.Uint64(data[i:])
		quote, slash := x^'"'*ones, x^'\\'*ones
		// The lowest hit is never a false one.
		hit := ((quote-ones)&^quote | (slash-ones)&^slash | x) & highs
		if hit == 0 {
			continue
		}
		if i += bits.TrailingZeros64(hit) / 8; data[i] == '"' {
			return i, true
		}
		break
	}
	for ; ; i++ {
		j := bytes.IndexByte(data[min(i, len(data)):], '"')
		if j < 0 {
			return -1, false
		}
		i += j
		if i == from || data[i-1] != '\\' || !escaped(data[from:i]) {
			return i, false
		}
	}
}

// escaped reports whether a quote that follows text is escaped: an odd number of backslashes.
func escaped(text []byte) bool {
	n := 0
	for n < len(text) && text[len(text)-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

func (o *object) skipValue() bool {
	switch o.next() {
	case '"':
		_, ok := o.quoted()
		return ok
	case '{', '[':
		return o.skipNested()
	}
	start := o.pos
	for o.pos < len(o.data) && isLiteral(o.data[o.pos]) {
		o.pos++
	}
	return o.pos > start
}

// isLiteral reports the bytes of numbers, true, false and null.
func isLiteral(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == '-' || c == '+' || c == '.' || c == 'E'
}

func (o *object) skipNested() bool { return o.skipDepth(0) }

// skipDepth skips to the end of the object or array that contains the place, depth levels up.
func (o *object) skipDepth(depth int) bool {
	data := o.data
	for i := o.pos; i < len(data); i++ {
		switch data[i] {
		case '"':
			if i = closing(data, i+1); i < 0 {
				o.pos = len(data)
				return false
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				o.pos = i + 1
				return true
			}
		}
	}
	o.pos = len(data)
	return false
}
