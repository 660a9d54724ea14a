package rowread

import (
	"encoding/binary"
	"errors"

	"github.com/parquet-go/parquet-go/encoding/thrift"
)

// maxNesting bounds the structs and lists within others of a footer; ours have 5.
const maxNesting = 16

// Unmarshal decodes the struct in Thrift's compact protocol that b begins with, and returns its
// length. The library makes room for whatever a list claims, so each must have its bytes there, and
// all of them together must not take much more memory than b: an element that is a struct counts as
// 192 bytes, which is more than any that is decoded here.
func Unmarshal(b []byte, v any) (n int, err error) {
	c := compactReader{b: b, room: 1<<20 + 8*len(b)}
	c.skip(thrift.STRUCT, 0)
	if c.bad {
		return 0, errors.New("not in Thrift's compact protocol, or too many values")
	}
	n = len(b) - len(c.b)
	d := thrift.NewDecoder(new(thrift.CompactProtocol).NewReaderFromBytes(b[:n]))
	d.SetStrict(true)
	return n, d.Decode(v)
}

// compactReader passes values in Thrift's compact protocol. Nothing is allocated by a length or
// count that the bytes claim. After damage every read returns zero, and bad is set.
type compactReader struct {
	b    []byte // not read yet
	room int    // bytes that lists may still take in memory
	bad  bool
}

func (c *compactReader) fail() { c.b, c.bad = nil, true }

func (c *compactReader) byte() byte {
	if b := c.take(1); len(b) > 0 {
		return b[0]
	}
	return 0
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

func (c *compactReader) varint() int64 {
	x := c.uvarint()
	return int64(x>>1) ^ -int64(x&1)
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

// skip passes a value.
func (c *compactReader) skip(kind thrift.Type, nesting int) {
	if nesting > maxNesting {
		c.fail()
	}
	switch kind {
	case thrift.TRUE, thrift.FALSE: // the kind is the value
	case thrift.I8:
		c.byte()
	case thrift.I16, thrift.I32, thrift.I64:
		c.uvarint()
	case thrift.DOUBLE:
		c.take(8)
	case thrift.BINARY:
		c.take(c.uvarint())
	case thrift.LIST, thrift.SET:
		c.list(nesting)
	case thrift.STRUCT:
		for head := c.byte(); head != 0; head = c.byte() {
			if head>>4 == 0 { // the number of the field stands behind its kind
				c.uvarint()
			}
			c.skip(thrift.Type(head&15), nesting+1)
		}
	default:
		c.fail()
	}
}

// list passes the elements of a list, each of a byte at least.
func (c *compactReader) list(nesting int) {
	head := c.byte()
	size, of := uint64(head>>4), thrift.Type(head&15)
	if size == 15 {
		size = c.uvarint()
	}
	if size > uint64(len(c.b)) {
		c.fail()
		return
	}
	each := 16
	if of == thrift.STRUCT {
		each = 192
	}
	if c.room -= each * int(size); c.room < 0 {
		c.fail()
	}
	for ; size > 0 && !c.bad; size-- {
		if of == thrift.TRUE || of == thrift.FALSE {
			c.byte()
		} else {
			c.skip(of, nesting+1)
		}
	}
}
