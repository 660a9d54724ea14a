package objectfile

import (
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// Codec is zstd as the pages of one conversion want it. The encoder's fastest
// level leaves literals as they are where it finds no matches, so that
// hexadecimal IDs would stay 36 bytes; with entropy coding for all literals
// they take 19.
type Codec struct {
	encoder *zstd.Encoder
	// streams are the pages of streamed columns that are not open.
	streams []*pageStream
	// scratch and packed are buffers for a page that is being made; all chunks
	// use them, one after another.
	scratch, packed []byte
}

// The windows of the encoders: of a page that is compressed at once, and of one
// that is compressed as it is filled. An encoder has memory for two windows.
const (
	pageWindow   = 512 << 10
	streamWindow = 1 << 20
)

// NewCodec returns a codec that all objects of a conversion may use, one after
// another.
func NewCodec() (*Codec, error) {
	e, err := newEncoder(pageWindow)
	return &Codec{encoder: e}, err
}

func newEncoder(window int) (*zstd.Encoder, error) {
	e, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(1),
		zstd.WithAllLitEntropyCompression(true),
		zstd.WithEncoderCRC(false),
		zstd.WithZeroFrames(true),
		zstd.WithWindowSize(window),
	)
	if err != nil {
		return nil, fmt.Errorf("make zstd encoder: %w", err)
	}
	return e, nil
}

// encode appends src, compressed, to dst.
func (c *Codec) encode(dst, src []byte) []byte { return c.encoder.EncodeAll(src, dst) }

// frame writes parts to w as one frame.
func (c *Codec) frame(w io.Writer, parts [][]byte) error {
	s, err := c.stream()
	if err != nil {
		return err
	}
	defer c.release(s)
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	s.encoder.ResetContentSize(w, int64(size))
	for _, p := range parts {
		if _, err := s.encoder.Write(p); err != nil {
			return err
		}
	}
	return s.encoder.Close()
}
