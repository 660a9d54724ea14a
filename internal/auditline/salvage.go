package auditline

import "bytes"

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

// salvage finds the whole events in a line that is not one event itself: torn
// by a crash and glued to the next, cut by a full disk, or with a hole of NUL
// bytes. They are returned in their order in the line.
//
// An event counts as whole only where the line ends after it, or a NUL, or the
// start of another event follows: the body of a request may itself hold an
// audit event, and a torn line must not bring to light one that never
// happened.
func (d *Decoder) salvage(line []byte) []Span {
	var found []Span
	defer d.probe.Reset() // it has views into the line
	effort := salvageEffort*len(line) + 64<<10
	for at := 0; at < len(line) && len(found) < maxParts && effort > 0; {
		n := bytes.Index(line[at:], []byte(eventHead))
		if n < 0 {
			break
		}
		from := at + n
		effort -= n
		end, _, ok := d.general.skip.skipValue(line, from)
		effort -= end - from
		if ok && endsEvent(line[end:]) {
			d.probe.Release()
			if _, isEvent := d.general.prefix(line[from:end], &d.probe); isEvent {
				found = append(found, Span{from, end})
				at = end
				continue
			}
		}
		at = from + len(eventHead)
	}
	return found
}

// endsEvent reports whether rest may follow a whole event.
func endsEvent(rest []byte) bool {
	rest = bytes.TrimRight(rest, "\r")
	return len(rest) == 0 || rest[0] == 0 || hasPrefix(rest, eventHead)
}
