package parquet

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math"
	"math/bits"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

const (
	// largePage is the size from which a page is unpacked as it is read.
	largePage = 6 << 20
	// longReadBuffer is how much of a column is read at a time.
	longReadBuffer = 32 << 10
)

var errDamagedPage = errors.New("damaged page")

// longReader reads one chunk of a column of optional byte arrays that has no
// dictionary. The library would hold a page packed, unpacked and once more: for
// a line of 9 MB that is three times its length. This one holds a page
// unpacked, and of a large page only the value that is read.
type longReader struct {
	unpack  *unpacker
	in      *bufio.Reader
	left    int64 // packed bytes of the chunk that were not read
	decoder thrift.Decoder

	// The open page.
	levels []uint8
	taken  int        // levels used
	values []byte     // what was not read of a page that is unpacked; in buf or texts
	ends   []uint32   // of those values that follow each other without their lengths
	stream *pageInput // of a large page, else nil

	buf   []byte // memory of values, reused
	texts []byte // the same of values without lengths
	value []byte // the last value of a large page
}

// unpacker has what the columns of an object use one after another.
type unpacker struct {
	whole  *zstd.Decoder
	packed []byte
}

func newUnpacker() (*unpacker, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("make zstd decoder: %w", err)
	}
	return &unpacker{whole: d}, nil
}

// isLongColumn says whether [longReader] can read a chunk.
func isLongColumn(d columnDef, m *format.ColumnMetaData) bool {
	if d.enc != plainEncoding && d.enc != lengthEncoding || d.shape != scalar || m.Codec != format.Zstd || m.DictionaryPageOffset != 0 {
		return false
	}
	for _, e := range m.Encoding {
		if e != format.Plain && e != format.RLE && e != format.DeltaLengthByteArray {
			return false
		}
	}
	return true
}

// open starts to read a chunk of an object.
func (c *longReader) open(src io.ReaderAt, m *format.ColumnMetaData, unpack *unpacker) {
	c.unpack = unpack
	c.left = m.TotalCompressedSize
	section := io.NewSectionReader(src, m.DataPageOffset, c.left)
	if c.in == nil {
		c.in = bufio.NewReaderSize(section, longReadBuffer)
	} else {
		c.in.Reset(section)
	}
	c.decoder.Reset(new(thrift.CompactProtocol).NewReader(c.in))
	c.levels, c.taken, c.values, c.ends = c.levels[:0], 0, nil, c.ends[:0]
}

// close gives up the open page.
func (c *longReader) close() {
	c.closeStream()
	c.values = nil
}

func (c *longReader) closeStream() {
	if c.stream != nil {
		c.stream.zstd.Close()
		c.stream = nil
	}
}

// next returns the next value, valid until the call after it; nil for null.
// The error is [errShort] after the last.
func (c *longReader) next() ([]byte, error) {
	c.value = keepBuffer(c.value, largePage)
	for c.taken == len(c.levels) {
		if err := c.endPage(); err != nil {
			return nil, err
		}
		if err := c.readPage(); err != nil {
			return nil, err
		}
	}
	level := c.levels[c.taken]
	c.taken++
	switch {
	case level == 0:
		return nil, nil
	case c.stream != nil:
		var err error
		c.value, err = c.stream.value(c.value)
		return c.value, err
	case len(c.ends) > 0:
		return c.nextText()
	}
	if len(c.values) < 4 {
		return nil, errDamagedPage
	}
	n := uint64(binary.LittleEndian.Uint32(c.values))
	if n > uint64(len(c.values)-4) {
		return nil, errDamagedPage
	}
	v := c.values[4 : 4+n : 4+n]
	c.values = c.values[4+n:]
	return v, nil
}

// nextText returns the next of the values that stand without their lengths.
func (c *longReader) nextText() ([]byte, error) {
	if len(c.ends) < 2 {
		return nil, errDamagedPage
	}
	n := c.ends[1] - c.ends[0]
	v := c.values[:n:n]
	c.values, c.ends = c.values[n:], c.ends[1:]
	return v, nil
}

// endPage looks whether the open page was read to its end.
func (c *longReader) endPage() error {
	defer c.closeStream()
	if c.stream != nil {
		return c.stream.end()
	}
	if len(c.values) > 0 || len(c.ends) > 1 {
		return errDamagedPage
	}
	return nil
}

