package shipper

import (
	"errors"
	"io"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// quarantiner takes the segments that cannot be archived off the main path.
type quarantiner struct{ *workspace }

// refuse quarantines a segment whose bytes can never be read; an error that
// may pass is returned.
func (s *quarantiner) refuse(e ledger.Entry, err error) error {
	var bad *UnpackError
	if errors.As(err, &bad) && e.Before != nil {
		return s.leave(e, e.Before)
	}
	if bad != nil || errors.Is(err, parquet.ErrLineTooLong) || errors.Is(err, parquet.ErrTooManyLines) {
		return s.quarantine(e, ledger.Held, err)
	}
	return err
}

// quarantine keeps a segment held, with the reason, and records it as a gap.
// Before it was stored, the gap takes the segment's number in the chain.
func (s *quarantiner) quarantine(e ledger.Entry, from ledger.State, reason error) error {
	gap := ledger.Gap{
		Reason: continuity.ReasonQuarantined, File: e.Name, From: e.Born, To: e.Rotated, Bytes: e.Seen, Detail: reason.Error(),
	}
	if from == ledger.Held {
		gap.Seq = e.Seq
	}
	if e.Gzip { // it was created by who compressed it, and its size says nothing of its content
		gap.From, gap.Bytes = time.Time{}, -1
	}
	set := func(e *ledger.Entry) { e.State, e.Reason = ledger.Quarantined, reason.Error() }
	if e.Cuts > 0 && gap.Seq == 0 && (e.Seen == 0 || errors.Is(reason, io.ErrUnexpectedEOF)) { // the cut is recorded, and nothing is left
		return errors.Join(s.cfg.Ledger.Advance(e.ID, from, set), s.clear(e.ID))
	}
	if err := s.addGap(gap, e.ID, from, set); err != nil {
		return err
	}
	e.Reason = reason.Error()
	s.cfg.Events.File("quarantined: it cannot be archived as it is and stays held", e)
	return s.clear(e.ID)
}

// leave retires a file of which the archive has all that there is. A number that an
// interrupted conversion took gets a gap as its record: the bytes it read are gone.
func (s *quarantiner) leave(e ledger.Entry, source *ledger.Source) error {
	retire := func(e *ledger.Entry) {
		e.State, e.Source, e.Before = ledger.Retired, source, nil
		if !e.Gzip {
			e.Seen = max(e.Seen, source.From+source.Size)
		}
	}
	var err error
	if e.Seq == 0 {
		err = s.cfg.Ledger.Advance(e.ID, ledger.Held, retire)
	} else {
		err = s.addGap(ledger.Gap{
			Seq: e.Seq, Reason: continuity.ReasonUnreadable, File: e.Name, From: source.First, To: e.Rotated, Bytes: -1,
			Detail: "the file was changed or repaired, and changed again before that was archived",
		}, e.ID, ledger.Held, retire)
	}
	if err != nil {
		return err
	}
	s.cfg.Held.Wake()
	return s.clear(e.ID)
}

// addGap records a gap of a segment in a state, and changes its entry with it.
func (s *quarantiner) addGap(gap ledger.Gap, id string, from ledger.State, set func(*ledger.Entry)) error {
	err := s.cfg.Ledger.AddGap(gap, id, func(e *ledger.Entry) error {
		if e.State != from {
			return ledger.ErrStale
		}
		set(e)
		return nil
	})
	if err == nil {
		s.cfg.Events.Gap(gap)
	}
	return err
}
