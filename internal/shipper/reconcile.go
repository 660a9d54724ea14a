package shipper

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// reconciler finds the objects and records of earlier epochs.
type reconciler struct {
	*workspace
	refused *quarantiner
	asked   map[string]bool // by epoch and ID: the files that the archive was asked for
}

// reconcile asks the archive, once at the beginning of an epoch, for objects of
// the finished files from an earlier one: a lost ledger must not archive a line
// a second time, nor record as a gap bytes that the archive has.
func (s *reconciler) reconcile(ctx context.Context) error {
	if !s.cfg.Ledger.Chain().Fresh {
		return nil
	}
	for _, e := range s.cfg.Ledger.Entries() {
		if !e.Finished || e.State != ledger.Held || e.Seq != 0 {
			continue
		}
		if err := s.reconcileOne(ctx, e); err != nil {
			return err
		}
	}
	// After the files: one that is given up meanwhile becomes a gap in the same change.
	for _, gap := range s.cfg.Ledger.Gaps() {
		if err := s.reconcileGap(ctx, gap); err != nil {
			return fmt.Errorf("look up in the archive the gap %s of %s: %w", gap.Reason, gap.File, err)
		}
	}
	lost, err := s.lostBefore(ctx)
	if err == nil {
		err = s.cfg.Ledger.Reconciled(lost)
	}
	if err == nil && lost != nil {
		s.cfg.Events.Gap(*lost)
	}
	return err
}

// late asks the archive about a file that was rotated before the epoch began and held after
// [reconciler.reconcile]: it was being compressed then, or its link was lost.
func (s *reconciler) late(ctx context.Context, e ledger.Entry) (asked bool, err error) {
	chain := s.cfg.Ledger.Chain()
	if e.Seq != 0 || e.Before != nil || s.asked[chain.Epoch+e.ID] || e.Rotated.After(chain.Began) {
		return false, nil
	}
	return true, s.reconcileOne(ctx, e)
}

// lostBefore is the gap of an earlier epoch that only the archive knows of: the
// state directory is gone as a whole, or another one is used.
func (s *reconciler) lostBefore(ctx context.Context) (*ledger.Gap, error) {
	if !s.cfg.Ledger.Chain().First {
		return nil, nil
	}
	epoch, err := s.cfg.Store.Earlier(ctx, s.cfg.Ledger.Chain().Epoch)
	if err != nil || epoch == "" {
		return nil, err
	}
	return ledger.StateLost("the state directory is new, and the archive has the epoch "+epoch+" of this log", time.Now()), nil
}

// reconcileGap drops a gap that an old ledger was put back for: files that the life
// of the ledger which it replaced has archived.
func (s *reconciler) reconcileGap(ctx context.Context, gap ledger.Gap) error {
	if gap.Seq != 0 || gap.File == "" {
		return nil
	}
	var e ledger.Entry
	var r *manifest.Record
	var err error
	switch gap.Reason {
	case continuity.ReasonVanished:
		e = s.vanished(gap)
		r, err = s.recordOfVanished(ctx, gap, e)
	case continuity.ReasonPruned:
		r, err = s.recordBefore(ctx, gap)
	}
	if r == nil || err != nil {
		return err
	}
	e.Name, e.Reason = r.Source.Name, ""
	s.cfg.Events.File("the archive has it from an earlier life of the ledger: no gap "+string(gap.Reason), e)
	return s.cfg.Ledger.DropGap(gap.ID, e.ID, func(e *ledger.Entry) {
		e.State, e.Loki, e.Reason = ledger.Retired, false, ""
		e.Name, e.Rotated = r.Source.Name, r.Source.Rotated.Time
		e.Source, e.Objects = archivedSource(r), archivedObjects(r.Objects)
	})
}

// vanished is the entry of a file that has lost its link; without an ID where there
// is not one.
func (s *reconciler) vanished(gap ledger.Gap) ledger.Entry {
	for _, e := range s.cfg.Ledger.Entries() {
		if e.State == ledger.Quarantined && e.Name == gap.File && e.Born.Equal(gap.From) && e.Rotated.Equal(gap.To) && !durable.Exists(s.cfg.Held.Path(e.ID)) {
			return e
		}
	}
	return ledger.Entry{Name: gap.File}
}

// recordOfVanished finds the record of a file that vanished. The old ledger may know an
// open file only: then it is the one that was rotated next after its creation.
func (s *reconciler) recordOfVanished(ctx context.Context, gap ledger.Gap, e ledger.Entry) (*manifest.Record, error) {
	at, open := gap.To, gap.To.IsZero()
	if open {
		at = gap.From
	}
	if at.IsZero() {
		return nil, nil //nolint:nilnil // there is nothing to find it by
	}
	found, err := s.recordsAt(ctx, at, open)
	for _, r := range found {
		switch m := r.Source; {
		case !open && m.Name == gap.File && m.Rotated.Equal(at) && m.Size >= gap.Bytes:
			return r, nil
		case !open || !m.Rotated.After(at):
		case m.Inode == e.Inode && m.Size >= gap.Bytes:
			return r, nil
		case !continuity.Adjoins(m.Rotated.Time, at): // else it may be the one before
			return nil, nil //nolint:nilnil // another file was rotated next
		}
	}
	return nil, err
}

// recordBefore finds the record of the last file in a gap between two others. Who had
// archived it had found the breaks before it, and recorded them.
func (s *reconciler) recordBefore(ctx context.Context, gap ledger.Gap) (*manifest.Record, error) {
	found, err := s.recordsAt(ctx, gap.To, true)
	for _, r := range found {
		if r.Source.Rotated.After(gap.From) && continuity.Adjoins(r.Source.Rotated.Time, gap.To) {
			return r, nil
		}
	}
	return nil, err
}

