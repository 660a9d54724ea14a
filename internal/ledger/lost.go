package ledger

import (
	"fmt"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
)

// Least is how many bytes the file has at least, as held, if nothing of it was lost: the most that
// was ever seen of it.
func (e *Entry) Least() int64 {
	least := e.Seen
	if e.Read != nil {
		least = max(least, e.Read.Size)
	}
	if e.Open != nil {
		least = max(least, e.Open.Offset)
	}
	return least
}

// Shrunk is the gap of a file that has size bytes, fewer than were seen of it. Where its first bytes
// are others now (same is false) all that was seen is gone.
func (e *Entry) Shrunk(seen, size int64, same bool, now time.Time) Gap {
	from := size
	if !same || size >= seen {
		from = 0
	}
	return e.cutGap(continuity.ReasonTruncated, seen-from, now, fmt.Sprintf(
		"bytes %d to %d were seen and are gone (about %d lines): the file had %d bytes and was cut from outside; it has %d",
		from, seen, e.linesIn(seen-from), seen, size))
}

// Empty is the gap of a backup without a byte: kube-apiserver makes none.
func (e *Entry) Empty(now time.Time) Gap {
	return e.cutGap(continuity.ReasonTruncated, -1, now,
		"the backup is empty, and kube-apiserver makes no empty backup: its bytes were cut off before it was seen, or another file took its name; its size is unknown")
}

// Edited is the gap of a file that has at least the size that was seen of it, and other bytes.
func (e *Entry) Edited(seen int64, now time.Time) Gap {
	return e.cutGap(continuity.ReasonEdited, -1, now, fmt.Sprintf(
		"some of its first %d bytes (about %d lines) were changed after they had been read; the archive has the file as it was in the end",
		seen, e.linesIn(seen)))
}

func (e *Entry) cutGap(reason continuity.Reason, bytes int64, now time.Time, detail string) Gap {
	gap := Gap{Reason: reason, File: e.Name, From: e.Born, To: e.Rotated, Bytes: bytes, Detail: detail}
	if !e.Finished {
		gap.To = now.UTC()
	}
	if e.Gzip { // it was created by the one who compressed it, and its size says nothing of its content
		gap.From, gap.Bytes = time.Time{}, -1
	}
	if gap.To.Before(gap.From) { // a clock was set back, or the file was compressed later
		gap.To = gap.From
	}
	if e.Open != nil && e.Open.Offset > 0 {
		gap.Detail += fmt.Sprintf("; increments have its first %d bytes as they were", e.Open.Offset)
	}
	return gap
}

// lineBytes is the usual length of a line.
const lineBytes = 1000

// linesIn estimates the lines in n bytes of the file.
func (e *Entry) linesIn(n int64) int64 {
	lines, bytes := int64(1), int64(lineBytes)
	switch {
	case e.Read != nil && e.Read.Lines > 0:
		lines, bytes = e.Read.Lines, e.Read.Size
	case e.Open != nil && e.Open.Line > 0:
		lines, bytes = e.Open.Line, e.Open.Offset
	}
	return max(1, int64(float64(n)*float64(lines)/float64(bytes)+0.5))
}

// Cut records the gap of an entry whose file lacks bytes that were seen of it, or has others. The state
// of the file begins again with its size and mark as they are now. With apart the file is no
// longer the source of its increments, or may not be for long: then it takes another number, and the gap
// is the record of the old one, which supersedes no increment. [ErrStale] when the entry has changed,
// or the gap was recorded by another.
func (l *Ledger) Cut(e Entry, gap Gap, size int64, mark Mark, apart bool) error {
	return l.change(func(t *table) error {
		now, err := t.entry(e.ID, "record a cut of")
		if err != nil {
			return err
		}
		if now.State != e.State || now.Cuts != e.Cuts {
			return fmt.Errorf("record a cut of %s: %w", e.ID, ErrStale)
		}
		now.Cuts, now.Had = now.Cuts+1, max(now.Least(), e.Seen)
		if apart && now.Open != nil {
			gap.Seq, now.Seq = now.Seq, 0
		}
		now.Seen, now.Mark, now.Wrote, now.Tail, now.Read, now.Open = size, mark, e.Wrote, Tail{}, nil, nil
		t.addGap(gap)
		return nil
	})
}

// Streamed notes that a segment had as many bytes as were read of it at a position, unless it was
// cut since.
func (l *Ledger) Streamed(at Cursor) error {
	e, ok := l.Get(at.Segment)
	if !ok || e.Gzip || e.Seen >= at.Offset {
		return nil
	}
	return l.Edit(at.Segment, func(e *Entry) {
		if e.Cuts == at.Cuts {
			e.Seen = max(e.Seen, at.Offset)
		}
	})
}
