package auditline

import "bytes"

// weaver puts a line together from its known members, which the columns give,
// and its unknown ones; the opposite of [cutter].
type weaver struct {
	plain     Rebuilder // of the known members
	skip      skipper
	known     []byte                    // plain's output
	positions [2][maxPositions]position // of the members of the event, and of an object in it
}

// maxPositions is how many members an object has in a rebuilder's output, at
// most.
const maxPositions = 24

// woven writes an event that has unknown members. The event is as before when it returns.
func (b *Rebuilder) woven(e *Event) {
	if b.weaver == nil {
		b.weaver = &weaver{}
	}
	w, unknown := b.weaver, e.Unknown
	e.Unknown = nil
	w.known = w.plain.Append(emptied(w.known), e)
	e.Unknown = unknown
	w.weave(b, w.known, unknown, 0)
}

// weave writes an object from its known members and the unknown ones. A member
// of unknown that is among the known ones says how far these are to be written
// first; depth is 0 for the event and 1 for an object in it.
func (w *weaver) weave(b *Rebuilder, known, unknown []byte, depth int) {
	positions := w.find(known, depth)
	b.lit(`{`)
	first := true
	for i := 1; i < len(unknown); i++ {
		m, _, ok := w.skip.memberAt(unknown, i)
		if !ok {
			break // a line written here is always whole
		}
		i = m.end
		n := indexOf(positions, known, m.name(unknown))
		for range n {
			b.member(known, positions[0], &first)
			positions = positions[1:]
		}
		switch {
		case n < 0:
			b.comma(&first)
			b.raw(unknown[m.from:m.end])
			continue
		case depth == 0 && unknown[m.value] == '{' && known[positions[0].value] == '{':
			b.comma(&first)
			b.raw(known[positions[0].from:positions[0].value])
			w.weave(b, known[positions[0].value:positions[0].end], unknown[m.value:m.end], 1)
		default:
			b.member(known, positions[0], &first)
		}
		positions = positions[1:]
	}
	for _, p := range positions {
		b.member(known, p, &first)
	}
	b.lit(`}`)
}

// find returns the positions of the members of an object.
func (w *weaver) find(object []byte, depth int) []position {
	positions := w.positions[depth][:0]
	for i := 1; i < len(object) && len(positions) < maxPositions; i++ {
		m, _, ok := w.skip.memberAt(object, i)
		if !ok {
			break // the closing brace of an empty one
		}
		positions = append(positions, m)
		i = m.end
	}
	return positions
}

// indexOf returns which of the positions has that name; -1 for none.
func indexOf(positions []position, object, name []byte) int {
	for i, p := range positions {
		if bytes.Equal(p.name(object), name) {
			return i
		}
	}
	return -1
}

// member writes a known member.
func (b *Rebuilder) member(known []byte, p position, first *bool) {
	b.comma(first)
	b.raw(known[p.from:p.end])
}

// comma writes the comma before a member that is not the first.
func (b *Rebuilder) comma(first *bool) {
	if !*first {
		b.lit(`,`)
	}
	*first = false
}
