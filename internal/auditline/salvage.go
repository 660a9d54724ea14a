package auditline

import (
	"bytes"
	"iter"
)

const (
	// maxParts bounds the rows of one broken line.
	maxParts = 4096
	// salvageEffort bounds how many times the bytes of a broken line are
	// looked at: a crafted line of nested beginnings must not cost the square
	// of its length.
	salvageEffort = 8
)

// Span is a piece of a line.
type Span struct{ From, To int }

// Events yields the whole events in a line that is not one event itself: a
// list of them or a piece of one, torn by a crash and glued to the next, cut by
// a full disk, or with a hole of NUL bytes.
//
// Outside of lists an event counts as whole only if it is followed by the end of the line, a NUL,
// or the start of another event: the body of a request may itself hold an
// audit event, and a torn line must not bring to light one that never
// happened.
func (w *Walker) Events(line []byte) iter.Seq[Span] {
	return func(yield func(Span) bool) {
		if w.listed(line, func(Span) bool { return true }) {
			w.listed(line, yield)
			return
		}
		effort := salvageEffort*len(line) + 64<<10
		for at := 0; effort > 0; {
			n := bytes.Index(line[at:], []byte(eventHead))
			if n < 0 {
				return
			}
			from := at + n
			end, ok := w.Value(line, from)
			effort -= n + end - from
			at = from + len(eventHead)
			if ok && endsEvent(line[end:]) {
				if at = end; !yield(Span{from, end}) {
					return
				}
			}
		}
	}
}

// endsEvent reports whether rest may follow a whole event: nothing, a NUL, or an
// event, be it torn within its first bytes.
func endsEvent(rest []byte) bool {
	rest = bytes.TrimRight(rest, "\r")
	return len(rest) == 0 || rest[0] == 0 || hasPrefix(rest, eventHead) || bytes.HasPrefix([]byte(eventHead), rest)
}

// salvage returns the whole events in a broken line. The content of e afterwards is undefined.
func (d *Decoder) salvage(line []byte, e *Event) (found []Span) {
	for part := range d.walker.Events(line) {
		e.Release()
		if d.general.decode(line[part.From:part.To], e) {
			found = append(found, part)
		}
		if len(found) == maxParts {
			break
		}
	}
	return found
}
