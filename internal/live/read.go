package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/lokipush"
	"github.com/auditsidecar/auditsidecar/rotate"
)

const (
	// maxOpen and maxOpenBytes bound the parcels that are filled at one time.
	// With labels from events each stream has its own.
	maxOpen      = 64
	maxOpenBytes = 4 << 20
)

// fill reads lines into parcels until the log is read to its present end or
// there is no place for more. A cursor that cannot be written is an error, but
// no reason to stop.
func (l *Live) fill(ctx context.Context) (err error) {
	var cursor error
	defer func() { err = errors.Join(err, cursor) }()
	for more := true; more && err == nil && ctx.Err() == nil; {
		// A backlog may take long to read, and all of it may be passed over.
		l.settleLanded()
		l.sealDue(false)
		if e := errors.Join(l.launch(ctx), l.keepCursor(false)); e != nil {
			if cursor = e; durable.IsFatal(e) {
				return nil
			}
		}
		if len(l.waiting) > 0 {
			return nil
		}
		more, err = l.readSome()
	}
	return err
}

// readSome reads a few lines. It returns false at the present end of the log
// and when a parcel waits for its place. A break in the log is noted, and read
// over.
func (l *Live) readSome() (more bool, err error) {
	now := l.cfg.Now()
	for range linesAtOnce {
		line, err := l.next(now)
		if err == nil {
			err = l.add(line, now)
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			l.atEnd = true
			return false, nil
		case isBreak(err):
			if err := l.broke(err); err != nil {
				return false, err
			}
		default:
			return false, err
		}
		if len(l.waiting) > 0 {
			break
		}
	}
	return true, nil
}

// linesAtOnce is how many lines are read without a look at the clock and at
// what else there is to do.
const linesAtOnce = 64

// next returns the line that had to wait for its time, or reads one. The line
// that waited is still valid: nothing was read since.
func (l *Live) next(now time.Time) (rotate.Line, error) {
	if !l.hasLeft {
		return l.reader.Next()
	}
	if now.Before(l.leftUntil) {
		return rotate.Line{}, io.EOF
	}
	l.hasLeft = false
	return l.left, nil
}

// add puts one line into the parcel of its stream, or passes over it when it
// is outside of Loki's window. For a line that has to wait for its time it
// returns io.EOF, as if it were not there yet.
func (l *Live) add(line rotate.Line, now time.Time) error {
	e, err := l.line.apply(line)
	if err != nil {
		l.left, l.hasLeft, l.leftUntil = line, true, time.Time{}
		return err
	}
	if reason := l.cfg.Window.outside(e.at, now); reason != "" {
		l.passOver(reason, e.at)
		l.advance(line, e.at)
		return nil
	}
	if early := l.cfg.Window.early(e.at, now); early > 0 {
		l.left, l.hasLeft, l.leftUntil = line, true, now.Add(early)
		return io.EOF
	}
	s, err := l.streams.of(&l.line.fields)
	if err != nil {
		return err
	}
	l.number++
	l.parcelFor(s, e, line, now).take(line, e.at, l.number)
	l.makeRoom()
	if e.redacted {
		l.metrics.redacted.Inc()
	}
	if e.shrunk {
		l.metrics.shrunk.Inc()
	}
	l.advance(line, e.at)
	return nil
}

// advance moves the reading place behind a line.
func (l *Live) advance(line rotate.Line, at time.Time) {
	l.line.last = at
	l.metrics.readLines.Inc()
	l.metrics.readBytes.Add(float64(line.End - line.Offset))
	cuts := l.cutsOf(line.Segment)
	if line.Segment != l.cursor.Segment {
		l.enter(line.Segment)
	}
	l.cursor = ledger.Cursor{Segment: line.Segment, Offset: line.End, Line: line.Number, Cuts: cuts, Timestamp: at}
}

// parcelFor adds the entry to the stream's open parcel, or to a new one where
// there is none or it is full, and returns it.
func (l *Live) parcelFor(s *stream, e entry, line rotate.Line, now time.Time) *parcel {
	if p := s.open; p != nil {
		before := p.batch.Bytes()
		if p.spans(e.at) <= maxSpan && p.batch.Add(e.at, e.text, &l.line.fields) {
			l.openBytes += p.batch.Bytes() - before
			return p
		}
		l.seal(p)
	}
	from := ledger.Cursor{Segment: line.Segment, Offset: line.Offset, Line: line.Number - 1, Cuts: l.cutsOf(line.Segment), Timestamp: l.line.last}
	p := &parcel{batch: l.newBatch(s), stream: s, first: l.number, from: from, since: now}
	p.batch.Add(e.at, e.text, &l.line.fields) // an empty batch takes any line
	s.open, l.open, l.openBytes = p, append(l.open, p), l.openBytes+p.batch.Bytes()
	return p
}

// makeRoom seals the largest open parcel when there are many, or many bytes in
// them.
func (l *Live) makeRoom() {
	if len(l.open) <= maxOpen && l.openBytes <= maxOpenBytes {
		return
	}
	largest := l.open[0]
	for _, p := range l.open {
		if p.batch.Bytes() > largest.batch.Bytes() {
			largest = p
		}
	}
	l.seal(largest)
}

func (l *Live) newBatch(s *stream) *lokipush.Batch {
	if n := len(l.free); n > 0 {
		b := l.free[n-1]
		l.free = l.free[:n-1]
		b.ResetTo(s.labels)
		return b
	}
	return lokipush.NewBatchOf(s.labels)
}

// passOver counts a line that Loki would refuse. What is outside of the window
// comes in runs, of which the first line is noted.
func (l *Live) passOver(reason lokipush.Reason, at time.Time) {
	l.metrics.refused.WithLabelValues(string(reason)).Inc()
	if now := time.Now(); now.Sub(l.passedOver) > passOverEvery {
		l.passedOver = now
		l.cfg.Note(fmt.Sprintf("lines of %s are outside of the time that Loki takes (%s) and are not sent; they are in the archive",
			at.Format(time.RFC3339), reason), nil)
	}
}

// passOverEvery is the shortest time between two notes of lines outside of
// Loki's window.
const passOverEvery = time.Minute
