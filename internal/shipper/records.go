package shipper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// sealer makes the records of the tree and stores them.
type sealer struct {
	*workspace
	uploads  *uploader
	looked   bool // the archive has no later record
	replaced bool // the key of this node was replaced, which was reported
}

// seal makes the record of a segment whose objects are stored, and stores it.
func (s *sealer) seal(ctx context.Context, e ledger.Entry) error {
	_, err := s.cfg.Chain.Seal(s.fileRecord(e))
	if errors.Is(err, manifest.ErrConflict) {
		// The segment was given up meanwhile, and the record says so.
		if now, ok := s.cfg.Ledger.Get(e.ID); !ok || now.State != ledger.Converted {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("seal the record of %s: %w", e.Name, err)
	}
	return s.flush(ctx)
}

// flush stores the sealed records, in the order of the tree, and lets go of
// each when the archive, the leaves and the ledger have it.
func (s *sealer) flush(ctx context.Context) error {
	for _, sealed := range s.cfg.Chain.Sealed() {
		ours := func(key string) (bool, error) { return false, s.notOurs(ctx, key) }
		if err := s.putRecord(ctx, s.cfg.Cluster, s.cfg.Node, sealed, ours); err != nil {
			return fmt.Errorf("archive the record %d: %w", sealed.Number, err)
		}
		if err := s.cfg.Chain.Keep(sealed); err != nil {
			return err
		}
		head := headOf(sealed.Head)
		if err := s.cfg.Ledger.Confirm(head); err != nil {
			return err
		}
		s.showHead(head)
		s.cfg.Events.Head(head)
		if err := s.cfg.Chain.Remove(sealed); err != nil {
			return err
		}
	}
	return nil
}

// putRecord stores a sealed record. Others may follow it, so it is never made again
// while the process runs.
func (s *sealer) putRecord(ctx context.Context, cluster, node string, r manifest.Sealed, ours func(key string) (bool, error)) error {
	_, err := s.uploads.put(ctx, "a record", s.cfg.Keys.Record(cluster, node, r.Head), r.Path, r.Size, r.SHA256, ours)
	if errors.Is(err, ErrWorkGone) {
		err = fmt.Errorf("%w; move the file away, if it is there, and restart the sidecar: it seals the record again or begins a new epoch", err)
	}
	return err
}

// sealGaps makes a record of every gap that waits for one.
func (s *sealer) sealGaps(ctx context.Context) error {
	for _, gap := range s.cfg.Ledger.Gaps() {
		seq, err := s.cfg.Ledger.TakeGap(gap.ID)
		if err != nil {
			return err
		}
		if _, err := s.cfg.Chain.Seal(gapRecord(gap, seq)); err != nil {
			return fmt.Errorf("seal the record of a gap: %w", err)
		}
		if err := s.flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

// storeLeftovers stores sealed records of another tree or node: each was sealed only
// after the archive had its objects.
func (s *sealer) storeLeftovers(ctx context.Context) error {
	for _, l := range s.cfg.Chain.Leftovers() {
		if !durable.Exists(l.Path) {
			continue // stored by an earlier pass
		}
		if err := s.putRecord(ctx, l.Cluster, l.Node, l.Sealed, nil); err != nil {
			return fmt.Errorf("archive the record %d of the epoch %s: %w", l.Number, l.Epoch, err)
		}
		if err := s.cfg.FS.Remove(l.Path); err != nil {
			return fmt.Errorf("remove a stored record: %w", err)
		}
	}
	return nil
}

func (s *sealer) fileRecord(e ledger.Entry) manifest.Record {
	r := manifest.Record{
		Kind: manifest.KindFile, Seq: e.Seq, Time: manifest.At(time.Now()),
		Source: &manifest.Source{
			Name: e.Name, Inode: e.Inode, Size: e.Source.Size, Lines: e.Source.Lines, SHA256: e.Source.SHA256,
			MerkleRoot: e.Source.MerkleRoot, HMAC: e.Source.HMAC,
			FinalNewline: e.Source.FinalNewline, First: manifest.At(e.Source.First), Last: manifest.At(e.Source.Last), Rotated: manifest.At(e.Rotated),
		},
		Counts: manifest.Counts{Levels: e.Source.Levels, Stages: e.Source.Stages},
	}
	if s.cfg.Redact != nil {
		r.Redaction = s.cfg.Redact.Policy
	}
	if c := e.Source.Content; c != nil {
		r.Content = &manifest.Content{Size: c.Size, Lines: e.Source.Lines, SHA256: c.SHA256, MerkleRoot: c.MerkleRoot}
	}
	for _, o := range e.Objects {
		r.Objects = append(r.Objects, manifest.Object{Key: o.Key, Size: o.Size, SHA256: o.SHA256, Rows: o.Rows})
	}
	if e.Source.NULs > 0 {
		r.Gaps = gapRecord(nulHole(e, e.Source), e.Seq).Gaps
	}
	if e.Source.Damage != nil {
		r.Gaps = append(r.Gaps, gapRecord(*e.Source.Damage, e.Seq).Gaps...)
	}
	return r
}

// nulHole is the break that NUL bytes in a finished file are.
func nulHole(e ledger.Entry, source *ledger.Source) ledger.Gap {
	return ledger.Gap{
		From: source.First, To: e.Rotated, Reason: continuity.ReasonNULHole, Bytes: source.NULs, File: e.Name,
		Detail: "NUL bytes, left by a truncation under the writer; they are archived as they are",
	}
}

func gapRecord(g ledger.Gap, seq int64) manifest.Record {
	if g.From.After(g.To) { // the times of damaged lines, or of a file that was compressed later
		g.From = time.Time{}
	}
	return manifest.Record{
		Kind: manifest.KindGap, Seq: seq, Time: manifest.At(time.Now()),
		Gaps: []manifest.Gap{{
			From: manifest.At(g.From), To: manifest.At(g.To), Reason: g.Reason, Bytes: g.Bytes, File: g.File, Detail: g.Detail,
		}},
	}
}
