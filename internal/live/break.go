package live

import (
	"errors"
	"fmt"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// watchCuts goes back to the beginning of the file that is being read when the ledger says that it was
// cut: it now has other bytes, even if they are as many. Lines sent again for that Loki
// hides them.
func (l *Live) watchCuts() error {
	e, ok := l.cfg.Ledger.Get(l.pos.cursor.Segment)
	if !ok || e.Cuts == l.pos.cursor.Cuts {
		return nil
	}
	noticed, missed := l.pos.ends.noticed[e.ID], e.Had-l.pos.cursor.Offset
	delete(l.pos.ends.noticed, e.ID)
	l.pos.cursor.Cuts = e.Cuts
	if noticed || l.reader.Position().Segment != e.ID {
		return nil // the reader has gone back itself, or on
	}
	if missed > 0 {
		l.pos.noteMissed(&e)
	}
	last := l.line.last
	if err := l.reader.Close(); err != nil {
		return fmt.Errorf("read %s from its beginning: %w", e.Name, err)
	}
	l.left.is = false
	return l.readFrom(ledger.Cursor{Segment: e.ID, Cuts: e.Cuts, Timestamp: last})
}

// broke takes a break that the reader reports. How far it had read is a bound for the bytes that the archive must
// have of the file.
func (l *Live) broke(err error) error {
	l.metrics.breaks.WithLabelValues(breakReason(err)).Inc()
	l.cfg.Events.Note("the log could not be read without a break", err)
	segment := l.pos.cursor.Segment
	if gone, ok := errors.AsType[*rotate.GoneError](err); ok {
		segment = gone.Position.Segment
	}
	cut, ok := errors.AsType[*rotate.TruncatedError](err)
	if ok {
		segment = cut.Segment
	}
	l.pos.ends.noticed[segment] = true
	if !ok || segment != l.pos.cursor.Segment {
		return nil
	}
	e, known := l.cfg.Ledger.Get(segment)
	if !known || e.Finished || e.Gzip || e.State != ledger.Held || e.Cuts != l.pos.cursor.Cuts || cut.Size >= cut.Offset {
		return l.cfg.Ledger.Streamed(l.pos.cursor) // the comparison of finished files finds it
	}
	return l.pos.recordCut(e, cut)
}

// recordCut records the bytes cut off the open file after it was read. When the file has grown
// beyond its size again before the next pass of package hold, nothing else knows.
func (p *position) recordCut(e ledger.Entry, cut *rotate.TruncatedError) error {
	e.Seen = max(e.Least(), cut.Offset)
	gap := e.Shrunk(e.Seen, cut.Size, true, time.Now())
	err := p.cfg.Ledger.Cut(e, gap, cut.Size, ledger.Mark{}, true)
	if errors.Is(err, ledger.ErrStale) || errors.Is(err, ledger.ErrUnknown) {
		return nil // another has found it
	}
	if err == nil {
		p.cfg.Events.Gap(gap)
	}
	return err
}

// lagInterval is the shortest time between two measurements of the lag, for
// which all segments are looked at.
const lagInterval = time.Second

// observeLag measures the lines that Loki does not have yet.
func (l *Live) observeLag() {
	now := l.cfg.Now()
	if now.Sub(l.lagAt) < lagInterval {
		return
	}
	l.lagAt = now
	lag, err := l.reader.Lag()
	if err != nil {
		return // the next read returns the error
	}
	waiting, oldest := l.queue.unaccepted()
	l.metrics.lagBytes.Set(float64(lag + waiting))
	if oldest.IsZero() {
		l.metrics.lagTime.Set(0)
		return
	}
	l.metrics.lagTime.Set(max(0, now.Sub(oldest).Seconds()))
}
