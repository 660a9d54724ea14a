package live

import (
	"time"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// keepCursor writes the cursor when it has moved, not more often than once a
// second unless it is to be now, and then releases Loki's claim on all
// segments before it.
func (l *Live) keepCursor(now bool) error {
	l.skipEmpty()
	if l.accepted == l.stored || (!now && time.Since(l.storedAt) < cursorInterval) {
		return nil
	}
	if err := l.cfg.CursorFile.Store(l.accepted); err != nil {
		return err
	}
	l.stored, l.storedAt = l.accepted, time.Now()
	return l.release(l.accepted.Segment)
}

// skipEmpty moves the cursor into the segment that the reader has gone on to
// while it has no line yet: the one before it is read to its end.
func (l *Live) skipEmpty() {
	if l.batch.Len() > 0 || l.hasLeft {
		return
	}
	at := l.reader.Position()
	if at.Segment != "" && at.Segment != l.accepted.Segment {
		l.accepted.Segment, l.accepted.Offset, l.accepted.Line = at.Segment, at.Offset, at.Line
	}
}

// release gives up Loki's claim on the segments before the given one; IDs
// sort in the order of rotation.
func (l *Live) release(current string) error {
	released := false
	for _, e := range l.cfg.Ledger.Entries() {
		if !e.Loki || e.ID >= current {
			continue
		}
		if err := l.cfg.Ledger.Edit(e.ID, func(e *ledger.Entry) { e.Loki = false }); err != nil {
			return err
		}
		released = true
	}
	if released {
		l.cfg.Released()
	}
	return nil
}
