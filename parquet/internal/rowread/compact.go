package rowread

import "encoding/binary"

// The kinds of value in Thrift's compact protocol that objects have.
const (
	compactTrue   = 1
	compactFalse  = 2
	compactInt8   = 3
	compactInt16  = 4
	compactInt32  = 5
	compactInt64  = 6
	compactDouble = 7
	compactBinary = 8
	compactList   = 9
	compactSet    = 10
	compactStruct = 12
)

// maxNesting bounds the structs and lists within others of a footer; ours have 5.
const maxNesting = 16

// compactReader reads a value in Thrift's compact protocol. Nothing is allocated by a length or
// count that the bytes claim. After damage every read returns zero, and bad is set.
type compactReader struct {
	b   []byte // not read yet
	bad bool
}

func (c *compactReader) fail() { c.b, c.bad = nil, true }

func (c *compactReader) byte() byte {
	if len(c.b) == 0 {
		c.fail()
		return 0
	}
	x := c.b[0]
	c.b = c.b[1:]
	return x
}

func (c *compactReader) uvarint() uint64 {
	x, n := binary.Uvarint(c.b)
	if n <= 0 {
		c.fail()
		return 0
	}
	c.b = c.b[n:]
	return x
}

// take returns the next n bytes.
func (c *compactReader) take(n uint64) []byte {
	if n > uint64(len(c.b)) {
		c.fail()
		return nil
	}
	x := c.b[:n]
	c.b = c.b[n:]
	return x
}

// int reads a number of the kind that a field or list has.
func (c *compactReader) int(kind byte) int64 {
	if kind != compactInt16 && kind != compactInt32 && kind != compactInt64 {
		c.fail()
	}
	x := c.uvarint()
	n := int64(x>>1) ^ -int64(x&1)
	if kind == compactInt32 && int64(int32(n)) != n || kind == compactInt16 && int64(int16(n)) != n {
		c.fail()
	}
	return n
}

func (c *compactReader) text(kind byte) string {
	if kind != compactBinary {
		c.fail()
	}
	return string(c.take(c.uvarint()))
}

// list reads the head of a list: how many elements of what kind follow, each of a byte at least.
func (c *compactReader) list(kind byte) (n int, of byte) {
	if kind != compactList && kind != compactSet {
		c.fail()
	}
	head := c.byte()
	size := uint64(head >> 4)
	if size == 15 {
		size = c.uvarint()
	}
	if size > uint64(len(c.b)) {
		c.fail()
		return 0, 0
	}
	return int(size), head & 15
}

// each reads a list of structs by calling do for each.
func (c *compactReader) each(kind byte, do func()) {
	n, of := c.list(kind)
	if n > 0 && of != compactStruct {
		c.fail()
	}
	for ; n > 0 && !c.bad; n-- {
		do()
	}
}

// fields reads a struct: take reads the value of a field, or leaves it to be skipped.
func (c *compactReader) fields(kind byte, take func(id int, kind byte) bool) {
	if kind != compactStruct {
		c.fail()
	}
	c.members(func(id int, kind byte) {
		if !take(id, kind) {
			c.skip(kind, 1)
		}
	})
}

func (c *compactReader) members(do func(id int, kind byte)) {
	id := 0
	for {
		head := c.byte()
		if head == 0 {
			return
		}
		if step := int(head >> 4); step > 0 {
			id += step
		} else {
			id = int(c.int(compactInt16))
		}
		do(id, head&15)
	}
}

// skip passes the value of a field.
func (c *compactReader) skip(kind byte, nesting int) {
	if nesting > maxNesting {
		c.fail()
		return
	}
	switch kind {
	case compactTrue, compactFalse: // the kind is the value
	case compactInt8:
		c.byte()
	case compactInt16, compactInt32, compactInt64:
		c.uvarint()
	case compactDouble:
		c.take(8)
	case compactBinary:
		c.take(c.uvarint())
	case compactList, compactSet:
		n, of := c.list(kind)
		for ; n > 0 && !c.bad; n-- {
			if of == compactTrue || of == compactFalse {
				c.byte()
			} else {
				c.skip(of, nesting+1)
			}
		}
	case compactStruct:
		c.members(func(_ int, kind byte) { c.skip(kind, nesting+1) })
	default:
		c.fail()
	}
}
