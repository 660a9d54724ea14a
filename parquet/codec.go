package parquet

import (
	"fmt"

	"github.com/klauspost/compress/zstd"
	pqzstd "github.com/parquet-go/parquet-go/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
)

// codec is zstd as the pages of one conversion want it. The library's own
// fastest level leaves literals as they are where it finds no matches, so that
// hexadecimal IDs would stay 36 bytes; with entropy coding for all literals
// they take 19. It also keeps one encoder, with buffers for a page and not for
// a stream.
type codec struct {
	encoder *zstd.Encoder
	decoder pqzstd.Codec
}

func newCodec() (*codec, error) {
	e, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(1),
		zstd.WithAllLitEntropyCompression(true),
		zstd.WithEncoderCRC(false),
		zstd.WithZeroFrames(true),
		zstd.WithWindowSize(1<<20),
		zstd.WithLowerEncoderMem(true),
	)
	if err != nil {
		return nil, fmt.Errorf("make zstd encoder: %w", err)
	}
	return &codec{encoder: e}, nil
}

// String returns the codec's name.
func (c *codec) String() string { return "ZSTD" }

// CompressionCodec returns the codec's number in the format.
func (c *codec) CompressionCodec() format.CompressionCodec { return format.Zstd }

// Encode compresses src into dst.
func (c *codec) Encode(dst, src []byte) ([]byte, error) {
	return c.encoder.EncodeAll(src, dst[:0]), nil
}

// Decode uncompresses src into dst: the library reads pages back to build a
// bloom filter.
func (c *codec) Decode(dst, src []byte) ([]byte, error) { return c.decoder.Decode(dst, src) }
