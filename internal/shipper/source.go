package shipper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// MaxUnpacked is the most bytes that a compressed file may unpack to. The
// audit log's rotation size is 100 MiB by default; what is beyond this is no
// audit log, and would fill the disk of the control plane.
const MaxUnpacked = 8 << 30

// UnpackError says that a compressed segment cannot be unpacked, now or ever.
type UnpackError struct {
	// Path of the compressed file.
	Path string
	// Err is what is wrong with it.
	Err error
}

// Error returns the message.
func (e *UnpackError) Error() string { return fmt.Sprintf("unpack %s: %v", e.Path, e.Err) }

// Unwrap returns the cause.
func (e *UnpackError) Unwrap() error { return e.Err }

// source is the plain bytes of a segment.
type source struct {
	*os.File
	size int64
}

// open opens the bytes of a segment; those of a compressed one are unpacked
// beside the work first, because the conversion reads them twice, in another
// order.
func (s *Shipper) open(ctx context.Context, e ledger.Entry) (*source, error) {
	path := s.cfg.HeldPath(e.ID)
	if e.Gzip {
		plain := s.workFile(e.ID, "unpacked")
		if err := Unpack(ctx, path, plain, MaxUnpacked); err != nil {
			return nil, err
		}
		path = plain
	}
	return openSource(path)
}

func openSource(path string) (*source, error) {
	f, err := durable.Open(path)
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
// file that is cut short or one that is no gzip is an [*UnpackError].
func Unpack(ctx context.Context, path, to string, limit int64) error {
	packed, err := rotate.Open(path, true)
	if err != nil {
		return unpackError(path, err)
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
	return unpackError(path, err)
}

// unpackError tells damage, which stays, from an error of the disk or a
// context, which passes.
func unpackError(path string, err error) error {
	var disk *fs.PathError
	if err == nil || errors.As(err, &disk) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &UnpackError{Path: path, Err: err}
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
	info, err := os.Stat(s.cfg.HeldPath(e.ID))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at a held file: %w", err)
	}
	return info.Size() > e.Source.Size, nil // what was cut off since is archived
}