// readPage opens the next page.
func (c *longReader) readPage() error {
	if _, err := c.in.Peek(1); errors.Is(err, io.EOF) {
		return errShort
	}
	p, err := c.readHeader()
	if err != nil {
		return err
	}
	c.ends = c.ends[:0]
	if p.size > largePage && p.encoding == format.Plain {
		return c.openStream(&p)
	}
	body, err := c.readPacked(&p)
	if err != nil {
		return err
	}
	if cap(c.buf) < int(p.size) {
		c.buf = make([]byte, 0, p.size)
	}
	// Before version 2, the levels are compressed with the values.
	levels := body[:p.levels]
	if c.buf, err = c.unpack.whole.DecodeAll(body[p.levels:], c.buf[:0]); err != nil {
		return fmt.Errorf("unpack page: %w", err)
	}
	if int64(len(c.buf)) != p.size-p.levels {
		return errDamagedPage
	}
	c.values = c.buf
	if !p.second {
		if levels, c.values, err = cutLevels(c.buf); err != nil {
			return err
		}
	}
	if p.encoding == format.DeltaLengthByteArray && len(c.values) > 0 {
		e := delta.LengthByteArrayEncoding{}
		if c.texts, c.ends, err = e.DecodeByteArray(c.texts[:0], c.values, c.ends); err != nil {
			return fmt.Errorf("read values: %w", err)
		}
		c.values = c.texts
	}
	return c.readLevels(levels, p.values)
}

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
	if p.encoding != format.Plain && p.encoding != format.DeltaLengthByteArray || repeated != 0 || p.values < 0 || p.size < 0 ||
		p.packed > c.left || p.levels < 0 || p.levels > min(p.packed, p.size) || p.size > math.MaxInt32 {
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

// readLevels reads the definition levels of a page: 1 for a value, 0 for null.
func (c *longReader) readLevels(packed []byte, values int) error {
	var err error
	e := rle.Encoding{BitWidth: bits.Len8(1)}
	if c.levels, err = e.DecodeLevels(c.levels[:0], packed); err != nil {
		return fmt.Errorf("read levels: %w", err)
	}
	if len(c.levels) < values {
		return errDamagedPage
	}
	c.levels, c.taken = c.levels[:values], 0
	return nil
}

// openStream opens a large page.
func (c *longReader) openStream(p *pageHead) error {
	s := &pageInput{packed: io.LimitedReader{R: c.in, N: p.packed}, sum: crc32.NewIEEE(), want: p.crc, left: p.size - p.levels}
	in := io.TeeReader(&s.packed, s.sum)
	levels := make([]byte, p.levels)
	_, err := io.ReadFull(in, levels)
	if err != nil {
		return fmt.Errorf("read levels: %w", io.ErrUnexpectedEOF)
	}
	if s.zstd, err = zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true)); err != nil {
		return fmt.Errorf("unpack page: %w", err)
	}
	c.values, c.stream = nil, s
	if !p.second {
		if levels, err = s.value(nil); err != nil {
			return err
		}
	}
	return c.readLevels(levels, p.values)
}

// pageInput reads a page while it is unpacked.
type pageInput struct {
	packed io.LimitedReader
	zstd   *zstd.Decoder
	sum    hash.Hash32 // of what was read
	want   uint32      // the sum of all of it; 0 where that is not known
	left   int64       // unpacked bytes that were not read
}

// value reads a length and so many bytes, into dst if they fit.
func (s *pageInput) value(dst []byte) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(s.zstd, length[:]); err != nil {
		return nil, fmt.Errorf("unpack page: %w", err)
	}
	n := int64(binary.LittleEndian.Uint32(length[:]))
	if s.left -= 4 + n; s.left < 0 {
		return nil, errDamagedPage
	}
	if int64(cap(dst)) < n {
		dst = make([]byte, n)
	}
	dst = dst[:n]
	if _, err := io.ReadFull(s.zstd, dst); err != nil {
		return nil, fmt.Errorf("unpack page: %w", err)
	}
	return dst, nil
}

// end proves that the page has no more, and compares its checksum.
func (s *pageInput) end() error {
	if n, err := io.Copy(io.Discard, s.zstd); err != nil || n > 0 || s.left > 0 {
		return errors.Join(errDamagedPage, err)
	}
	if _, err := io.Copy(s.sum, &s.packed); err != nil {
		return fmt.Errorf("read page: %w", err)
	}
	if s.packed.N > 0 || s.want != 0 && s.sum.Sum32() != s.want {
		return fmt.Errorf("%w: its checksum is %08x, want %08x", errDamagedPage, s.sum.Sum32(), s.want)
	}
	return nil
}
