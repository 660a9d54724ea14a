package rowread

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/zstd"
)

const (
	// maxWindow bounds the window of a page's encoder; ours has a mebibyte.
	maxWindow = 8 << 20
	// maxRatio is how many times its packed size a large page may claim to have unpacked. More
	// is possible, and is counted before memory is made for it.
	maxRatio = 256
)

// unpacker has the buffers that the columns of an object use in turn.
type unpacker struct {
	whole  *zstd.Decoder
	packed []byte
}

func newUnpacker() (*unpacker, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(LargePage))
	if err != nil {
		return nil, fmt.Errorf("make zstd decoder: %w", err)
	}
	return &unpacker{whole: d}, nil
}

func newStreamDecoder(in io.Reader) (*zstd.Decoder, error) {
	d, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, fmt.Errorf("unpack page: %w", err)
	}
	return d, nil
}

// unpack unpacks a page, levels first: into dst if it is not a large one.
func (u *unpacker) unpack(in io.Reader, p *pageHead, dst []byte) ([]byte, error) {
	if p.size > LargePage {
		return u.all(in, p)
	}
	if p.packed > 2*LargePage {
		return nil, fmt.Errorf("%w: %d bytes for %d", errDamagedPage, p.packed, p.size)
	}
	body, err := u.readPacked(in, p)
	if err != nil {
		return nil, err
	}
	if cap(dst) < int(p.size) {
		dst = make([]byte, 0, p.size)
	}
	dst, err = u.whole.DecodeAll(body[p.levels:], append(dst[:0], body[:p.levels]...))
	if err != nil {
		return nil, fmt.Errorf("%w: unpack: %w", errDamagedPage, err)
	}
	if int64(len(dst)) != p.size {
		return nil, fmt.Errorf("%w: %d bytes, want %d", errDamagedPage, len(dst), p.size)
	}
	return dst, nil
}

// pageInput reads a large page while it is unpacked.
type pageInput struct {
	head   pageHead
	packed io.LimitedReader
	sum    hash.Hash32 // of the bytes read
	zstd   *zstd.Decoder
	left   int64 // unpacked bytes that were not read
}

// open opens a large page and returns the levels that are not compressed.
func (u *unpacker) open(in io.Reader, p *pageHead) (s *pageInput, levels []byte, err error) {
	if p.size > maxRatio*p.packed {
		if in, err = u.counted(in, p); err != nil {
			return nil, nil, err
		}
	}
	s = &pageInput{head: *p, packed: io.LimitedReader{R: in, N: p.packed}, sum: crc32.NewIEEE(), left: p.size - p.levels}
	tee := io.TeeReader(&s.packed, s.sum)
	levels = make([]byte, p.levels)
	if _, err := io.ReadFull(tee, levels); err != nil {
		return nil, nil, fmt.Errorf("read levels: %w", noEOF(err))
	}
	if s.zstd, err = newStreamDecoder(tee); err != nil {
		return nil, nil, err
	}
	return s, levels, nil
}

// all unpacks a large page, of which all values are needed at a time.
func (u *unpacker) all(in io.Reader, p *pageHead) ([]byte, error) {
	s, levels, err := u.open(in, p)
	if err != nil {
		return nil, err
	}
	defer s.close()
	b, err := s.bytes(nil, s.left)
	if err != nil {
		return nil, err
	}
	if len(levels) > 0 { // single values only have them
		return nil, errDamagedPage
	}
	return b, s.end()
}

// counted reads a page that claims to be very large, and makes sure that it is.
func (u *unpacker) counted(in io.Reader, p *pageHead) (io.Reader, error) {
	body, err := u.readPacked(in, p)
	if err != nil {
		return nil, err
	}
	d, err := newStreamDecoder(bytes.NewReader(body[p.levels:]))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	n, err := io.Copy(io.Discard, io.LimitReader(d, p.size+1))
	if err != nil {
		return nil, fmt.Errorf("%w: unpack: %w", errDamagedPage, err)
	}
	if n != p.size-p.levels {
		return nil, fmt.Errorf("%w: %d bytes, want %d", errDamagedPage, n, p.size-p.levels)
	}
	return bytes.NewReader(body), nil
}

// value reads a length and that many bytes, into dst if they fit.
func (s *pageInput) value(dst []byte) ([]byte, error) {
	var length [4]byte
	if s.left -= int64(len(length)); s.left < 0 {
		return nil, errDamagedPage
	}
	if _, err := io.ReadFull(s.zstd, length[:]); err != nil {
		return nil, fmt.Errorf("%w: unpack: %w", errDamagedPage, noEOF(err))
	}
	return s.bytes(dst, int64(binary.LittleEndian.Uint32(length[:])))
}

// bytes reads n bytes, into dst if they fit.
func (s *pageInput) bytes(dst []byte, n int64) ([]byte, error) {
	if s.left -= n; s.left < 0 {
		return nil, errDamagedPage
	}
	if int64(cap(dst)) < n {
		dst = make([]byte, n)
	}
	dst = dst[:n]
	if _, err := io.ReadFull(s.zstd, dst); err != nil {
		return nil, fmt.Errorf("%w: unpack: %w", errDamagedPage, noEOF(err))
	}
	return dst, nil
}

// end proves that the page has no more, and compares its checksum.
func (s *pageInput) end() error {
	if n, err := s.zstd.Read(make([]byte, 1)); n > 0 || s.left > 0 || !errors.Is(err, io.EOF) {
		return errDamagedPage
	}
	if _, err := io.Copy(s.sum, &s.packed); err != nil {
		return fmt.Errorf("read page: %w", err)
	}
	if s.packed.N > 0 {
		return fmt.Errorf("read page: %w", io.ErrUnexpectedEOF)
	}
	return s.head.checkSum(s.sum.Sum32())
}

func (s *pageInput) close() { s.zstd.Close() }
