package shipper

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// damageOf is the gap of a compressed file that does not unpack to its end; nil
// where it does. Only the checksum at its end proves what unpacks, so lines of any
// time may be damaged, and how many are missing is unknown.
func damageOf(e ledger.Entry, bad *UnpackError, source *ledger.Source) *ledger.Gap {
	if bad == nil {
		return nil
	}
	gap := ledger.Gap{
		Reason: string(manifest.ReasonUnreadable), File: e.Name, From: source.First, To: e.Rotated, Bytes: -1,
		Detail: fmt.Sprintf("the .gz is damaged: of its content the first %d bytes unpack, and are archived (%v)", bad.Unpacked, bad.Err),
	}
	if gap.From.After(gap.To) {
		gap.From = gap.To
	}
	return &gap
}

// sameAsBefore compares a file that is held again, because it was damaged and has
// been changed since, with what the archive has of it. The source is then what
// follows that, from the line on in which the damage was. done says that there is
// nothing to archive: it is still damaged, or has nothing more.
func (s *Shipper) sameAsBefore(ctx context.Context, e ledger.Entry, src *source) (done bool, err error) {
	before := e.Before
	if before == nil {
		return false, nil
	}
	if src.damage != nil {
		return true, s.refused.leave(e, before)
	}
	end := before.From + before.Size
	if src.size < end {
		return false, s.noteChange(e, "is another one, and was archived again as it is now")
	}
	sum, err := sumOf(ctx, io.NewSectionReader(src, before.From, before.Size), before.Size)
	if err != nil {
		return false, err
	}
	if !s.isSum(&manifest.Source{SHA256: before.SHA256, HMAC: before.HMAC}, sum) {
		return false, s.noteChange(e, "has other bytes, and was archived again as it is now")
	}
	if src.size == end {
		whole := *before
		whole.Damage = nil
		return true, s.refused.leave(e, &whole)
	}
	src.from, _, err = (&growing{src.File, end}).lastLine(before.From, before.Size)
	src.size -= src.from
	s.cfg.Events.File("a file has more than was archived of it: archiving the rest", e)
	if err != nil {
		return false, err
	}
	return false, s.noteChange(e, "has more bytes, which were archived as a file of their own")
}

// noteChange records once that a whole file was changed or replaced after it was
// archived. Nothing is missing, but somebody changed the log.
func (s *Shipper) noteChange(e ledger.Entry, what string) error {
	if e.Before.Damage != nil || e.Changed {
		return nil
	}
	now := time.Now().UTC()
	gap := ledger.Gap{Reason: ledger.ReasonEdited, File: e.Name, From: e.Rotated, To: now, Detail: "after it was archived the file was changed or replaced: it " + what}
	err := s.cfg.Ledger.AddGap(gap, e.ID, func(e *ledger.Entry) error { e.Changed = true; return nil })
	if err == nil {
		s.cfg.Events.Gap(gap)
	}
	return err
}
