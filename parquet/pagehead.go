package parquet

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"github.com/parquet-go/parquet-go/format"
)

// cutLevels returns the levels that come first, after their length, and the rest.
func cutLevels(page []byte) (levels, values []byte, err error) {
	if len(page) < 4 {
		return nil, nil, errDamagedPage
	}
	n := uint64(binary.LittleEndian.Uint32(page))
	if n > uint64(len(page)-4) {
		return nil, nil, errDamagedPage
	}
	return page[4 : 4+n], page[4+n:], nil
}

// pageHead is what the header of a page says.
type pageHead struct {
	packed, size int64 // bytes, with those of the levels
	values       int   // nulls included
	encoding     format.Encoding
	crc          uint32 // 0 where there is none
	second       bool   // DATA_PAGE_V2: it begins with levels, not compressed
	levels       int64  // their bytes; 0 in other pages
}

func (c *longReader) readHeader() (p pageHead, err error) {
	var header format.PageHeader
	if err := c.decoder.Decode(&header); err != nil {
		return p, fmt.Errorf("read page header: %w", err)
	}
	p = pageHead{packed: int64(header.CompressedPageSize), size: int64(header.UncompressedPageSize), crc: uint32(header.CRC)}
	first, second := &header.DataPageHeader, &header.DataPageHeaderV2
	repeated := int32(0)
	switch {
	case header.Type == format.DataPage && first.Valid:
		p.values, p.encoding = int(first.V.NumValues), first.V.Encoding
	case header.Type == format.DataPageV2 && second.Valid && (!second.V.IsCompressed.Valid || second.V.IsCompressed.V):
		p.values, p.encoding = int(second.V.NumValues), second.V.Encoding
		p.second, p.levels, repeated = true, int64(second.V.DefinitionLevelsByteLength), second.V.RepetitionLevelsByteLength
	default:
		return p, errDamagedPage
	}
	large := largePage // without their lengths there are only short values
	if p.encoding == format.Plain {
		large = math.MaxInt32
	}
	if p.encoding != format.Plain && p.encoding != format.DeltaLengthByteArray || repeated != 0 || p.values < 0 || p.size < 0 ||
		p.size > int64(large) || p.packed > c.left || p.levels < 0 || p.levels > min(p.packed, p.size) {
		return p, errDamagedPage
	}
	return p, nil
}

// readPacked returns the page as it is stored, valid until the next call.
func (c *longReader) readPacked(p *pageHead) ([]byte, error) {
	c.unpack.packed = keepBuffer(c.unpack.packed, 2*largePage)
	if cap(c.unpack.packed) < int(p.packed) {
		c.unpack.packed = make([]byte, p.packed)
	}
	body := c.unpack.packed[:p.packed]
	if _, err := io.ReadFull(c.in, body); err != nil {
		return nil, fmt.Errorf("read page: %w", io.ErrUnexpectedEOF)
	}
	if sum := crc32.ChecksumIEEE(body); p.crc != 0 && sum != p.crc {
		return nil, fmt.Errorf("%w: its checksum is %08x, want %08x", errDamagedPage, sum, p.crc)
	}
	return body, nil
}

// runLength returns how many levels of one bit there are in a run-length
// encoded text, for which the library makes room.
func runLength(packed []byte) (levels uint64) {
	for len(packed) > 0 {
		head, width := binary.Uvarint(packed)
		if width <= 0 {
			return levels // the library will say what is wrong
		}
		packed = packed[width:]
		n, size := head>>1, uint64(1) // a run: how often, and of what
		if head&1 == 1 {
			n, size = 8*n, n // levels in groups of eight, a byte each
		}
		if levels += n; levels > math.MaxInt32 || size > uint64(len(packed)) {
			return levels
		}
		packed = packed[size:]
	}
	return levels
}
