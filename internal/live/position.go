package live

import (
	"fmt"
	"maps"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// position is how far the log was read, and how far Loki is known to have it.
type position struct {
	cfg     *Config
	metrics *metrics

	cursor    ledger.Cursor // after the last line that was read
	stored    ledger.Cursor // in the cursor file
	storedAt  time.Time     // when it was last written, or could not be
	unwritten error         // why it could not be, the last time
	released  string        // the segment before which no claim is left

	ends ends // of the segments that are left
}

// keep writes the position of the lowest byte that is not accepted, if it has
// moved, at most once a second unless now is set; then it releases Loki's claim on
// all segments before it. kept is false if the write is not due yet.
func (p *position) keep(at ledger.Cursor, now bool) (kept bool, err error) {
	if at != p.stored {
		if !now && time.Since(p.storedAt) < cursorInterval {
			return false, nil
		}
		p.storedAt = time.Now()
		if p.unwritten = p.cfg.CursorFile.Store(at); p.unwritten != nil {
			return false, p.unwritten
		}
		p.stored = at
	}
	return true, p.release(at.Segment)
}

// after returns the position after a line.
func (p *position) after(line rotate.Line, at time.Time) ledger.Cursor {
	return ledger.Cursor{Segment: line.Segment, Offset: line.End, Line: line.Number, Cuts: p.cutsOf(line.Segment), Timestamp: at}
}

// before returns the position before a line; last is the timestamp of the line
// before it.
func (p *position) before(line rotate.Line, last time.Time) ledger.Cursor {
	return ledger.Cursor{Segment: line.Segment, Offset: line.Offset, Line: line.Number - 1, Cuts: p.cutsOf(line.Segment), Timestamp: last}
}

// advance moves the position behind a line.
func (p *position) advance(line rotate.Line, at time.Time) {
	p.metrics.readLines.Inc()
	p.metrics.readBytes.Add(float64(line.End - line.Offset))
	next := p.after(line, at)
	if line.Segment != p.cursor.Segment {
		p.enter(line.Segment)
	}
	p.cursor = next
}

// release gives up Loki's claim on the segments before the given one; IDs
// sort in the order of rotation.
func (p *position) release(current string) error {
	if current == p.released {
		return nil
	}
	released := false
	for _, e := range p.cfg.Ledger.Entries() {
		if !e.Loki || e.ID >= current {
			continue
		}
		p.leave(&e)
		if err := p.cfg.Ledger.Edit(e.ID, func(e *ledger.Entry) { e.Loki = false }); err != nil {
			return err
		}
		released = true
	}
	maps.DeleteFunc(p.ends.at, func(id string, _ ledger.Cursor) bool { return id < current })
	maps.DeleteFunc(p.ends.noticed, func(id string, _ bool) bool { return id < current })
	if p.released = current; released {
		p.cfg.Events.Released()
	}
	return nil
}

// ends is where the reading of the segments ended that still have Loki's claim. Bytes that the ledger knows
// beyond that were cut off before they were read.
type ends struct {
	begun   string // the first segment that was read
	at      map[string]ledger.Cursor
	noticed map[string]bool // the reader has reported the break
}

// cutsOf is how often a segment was cut.
func (p *position) cutsOf(segment string) int64 {
	if segment == p.cursor.Segment {
		return p.cursor.Cuts
	}
	e, _ := p.cfg.Ledger.Get(segment)
	return e.Cuts
}

// enter notes where the reading of a segment ended, and the part that the next one lacks from the start.
func (p *position) enter(segment string) {
	p.ends.at[p.cursor.Segment] = p.cursor
	if e, _ := p.cfg.Ledger.Get(segment); e.Cuts > 0 {
		p.noteMissed(&e)
	}
}

// noteMissed reports bytes that were cut off a file before they were read.
func (p *position) noteMissed(e *ledger.Entry) {
	p.metrics.breaks.WithLabelValues("truncated").Inc()
	p.cfg.Events.Note(fmt.Sprintf("%s was cut before it was read to its end: Loki misses lines of it", e.Name), nil)
}

// leave reports the bytes cut off a segment before it was read to its end.
func (p *position) leave(e *ledger.Entry) {
	end := p.ends.at[e.ID]
	if e.ID == p.cursor.Segment {
		end = p.cursor
	}
	least := e.Seen
	if end.Cuts != e.Cuts {
		least = max(least, e.Had)
	}
	if e.ID >= p.ends.begun && !e.Gzip && !p.ends.noticed[e.ID] && end.Offset < least {
		p.noteMissed(e)
	}
}
