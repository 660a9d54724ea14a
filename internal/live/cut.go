package live

import (
	"errors"
	"fmt"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// ends is where the reading of the segments ended that still have Loki's claim. What the ledger knows
// of more bytes of them was cut off before it was read.
type ends struct {
	begun   string // the first segment that was read
	at      map[string]ledger.Cursor
	noticed map[string]bool // the reader has reported the break
}

// cutsOf is how often a segment was cut.
func (l *Live) cutsOf(segment string) int64 {
	if segment == l.cursor.Segment {
		return l.cursor.Cuts
	}
	e, _ := l.cfg.Ledger.Get(segment)
	return e.Cuts
}

// enter notes where the reading of a segment ended, and what the next one lacks from the start.
func (l *Live) enter(segment string) {
	l.ends.at[l.cursor.Segment] = l.cursor
	if e, _ := l.cfg.Ledger.Get(segment); e.Cuts > 0 {
		l.noteMissed(&e)
	}
}

// followCuts goes back to the beginning of the file that is being read when the ledger says that it was
// cut: what it has now are other bytes, even where they are as many. What is sent again for that Loki
// hides.
func (l *Live) followCuts() error {
	e, ok := l.cfg.Ledger.Get(l.cursor.Segment)
	if !ok || e.Cuts == l.cursor.Cuts {
		return nil
	}
	noticed, missed := l.ends.noticed[e.ID], e.Had-l.cursor.Offset
	delete(l.ends.noticed, e.ID)
	l.cursor.Cuts = e.Cuts
	if noticed || l.reader.Position().Segment != e.ID {
		return nil // the reader has gone back itself, or on
	}
	if missed > 0 {
		l.noteMissed(&e)
	}
	last := l.line.last
	if err := l.reader.Close(); err != nil {
		return fmt.Errorf("read %s from its beginning: %w", e.Name, err)
	}
	l.hasLeft = false
	return l.readFrom(ledger.Cursor{Segment: e.ID, Cuts: e.Cuts, Timestamp: last})
}

// noteMissed reports bytes that were cut off a file before they were read.
func (l *Live) noteMissed(e *ledger.Entry) {
	l.metrics.breaks.WithLabelValues("truncated").Inc()
	l.cfg.Note(fmt.Sprintf("%s was cut before it was read to its end: Loki misses lines of it", e.Name), nil)
}

// broke takes a break that the reader reports. How far it had read is a bound for what the archive must
// have of the file.
func (l *Live) broke(err error) error {
	l.metrics.breaks.WithLabelValues(breakReason(err)).Inc()
	l.cfg.Note("the log could not be read without a break", err)
	segment := l.cursor.Segment
	if gone, ok := errors.AsType[*rotate.GoneError](err); ok {
		segment = gone.Position.Segment
	}
	cut, ok := errors.AsType[*rotate.TruncatedError](err)
	if ok {
		segment = cut.Segment
	}
	l.ends.noticed[segment] = true
	if ok && segment == l.cursor.Segment {
		return l.cfg.Ledger.Streamed(l.cursor)
	}
	return nil
}

// leave reports what was cut off a segment before it was read to its end.
func (l *Live) leave(e *ledger.Entry) {
	end := l.ends.at[e.ID]
	if e.ID == l.cursor.Segment {
		end = l.cursor
	}
	least := e.Seen
	if end.Cuts != e.Cuts {
		least = max(least, e.Had)
	}
	if e.ID >= l.ends.begun && !e.Gzip && !l.ends.noticed[e.ID] && end.Offset < least {
		l.noteMissed(e)
	}
}
