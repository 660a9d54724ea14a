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
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// reconcile asks the archive, once at the beginning of an epoch, which of the
// finished files it has from an earlier one: a lost ledger must not archive
// a file a second time. A file is taken for archived when a record names it
// with the same size and SHA-256.
func (s *Shipper) reconcile(ctx context.Context) error {
	if !s.cfg.Ledger.Fresh() {
		return nil
	}
	for _, e := range s.cfg.Ledger.Entries() {
		if !e.Finished || e.State != ledger.Held || e.Seq != 0 {
			continue
		}
		if err := s.reconcileOne(ctx, e); err != nil {
			return fmt.Errorf("ask the archive whether it has %s already: %w", e.Name, err)
		}
	}
	return s.cfg.Ledger.Reconciled()
}

func (s *Shipper) reconcileOne(ctx context.Context, e ledger.Entry) error {
	records, err := s.cfg.Store.Find(ctx, e.Rotated)
	if err != nil || len(records) == 0 {
		return err
	}
	size, sum, err := s.fingerprint(ctx, e)
	if err != nil {
		return s.refuse(e, err)
	}
	for _, r := range records {
		if r.Source == nil || r.Source.Name != e.Name || r.Source.Size != size || !s.isSum(r.Source, sum) {
			continue
		}
		s.cfg.Note("the archive has it from an earlier epoch", e)
		return s.cfg.Ledger.Advance(e.ID, ledger.Held, func(e *ledger.Entry) {
			e.State, e.Source, e.Objects = ledger.Retired, archivedSource(&r), archivedObjects(r.Objects)
		})
	}
	return nil
}

// isSum says whether a record is of a file with this SHA-256.
func (s *Shipper) isSum(m *manifest.Source, sum string) bool {
	if m.HMAC != "" {
		return s.cfg.Blind != nil && s.cfg.Blind(sum) == m.HMAC
	}
	return m.SHA256 == sum
}

func archivedSource(r *manifest.Record) *ledger.Source {
	m := r.Source
	source := &ledger.Source{
		Size: m.Size, Lines: m.Lines, SHA256: m.SHA256, MerkleRoot: m.MerkleRoot, FinalNewline: m.FinalNewline, First: m.First.Time, Last: m.Last.Time,
		HMAC: m.HMAC,
	}
	if c := r.Content; c != nil {
		source.Content = &ledger.Content{Size: c.Size, SHA256: c.SHA256, MerkleRoot: c.MerkleRoot}
	}
	return source
}

func archivedObjects(objects []manifest.Object) []ledger.Object {
	out := make([]ledger.Object, len(objects))
	for i, o := range objects {
		out[i] = ledger.Object{Key: o.Key, Size: o.Size, SHA256: o.SHA256, Rows: o.Rows}
	}
	return out
}

// fingerprint is the size and the SHA-256 of a held file, unpacked.
func (s *Shipper) fingerprint(ctx context.Context, e ledger.Entry) (int64, string, error) {
	if err := s.begin(e.ID); err != nil {
		return 0, "", err
	}
	src, err := s.open(ctx, e)
	if err != nil {
		return 0, "", err
	}
	hash := sha256.New()
	_, err = io.Copy(hash, &cancelReader{ctx, src})
	if err = errors.Join(err, src.Close(), s.clear(e.ID)); err != nil {
		return 0, "", fmt.Errorf("hash a held file: %w", err)
	}
	return src.size, hex.EncodeToString(hash.Sum(nil)), nil
}

// gone says that a file is not there (any more).
func (s *Shipper) gone(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, os.ErrNotExist)
}
