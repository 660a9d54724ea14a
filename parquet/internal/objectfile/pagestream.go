package objectfile

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

// pageStream compresses the values of a large page as they come, so that never
// more of the page is in memory than the encoder's window and its output
// of the rest. Such a page is a DATA_PAGE_V2, whose levels stand before the part that is
// compressed: they are known last.
type pageStream struct {
	encoder *zstd.Encoder
	packed  []byte // the encoder's output
	size    int    // bytes before compression
	length  [4]byte
}

// Write takes the encoder's output.
func (s *pageStream) Write(b []byte) (int, error) {
	s.packed = append(s.packed, b...)
	return len(b), nil
}

// add adds one value, PLAIN encoded.
func (s *pageStream) add(v []byte) error {
	binary.LittleEndian.PutUint32(s.length[:], uint32(len(v)))
	if _, err := s.encoder.Write(s.length[:]); err != nil {
		return err
	}
	_, err := s.encoder.Write(v)
	s.size += len(s.length) + len(v)
	return err
}

// stream returns an empty page.
func (c *Codec) stream() (*pageStream, error) {
	if n := len(c.streams); n > 0 {
		s := c.streams[n-1]
		c.streams = c.streams[:n-1]
		return s, nil
	}
	e, err := newEncoder(streamWindow)
	if err != nil {
		return nil, err
	}
	s := &pageStream{encoder: e}
	e.Reset(s)
	return s, nil
}

// release takes a page back, to be filled again.
func (c *Codec) release(s *pageStream) {
	s.packed, s.size = auditline.Emptied(s.packed, maxKeptPage), 0
	s.encoder.Reset(s)
	c.streams = append(c.streams, s)
}

// maxKeptPage is the largest compressed page whose memory is kept.
const maxKeptPage = 1 << 20

// streamValue adds a value to the open page of a streamed column.
func (c *chunk) streamValue(v []byte) (err error) {
	if c.values.stream == nil {
		c.values.stream, err = c.codec.stream()
	}
	if err == nil {
		err = c.values.stream.add(v)
	}
	if err != nil {
		return fmt.Errorf("compress page of %s: %w", c.def.Name, err)
	}
	return nil
}

// flushStream ends the open page of a streamed column.
func (c *chunk) flushStream() error {
	s := c.values.stream
	c.values.stream = nil
	if err := s.encoder.Close(); err != nil {
		return fmt.Errorf("compress page of %s: %w", c.def.Name, err)
	}
	levels := appendRuns(c.codec.scratch[:0], c.levels.defs, c.levels.maxDef)
	c.codec.scratch = levels
	f := pageFacts{
		at: c.done.size(), kind: format.DataPageV2, encoding: format.Plain,
		values: c.levels.count(), nulls: c.levels.nulls(), rows: c.levels.rows,
	}
	header := format.PageHeader{
		Type:                 f.kind,
		UncompressedPageSize: int32(len(levels) + s.size),
		CompressedPageSize:   int32(len(levels) + len(s.packed)),
		CRC:                  int32(crc32.Update(crc32.ChecksumIEEE(levels), crc32.IEEETable, s.packed)),
	}
	header.DataPageHeaderV2.Valid = true
	header.DataPageHeaderV2.V = format.DataPageHeaderV2{
		NumValues:                  int32(f.values),
		NumNulls:                   int32(f.nulls),
		NumRows:                    int32(f.rows),
		Encoding:                   f.encoding,
		DefinitionLevelsByteLength: int32(len(levels)),
	}
	var err error
	if c.done.data, err = c.done.appendHeader(c.done.data, &header); err != nil {
		return err
	}
	c.done.data = append(append(c.done.data, levels...), s.packed...)
	c.bounds.reset()
	c.done.record(f, &c.bounds)
	c.levels.reset()
	c.codec.release(s)
	return nil
}
