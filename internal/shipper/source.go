package shipper

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// MaxUnpacked is the most bytes that a compressed file may unpack to. The
// audit log's rotation size is 100 MiB by default; a file beyond this is not a
// audit log, and would fill the disk of the control plane.
const MaxUnpacked = 8 << 30

// UnpackError says that a compressed segment cannot be unpacked to its end, now or
// ever.
type UnpackError struct {
	// Path of the compressed file.
	Path string
	// Unpacked is how many bytes of its content were unpacked before the damage; 0
	// for a file that is refused.
	Unpacked int64
	// Err is the fault.
	Err error
}

// Error returns the message.
func (e *UnpackError) Error() string { return fmt.Sprintf("unpack %s: %v", e.Path, e.Err) }

// Unwrap returns the cause.
func (e *UnpackError) Unwrap() error { return e.Err }

// source is the plain bytes of a segment, or the last of them.
type source struct {
	*os.File
	from, size int64
	damage     *UnpackError // the damage that ends them; nil at the end of the file
}

// ReadAt reads at an offset in the source.
func (s *source) ReadAt(p []byte, at int64) (int, error) { return s.File.ReadAt(p, s.from+at) }

// open opens the bytes of a segment; those of a compressed one are unpacked
// beside the work first, because the conversion reads them twice, in another
// order. Of a damaged one that is the part that unpacks.
func (s *workspace) open(ctx context.Context, e ledger.Entry) (*source, error) {
	path := s.cfg.Held.Path(e.ID)
	if !e.Gzip {
		return openSource(path)
	}
	plain := s.workFile(e.ID, "unpacked")
	err := Unpack(ctx, path, plain, MaxUnpacked)
	damage, _ := errors.AsType[*UnpackError](err)
	if err != nil && (damage == nil || damage.Unpacked == 0) {
		return nil, err
	}
	src, err := openSource(plain)
	if err == nil {
		src.damage = damage
	}
	return src, err
}

func openSource(path string) (*source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open a finished file: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("look at a finished file: %w", err), f.Close())
	}
	return &source{File: f, size: info.Size()}, nil
}

// Unpack writes the content of a .gz to a new file. More than limit bytes, a
// file that is cut short or one that is not gzip is an [*UnpackError].
func Unpack(ctx context.Context, path, to string, limit int64) error {
	packed, err := rotate.Open(path, true)
	if err != nil {
		return unpackError(path, 0, err)
	}
	defer packed.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("make room to unpack %s: %w", path, err)
	}
	n, err := io.Copy(out, io.LimitReader(&cancelReader{ctx, packed}, limit+1))
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	if n > limit {
		return &UnpackError{Path: path, Err: fmt.Errorf("it unpacks to more than %d bytes", limit)}
	}
	return unpackError(path, n, err)
}

// unpackError distinguishes permanent damage from an error of the disk or a
// context, which passes.
func unpackError(path string, n int64, err error) error {
	var disk *fs.PathError
	if err == nil || errors.As(err, &disk) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if cause := errors.Unwrap(err); cause != nil {
		err = cause // without the path once more
	}
	return &UnpackError{Path: path, Unpacked: n, Err: err}
}

// cancelReader ends a long copy when its context does.
type cancelReader struct {
	ctx context.Context //nolint:containedctx // io.Reader has no room for it
	r   io.Reader
}

func (c *cancelReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// grown says whether the held file has more bytes than were archived.
func (s *Shipper) grown(e ledger.Entry) (bool, error) {
	if e.Gzip || e.Source == nil {
		return false, nil
	}
	info, err := os.Stat(s.cfg.Held.Path(e.ID))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at a held file: %w", err)
	}
	return info.Size() > e.Source.From+e.Source.Size, nil // bytes cut off since then are archived
}

// tally counts the bytes written to it. NUL bytes are the hole that a truncation leaves
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
