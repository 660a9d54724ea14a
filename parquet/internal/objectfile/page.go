package objectfile

import (
	"bytes"
	"fmt"
	"hash/crc32"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

// dataPageHeader returns the header of a page, without its sizes.
func dataPageHeader(levels int, encoding format.Encoding) format.PageHeader {
	header := format.PageHeader{Type: format.DataPage}
	header.DataPageHeader.Valid = true
	header.DataPageHeader.V = format.DataPageHeader{
		NumValues:               int32(levels),
		Encoding:                encoding,
		DefinitionLevelEncoding: format.RLE,
		RepetitionLevelEncoding: format.RLE,
	}
	return header
}

// appendPage compresses a page's body and appends it with its header.
func (c *chunk) appendPage(dst []byte, header *format.PageHeader, body []byte) ([]byte, error) {
	c.codec.scratch = c.codec.encode(c.codec.scratch[:0], body)
	header.UncompressedPageSize = int32(len(body))
	header.CompressedPageSize = int32(len(c.codec.scratch))
	header.CRC = int32(crc32.ChecksumIEEE(c.codec.scratch))
	dst, err := c.appendHeader(dst, header)
	if err != nil {
		return dst, err
	}
	dst = append(dst, c.codec.scratch...)
	c.codec.scratch = auditline.Emptied(c.codec.scratch, 4*c.pageSize)
	return dst, nil
}

// appendHeader appends the header of a page and counts the bytes of both.
func (c *chunk) appendHeader(dst []byte, header *format.PageHeader) ([]byte, error) {
	head, err := thrift.Marshal(new(thrift.CompactProtocol), header)
	if err != nil {
		return dst, fmt.Errorf("encode page header of %s: %w", c.def.Name, err)
	}
	c.meta.TotalUncompressedSize += int64(len(head)) + int64(header.UncompressedPageSize)
	c.meta.TotalCompressedSize += int64(len(head)) + int64(header.CompressedPageSize)
	return append(dst, head...), nil
}

// record notes a finished page in the indexes.
func (c *chunk) record(before int64, page format.PageType, levels int, nulls int64, encoding format.Encoding) {
	c.offsets.PageLocations = append(c.offsets.PageLocations, format.PageLocation{
		Offset:             before, // of the chunk's data for now
		CompressedPageSize: int32(c.pagesSize() - before),
		FirstRowIndex:      c.rowsDone,
	})
	c.rowsDone += int64(c.rows)
	c.meta.NumValues += int64(levels)
	c.meta.Statistics.NullCount += nulls
	c.index.NullPages = append(c.index.NullPages, nulls == int64(levels))
	c.index.NullCounts = append(c.index.NullCounts, nulls)
	c.index.MinValues = append(c.index.MinValues, bytes.Clone(c.page.min))
	c.index.MaxValues = append(c.index.MaxValues, bytes.Clone(c.page.max))
	c.bounds.merge(&c.page)
	c.countEncoding(page, encoding)
}

func (c *chunk) countEncoding(page format.PageType, encoding format.Encoding) {
	stats := c.meta.EncodingStats
	for i := range stats {
		if stats[i].PageType == page && stats[i].Encoding == encoding {
			stats[i].Count++
			return
		}
	}
	c.meta.EncodingStats = append(stats, format.PageEncodingStats{PageType: page, Encoding: encoding, Count: 1})
}
