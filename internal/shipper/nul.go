package shipper

import (
	"bytes"
	"context"
	"fmt"
	"io"
)

// tally counts what is written to it. NUL bytes are the hole that a truncation leaves
// under a writer that continues at its old offset: JSON has none.
type tally struct{ bytes, lines, nuls int64 }

// Write counts p.
func (t *tally) Write(p []byte) (int, error) {
	t.bytes += int64(len(p))
	t.lines += int64(bytes.Count(p, []byte{'\n'}))
	t.nuls += int64(bytes.Count(p, []byte{0}))
	return len(p), nil
}

// countNULs counts the NUL bytes of a file.
func countNULs(ctx context.Context, r io.ReaderAt, size int64) (int64, error) {
	var t tally
	_, err := io.Copy(&t, &cancelReader{ctx, io.NewSectionReader(r, 0, size)})
	if err == nil && t.bytes < size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return 0, fmt.Errorf("look for NUL bytes: %w", err)
	}
	return t.nuls, nil
}
