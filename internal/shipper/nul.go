package shipper

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// countNULs counts the NUL bytes of a file. JSON has none: they are the hole
// that a truncation leaves under a writer that goes on at its old offset.
func countNULs(ctx context.Context, r io.ReaderAt, size int64) (n int64, err error) {
	buf := make([]byte, 256<<10)
	for offset := int64(0); offset < size; {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		got, err := r.ReadAt(buf[:min(int64(len(buf)), size-offset)], offset)
		if got == 0 && err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return 0, fmt.Errorf("look for NUL bytes: %w", err)
		}
		n += int64(bytes.Count(buf[:got], []byte{0}))
		offset += int64(got)
	}
	return n, nil
}
