package live

import (
	"maps"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// unsettled returns the parcel with the lowest line that is neither accepted
// nor refused, nil when there is none.
func (l *Live) unsettled() *parcel {
	var lowest *parcel
	for _, parcels := range [][]*parcel{l.flying, l.waiting, l.open} {
		for _, p := range parcels {
			if lowest == nil || p.first < lowest.first {
				lowest = p
			}
		}
	}
	return lowest
}

// accepted returns the place of the lowest byte that is not accepted. Where
// everything that was read is, that is where the reader is: a segment without
// a line is passed, too.
func (l *Live) accepted() ledger.Cursor {
	if p := l.unsettled(); p != nil {
		return p.from
	}
	at := l.cursor
	if pos := l.reader.Position(); !l.hasLeft && pos.Segment != "" && pos.Segment != at.Segment {
		at.Segment, at.Offset, at.Line, at.Cuts = pos.Segment, pos.Offset, pos.Line, l.cutsOf(pos.Segment)
	}
	return at
}

// keepCursor writes the cursor when it has moved, not more often than once a
// second unless it is to be now, and then releases Loki's claim on all
// segments before it.
func (l *Live) keepCursor(now bool) error {
	at := l.accepted()
	if at != l.stored {
		if !now && time.Since(l.storedAt) < cursorInterval {
			return nil
		}
		l.storedAt = time.Now()
		if l.unwritten = l.cfg.CursorFile.Store(at); l.unwritten != nil {
			return l.unwritten
		}
		l.stored = at
	}
	l.spanFrom(l.unsettled())
	return l.release(at.Segment)
}

// release gives up Loki's claim on the segments before the given one; IDs
// sort in the order of rotation.
func (l *Live) release(current string) error {
	if current == l.released {
		return nil
	}
	released := false
	for _, e := range l.cfg.Ledger.Entries() {
		if !e.Loki || e.ID >= current {
			continue
		}
		l.leave(&e)
		if err := l.cfg.Ledger.Edit(e.ID, func(e *ledger.Entry) { e.Loki = false }); err != nil {
			return err
		}
		released = true
	}
	maps.DeleteFunc(l.ends.at, func(id string, _ ledger.Cursor) bool { return id < current })
	maps.DeleteFunc(l.ends.noticed, func(id string, _ bool) bool { return id < current })
	if l.released = current; released {
		l.cfg.Released()
	}
	return nil
}
