package shipper

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/redact"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// Redaction selects the values to replace in the archive. It must not change within an
// epoch: a conversion that is done again makes the same objects.
type Redaction struct {
	// Redactor is the shipper's own.
	Redactor *redact.Redactor
	// Policy is the hash of its policy.
	Policy string
}

// redactedName is the name of a redacted copy in the work directory. It is
// needed by the conversion only.
const redactedName = "redacted"

// content is the archived form of a segment: its bytes, or a redacted copy of
// them.
type content struct {
	io.ReaderAt
	size int64
	copy *source // nil where it is the segment itself
	hmac string  // stands for the SHA-256 of the segment; empty there, too
}

// content makes the archived form of size bytes. If none of them is to be
// replaced that is these bytes.
func (s *workspace) content(ctx context.Context, e ledger.Entry, src io.ReaderAt, size int64) (*content, error) {
	if s.cfg.Redact == nil {
		return &content{ReaderAt: src, size: size}, nil
	}
	path := s.workFile(e.ID, redactedName)
	redacted, sum, err := s.redactTo(ctx, path, io.NewSectionReader(src, 0, size), size)
	if err != nil {
		return nil, fmt.Errorf("redact %s: %w", e.Name, err)
	}
	s.metrics.redacted.Add(float64(redacted.Changed))
	if redacted.Changed == 0 {
		return &content{ReaderAt: src, size: size}, s.clearFile(path)
	}
	f, err := openSource(path)
	if err != nil {
		return nil, err
	}
	return &content{ReaderAt: f, size: f.size, copy: f, hmac: s.cfg.Blind(sum)}, nil
}

// redactTo writes the redacted copy of a source of size bytes and returns the
// source's SHA-256.
func (s *workspace) redactTo(ctx context.Context, path string, src io.Reader, size int64) (redacted redact.Tally, sum string, err error) {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return redacted, "", fmt.Errorf("make room: %w", err)
	}
	hash := sha256.New()
	var read tally
	redacted, err = s.cfg.Redact.Redactor.Copy(ctx, out, io.TeeReader(src, io.MultiWriter(hash, &read)))
	if err == nil && read.bytes != size {
		err = fmt.Errorf("%w: it has %d of %d bytes", parquet.ErrSourceChanged, read.bytes, size)
	}
	return redacted, hex.EncodeToString(hash.Sum(nil)), errors.Join(err, out.Close())
}

// Close closes the copy, if there is one.
func (c *content) Close() error {
	if c.copy == nil {
		return nil
	}
	return c.copy.Close()
}

// describe makes the ledger's entry of a segment of size bytes whose content
// was converted.
func (c *content) describe(size int64, result parquet.Result, nuls int64) *ledger.Source {
	source := &ledger.Source{
		Size: size, Lines: result.Lines, FinalNewline: result.FinalNewline, First: result.First, Last: result.Last,
		Levels: result.Levels, Stages: result.Stages, NULs: nuls,
	}
	sum, root := hex.EncodeToString(result.SHA256[:]), hex.EncodeToString(result.Root[:])
	if c.copy == nil {
		source.SHA256, source.MerkleRoot = sum, root
		return source
	}
	source.HMAC = c.hmac
	source.Content = &ledger.Content{Size: result.Bytes, SHA256: sum, MerkleRoot: root}
	return source
}