// recordsAt returns the records that [Store.Find] finds, in the order of rotation.
func (s *reconciler) recordsAt(ctx context.Context, at time.Time, about bool) (records []*manifest.Record, err error) {
	found, err := s.cfg.Store.Find(ctx, at, about)
	for _, f := range found {
		if f.Record != nil && f.Record.Source != nil {
			records = append(records, f.Record)
		}
	}
	slices.SortFunc(records, func(a, b *manifest.Record) int { return a.Source.Rotated.Compare(b.Source.Rotated.Time) })
	return records, err
}

func (s *reconciler) reconcileOne(ctx context.Context, e ledger.Entry) error {
	found, err := s.cfg.Store.Find(ctx, e.Rotated, e.Unnamed)
	if err != nil {
		return fmt.Errorf("ask the archive whether it has %s already: %w", e.Name, err)
	}
	var print fingerprint
	if len(found) > 0 {
		if print, err = s.fingerprint(ctx, e); err != nil {
			return s.refused.refuse(e, err)
		}
	}
	s.asked[s.cfg.Ledger.Chain().Epoch+e.ID] = true // not before it could be read
	for _, f := range found {
		if f.Record != nil && s.isRecordOf(f.Record.Source, e, print) {
			return s.archivedBefore(e, f.Record)
		}
	}
	for _, f := range found {
		if f.Record == nil && isObjectOf(f.Meta, e, print) {
			return s.takeUp(e, f.Meta)
		}
	}
	return nil
}

// isRecordOf says whether a record is of a held file. A name that no pass saw
// is no evidence.
func (s *reconciler) isRecordOf(m *manifest.Source, e ledger.Entry, print fingerprint) bool {
	if m == nil || !e.Unnamed && m.Name != e.Name {
		return false
	}
	emptied := print.size == 0 && !e.Unnamed && m.Size > 0 // after it was archived
	return emptied || m.Size == print.size && s.isSum(m, print.sum)
}

// isObjectOf says whether an object is made of the archived part of a held file.
func isObjectOf(m parquet.ObjectMeta, e ledger.Entry, print fingerprint) bool {
	return (e.Unnamed || m.SourceName == e.Name) && m.SourceSize == print.storedSize && hex.EncodeToString(m.SourceSHA256[:]) == print.storedSum
}

// archivedBefore retires a file that an earlier epoch has archived.
func (s *reconciler) archivedBefore(e ledger.Entry, r *manifest.Record) error {
	s.cfg.Events.File("the archive has it from an earlier epoch", e)
	return s.cfg.Ledger.Advance(e.ID, ledger.Held, func(e *ledger.Entry) {
		e.State, e.Source, e.Objects = ledger.Retired, archivedSource(r), archivedObjects(r.Objects)
	})
}

// takeUp resumes where an earlier epoch stopped, which had stored objects of a
// file and not recorded it. The conversion makes the same objects under the same
// keys, those that are missing among them; archived objects are compared
// when they are stored (I5), so nothing is taken on the object's own word.
func (s *reconciler) takeUp(e ledger.Entry, m parquet.ObjectMeta) error {
	s.cfg.Events.File("resuming with the objects that an earlier epoch stored without a record", e)
	return s.cfg.Ledger.Advance(e.ID, ledger.Held, func(e *ledger.Entry) {
		e.Origin = &ledger.Origin{Epoch: m.Epoch, Seq: m.Seq}
		if e.Unnamed {
			e.Name, e.Rotated, e.Unnamed = m.SourceName, m.Rotated, false
		}
	})
}

func archivedSource(r *manifest.Record) *ledger.Source {
	m := r.Source
	source := &ledger.Source{
		Size: m.Size, Lines: m.Lines, SHA256: m.SHA256, MerkleRoot: m.MerkleRoot, FinalNewline: m.FinalNewline, First: m.First.Time, Last: m.Last.Time,
		HMAC: m.HMAC,
	}
	for _, g := range r.Gaps {
		if g.Reason == continuity.ReasonUnreadable {
			source.Damage = &ledger.Gap{Reason: g.Reason, File: g.File, From: g.From.Time, To: g.To.Time, Bytes: g.Bytes, Detail: g.Detail}
		}
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

// fingerprint identifies the bytes of a file, unpacked, and those that are
// archived of it: the same unless the archive is redacted.
type fingerprint struct {
	size       int64
	sum        string // SHA-256
	storedSize int64
	storedSum  string
}

func (s *reconciler) fingerprint(ctx context.Context, e ledger.Entry) (f fingerprint, err error) {
	if err := s.begin(e.ID); err != nil {
		return f, err
	}
	src, err := s.open(ctx, e)
	if err != nil {
		return f, err
	}
	defer src.Close()
	f.size = src.size
	if f.sum, err = sumOf(ctx, src, src.size); err != nil {
		return f, err
	}
	content, err := s.content(ctx, e, src, src.size)
	if err != nil {
		return f, err
	}
	defer content.Close()
	f.storedSize, f.storedSum = f.size, f.sum
	if content.copy != nil {
		f.storedSize = content.size
		if f.storedSum, err = sumOf(ctx, content, content.size); err != nil {
			return f, err
		}
	}
	return f, s.clear(e.ID)
}

func sumOf(ctx context.Context, r io.ReaderAt, size int64) (string, error) {
	hash := sha256.New()
	if _, err := io.Copy(hash, &cancelReader{ctx, io.NewSectionReader(r, 0, size)}); err != nil {
		return "", fmt.Errorf("hash a held file: %w", err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
