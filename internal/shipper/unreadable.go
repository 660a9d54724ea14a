package shipper

import (
	"context"
	"fmt"

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
	if src.size < before.Size {
		return false, nil // another file: all of it is archived
	}
	sum, err := sumOf(ctx, src, before.Size)
	if err != nil || !s.isSum(&manifest.Source{SHA256: before.SHA256, HMAC: before.HMAC}, sum) {
		return false, err
	}
	if src.size == before.Size {
		whole := *before
		whole.Damage = nil
		return true, s.refused.leave(e, &whole)
	}
	src.from, _, err = (&growing{src.File, before.Size}).lastLine(0, before.Size)
	src.size -= src.from
	s.cfg.Events.File("a damaged file was repaired: archiving the rest of it", e)
	return false, err
}
