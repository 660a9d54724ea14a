package rowread

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

var errDamagedPage = errors.New("damaged page (not as auditsidecar wrote it: use another copy or version of the object)")

const (
	// maxPageHead bounds the header of a page; ours have some 30 bytes.
	maxPageHead = 512
	// LargePage is the size from which a page is unpacked as it is read.
	LargePage = 6 << 20
	// MaxValue is the longest value: a line.
	MaxValue = 512 << 20
	// maxPage bounds a page: a line, and what may stand beside it.
	maxPage = MaxValue + 2*LargePage
)

// pageHead is what the header of a page says.
type pageHead struct {
	kind         format.PageType
	head         int64 // bytes of the header itself
	packed, size int64 // bytes, with those of the levels
	values       int64 // nulls included
	encoding     format.Encoding
	crc          uint32 // 0 where there is none
	levels       int64  // in DATA_PAGE_V2: bytes of them, which are not compressed
}

// readPageHead reads the header of a page of a column from a chunk that has left bytes.
func readPageHead(in *bufio.Reader, d *schema.Column, left int64) (p pageHead, err error) {
	b, err := in.Peek(int(min(left, maxPageHead)))
	if err != nil {
		return p, fmt.Errorf("read page header: %w", noEOF(err))
	}
	c := compactReader{b: b}
	p.kind = -1
	levels, inner := int64(format.RLE), -1
	c.fields(compactStruct, func(id int, kind byte) bool {
		switch id {
		case 1:
			p.kind = format.PageType(c.int(kind))
		case 2:
			p.size = c.int(kind)
		case 3:
			p.packed = c.int(kind)
		case 4:
			p.crc = uint32(c.int(kind))
		case 5, 7, 8:
			inner = id
			levels = p.inner(&c, id, kind)
		default:
			return false
		}
		return true
	})
	want := map[format.PageType]int{format.DataPage: 5, format.DictionaryPage: 7, format.DataPageV2: 8}[p.kind]
	p.head = int64(len(b) - len(c.b))
	switch {
	case c.bad || inner != want || levels != int64(format.RLE):
		return p, fmt.Errorf("%w: no header of a page", errDamagedPage)
	case p.size < 0 || p.size > maxPage || p.packed < 0 || p.packed > left-p.head || p.levels < 0 || p.levels > min(p.packed, p.size) || p.values < 0:
		return p, fmt.Errorf("%w: %d bytes packed, %d unpacked, %d of levels, %d values", errDamagedPage, p.packed, p.size, p.levels, p.values)
	case p.kind == format.DataPageV2 && !d.Streamed || !d.Allows(p.encoding):
		return p, fmt.Errorf("%w: a page of kind %v with encoding %v", errDamagedPage, p.kind, p.encoding)
	}
	_, err = in.Discard(int(p.head))
	return p, err
}

// inner reads the part of a header that its kind of page has. It returns the encoding of the
// levels, or -1 for one that is not read here.
func (p *pageHead) inner(c *compactReader, of int, kind byte) (levels int64) {
	levels = int64(format.RLE)
	c.fields(kind, func(id int, kind byte) bool {
		switch {
		case id == 1:
			p.values = c.int(kind)
		case id == 2 && of != 8 || id == 4 && of == 8:
			p.encoding = format.Encoding(c.int(kind))
		case of == 5 && (id == 3 || id == 4):
			if c.int(kind) != int64(format.RLE) {
				levels = -1
			}
		case of == 8 && id == 5:
			p.levels = c.int(kind)
		case of == 8 && id == 6:
			if c.int(kind) != 0 { // of repetition: only single values are streamed
				levels = -1
			}
		case of == 8 && id == 7 && kind == compactFalse: // not compressed
			levels = -1
			return false
		default:
			return false
		}
		return true
	})
	return levels
}

// noEOF makes an error of the end of a file where more was due.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// checkSum compares a page's checksum.
func (p *pageHead) checkSum(sum uint32) error {
	if p.crc != 0 && sum != p.crc {
		return fmt.Errorf("%w: its checksum is %08x, want %08x", errDamagedPage, sum, p.crc)
	}
	return nil
}

// readPacked returns a page as it is stored, valid until the next call.
func (u *unpacker) readPacked(in io.Reader, p *pageHead) ([]byte, error) {
	u.packed = auditline.Emptied(u.packed, 2*LargePage)
	if cap(u.packed) < int(p.packed) {
		u.packed = make([]byte, p.packed)
	}
	body := u.packed[:p.packed]
	if _, err := io.ReadFull(in, body); err != nil {
		return nil, fmt.Errorf("read page: %w", noEOF(err))
	}
	return body, p.checkSum(crc32.ChecksumIEEE(body))
}
