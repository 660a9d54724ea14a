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
	// maxPage bounds a page: a line, and the bytes beside it.
	maxPage = MaxValue + 2*LargePage
)

// pageHead is the header of a page.
type pageHead struct {
	kind         format.PageType
	head         int64 // bytes of the header itself
	packed, size int64 // bytes, with those of the levels
	values       int64 // nulls included
	encoding     format.Encoding
	crc          uint32 // 0 without one
	levels       int64  // in DATA_PAGE_V2: bytes of them, which are not compressed
}

// readPageHead reads the header of a page of a column from a chunk that has left bytes.
func readPageHead(in *bufio.Reader, d *schema.Column, left int64) (p pageHead, err error) {
	b, err := in.Peek(int(min(left, maxPageHead)))
	if err != nil {
		return p, fmt.Errorf("read page header: %w", noEOF(err))
	}
	var h format.PageHeader
	n, err := Unmarshal(b, &h)
	p = pageHead{kind: h.Type, head: int64(n), packed: int64(h.CompressedPageSize), size: int64(h.UncompressedPageSize), crc: uint32(h.CRC)}
	if err != nil || !p.inner(&h) {
		return p, fmt.Errorf("%w: no header of a page", errDamagedPage)
	}
	switch {
	case p.size < 0 || p.size > maxPage || p.packed < 0 || p.packed > left-p.head || p.levels < 0 || p.levels > min(p.packed, p.size) || p.values < 0:
		return p, fmt.Errorf("%w: %d bytes packed, %d unpacked, %d of levels, %d values", errDamagedPage, p.packed, p.size, p.levels, p.values)
	case p.kind == format.DataPageV2 && !d.Streamed || !d.Allows(p.encoding):
		return p, fmt.Errorf("%w: a page of kind %v with encoding %v", errDamagedPage, p.kind, p.encoding)
	}
	_, err = in.Discard(n)
	return p, err
}

// inner takes the part of a header that its kind of page has, and reports whether it is one that is
// read here: with levels as runs, and as a stream compressed and without repetition.
func (p *pageHead) inner(h *format.PageHeader) bool {
	data, dictionary, second := &h.DataPageHeader, &h.DictionaryPageHeader, &h.DataPageHeaderV2
	switch {
	case h.Type == format.DataPage && data.Valid:
		p.values, p.encoding = int64(data.V.NumValues), data.V.Encoding
		return data.V.DefinitionLevelEncoding == format.RLE && data.V.RepetitionLevelEncoding == format.RLE
	case h.Type == format.DictionaryPage && dictionary.Valid:
		p.values, p.encoding = int64(dictionary.V.NumValues), dictionary.V.Encoding
		return true
	case h.Type == format.DataPageV2 && second.Valid:
		p.values, p.encoding, p.levels = int64(second.V.NumValues), second.V.Encoding, int64(second.V.DefinitionLevelsByteLength)
		return second.V.RepetitionLevelsByteLength == 0 && (second.V.IsCompressed.V || !second.V.IsCompressed.Valid)
	}
	return false
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
