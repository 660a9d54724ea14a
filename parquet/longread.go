package parquet

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

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
	left    int64 // packed bytes of the chunk's pages that were not read, at most
	decoder thrift.Decoder

	// The open page.
	levels []uint8
	taken  int        // levels used
	values []byte     // what was not read of a page that is unpacked; in buf or texts
	ends   []uint32   // where values end that stand without their lengths; first a zero
	ended  int        // of ends, how many were passed
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
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(largePage))
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

// open starts to read a chunk of an object of size bytes.
func (c *longReader) open(src io.ReaderAt, size int64, m *format.ColumnMetaData, unpack *unpacker) {
	c.unpack = unpack
	c.left = max(min(m.TotalCompressedSize, size-m.DataPageOffset), 0)
	section := io.NewSectionReader(src, m.DataPageOffset, c.left)
	if c.in == nil {
		c.in = bufio.NewReaderSize(section, longReadBuffer)
	} else {
		c.in.Reset(section)
	}
	c.decoder.Reset(new(thrift.CompactProtocol).NewReader(c.in))
	c.levels, c.taken, c.values, c.ends, c.ended = c.levels[:0], 0, nil, c.ends[:0], 0
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
	if c.ended+1 >= len(c.ends) {
		return nil, errDamagedPage
	}
	from, to := c.ends[c.ended], c.ends[c.ended+1]
	if from > to || uint64(to) > uint64(len(c.values)) {
		return nil, errDamagedPage
	}
	c.ended++
	return c.values[from:to:to], nil
}

// endPage looks whether the open page was read to its end.
func (c *longReader) endPage() error {
	defer c.closeStream()
	if c.stream != nil {
		return c.stream.end()
	}
	if len(c.ends) > 0 && c.ended+1 != len(c.ends) || len(c.ends) == 0 && len(c.values) > 0 {
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
	c.left -= p.packed
	c.ends, c.ended = c.ends[:0], 0
	if p.size > largePage {
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
		if err := c.readTexts(p.values); err != nil {
			return err
		}
	}
	return c.readLevels(levels, p.values)
}

// readTexts reads values that stand without their lengths, at most so many.
func (c *longReader) readTexts(values int) error {
	// The library makes room for as many as the page says: it says so third.
	rest, count := c.values, uint64(0)
	for range 3 {
		n, width := binary.Uvarint(rest)
		if width <= 0 {
			return errDamagedPage
		}
		count, rest = n, rest[width:]
	}
	if count > uint64(values) {
		return errDamagedPage
	}
	e := delta.LengthByteArrayEncoding{}
	var err error
	if c.texts, c.ends, err = e.DecodeByteArray(c.texts[:0], c.values, c.ends); err != nil {
		return fmt.Errorf("read values: %w", err)
	}
	c.values = c.texts
	return nil
}

// readLevels reads the definition levels of a page: 1 for a value, 0 for null.
func (c *longReader) readLevels(packed []byte, values int) error {
	if runLength(packed) > uint64(values)+7 { // the last eight may not all be used
		return errDamagedPage
	}
	var err error
	e := rle.Encoding{BitWidth: 1}
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
