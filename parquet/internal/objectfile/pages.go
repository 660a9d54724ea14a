package objectfile

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

// pages are the finished pages of a chunk, with the values that the footer and the page
// indexes say of them.
type pages struct {
	data    []byte    // pages with their headers
	spooled []spooled // bodies that belong between them
	rows    int64
	bounds  bounds
	index   format.ColumnIndex
	offsets format.OffsetIndex // from the first page on, until they are written
	meta    format.ColumnMetaData
}

// pageFacts has the values of a page for the indexes.
type pageFacts struct {
	at       int64 // where it begins
	kind     format.PageType
	encoding format.Encoding
	values   int // nulls included
	nulls    int
	rows     int
}

// size returns the bytes of all pages.
func (p *pages) size() int64 {
	n := int64(len(p.data))
	for _, s := range p.spooled {
		n += s.size
	}
	return n
}

// dataPageHeader returns the header of a page, without its sizes.
func dataPageHeader(values int, encoding format.Encoding) format.PageHeader {
	header := format.PageHeader{Type: format.DataPage}
	header.DataPageHeader.Valid = true
	header.DataPageHeader.V = format.DataPageHeader{
		NumValues:               int32(values),
		Encoding:                encoding,
		DefinitionLevelEncoding: format.RLE,
		RepetitionLevelEncoding: format.RLE,
	}
	return header
}

// appendPage compresses a page's body and appends it to dst with its header.
func (p *pages) appendPage(dst []byte, codec *Codec, header *format.PageHeader, body []byte) ([]byte, error) {
	packed := codec.encode(codec.scratch[:0], body)
	codec.scratch = packed
	header.UncompressedPageSize = int32(len(body))
	header.CompressedPageSize = int32(len(packed))
	header.CRC = int32(crc32.ChecksumIEEE(packed))
	dst, err := p.appendHeader(dst, header)
	return append(dst, packed...), err
}

// appendHeader appends the header of a page to dst and counts the bytes of both.
func (p *pages) appendHeader(dst []byte, header *format.PageHeader) ([]byte, error) {
	head, err := thrift.Marshal(new(thrift.CompactProtocol), header)
	if err != nil {
		return dst, fmt.Errorf("encode page header: %w", err)
	}
	p.meta.TotalUncompressedSize += int64(len(head)) + int64(header.UncompressedPageSize)
	p.meta.TotalCompressedSize += int64(len(head)) + int64(header.CompressedPageSize)
	return append(dst, head...), nil
}

// record notes a page that was appended.
func (p *pages) record(f pageFacts, b *bounds) {
	p.offsets.PageLocations = append(p.offsets.PageLocations, format.PageLocation{
		Offset:             f.at,
		CompressedPageSize: int32(p.size() - f.at),
		FirstRowIndex:      p.rows,
	})
	p.rows += int64(f.rows)
	p.meta.NumValues += int64(f.values)
	p.meta.Statistics.NullCount += int64(f.nulls)
	p.index.NullPages = append(p.index.NullPages, f.nulls == f.values)
	p.index.NullCounts = append(p.index.NullCounts, int64(f.nulls))
	p.index.MinValues = append(p.index.MinValues, bytes.Clone(b.min))
	p.index.MaxValues = append(p.index.MaxValues, bytes.Clone(b.max))
	p.bounds.merge(b)
	p.countEncoding(f.kind, f.encoding)
}

func (p *pages) countEncoding(kind format.PageType, encoding format.Encoding) {
	stats := p.meta.EncodingStats
	for i := range stats {
		if stats[i].PageType == kind && stats[i].Encoding == encoding {
			stats[i].Count++
			return
		}
	}
	p.meta.EncodingStats = append(stats, format.PageEncodingStats{PageType: kind, Encoding: encoding, Count: 1})
}

// finish completes the description of the pages, of which the first begins at an
// offset of the object.
func (p *pages) finish(offset int64) {
	p.meta.DataPageOffset = offset
	for i := range p.offsets.PageLocations {
		p.offsets.PageLocations[i].Offset += offset
	}
	if p.bounds.known() {
		p.meta.Statistics.MinValue = slices.Clone(p.bounds.min)
		p.meta.Statistics.MaxValue = slices.Clone(p.bounds.max)
	}
	p.meta.Encoding = []format.Encoding{format.RLE} // of the levels
	for _, s := range p.meta.EncodingStats {
		p.meta.Encoding = append(p.meta.Encoding, s.Encoding)
	}
	slices.Sort(p.meta.Encoding)
	p.meta.Encoding = slices.Compact(p.meta.Encoding)
}

// indexes returns the page indexes.
func (p *pages) indexes() columnIndexes {
	x := columnIndexes{offsets: p.offsets}
	if p.bounds.known() {
		index := p.index
		x.columns = &index
	}
	return x
}

// reset begins a chunk.
func (p *pages) reset(meta format.ColumnMetaData) {
	p.data, p.spooled, p.rows = p.data[:0], p.spooled[:0], 0
	p.index, p.offsets, p.meta = format.ColumnIndex{}, format.OffsetIndex{}, meta
	p.bounds.reset()
}

// keep empties a buffer of the codec after a page, or gives it up if it is much
// larger than a page.
func keep(buffer []byte, page int) []byte { return auditline.Emptied(buffer, 4*page) }
