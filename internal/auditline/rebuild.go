package auditline

import (
	"bytes"
	"io"
	"strconv"
)

// Rebuilder writes an event as kube-apiserver would have written it, or
// compares it with a line that is already there. Both are one code: the text
// written later is the text compared when the line was read.
type Rebuilder struct {
	dst  []byte
	out  io.Writer // takes dst and long values; nil: all is appended to dst
	err  error     // of out
	want []byte    // the rest of the line to compare with
	// comparing says to compare with want and not to append to dst; differs
	// that the comparison has failed.
	comparing, differs bool
	scratch            []byte
	dates              calendar
	weaver             *weaver
}

// begin forgets the line before. It keeps scratch and the calendar.
func (b *Rebuilder) begin() {
	b.dst, b.out, b.err, b.want, b.comparing, b.differs = nil, nil, nil, nil, false, false
}

// Append appends the event to dst.
func (b *Rebuilder) Append(dst []byte, e *Event) []byte {
	b.begin()
	b.dst = dst
	b.event(e)
	dst, b.dst = b.dst, nil
	return dst
}

// directly is the length from which a value is written to out as it is.
const directly = 256 << 10

// WriteLine writes the event to w, and holds none of its long values.
func (b *Rebuilder) WriteLine(w io.Writer, e *Event) error {
	b.begin()
	b.dst, b.scratch, b.out = b.scratch[:0], nil, w
	b.event(e)
	b.flush()
	b.out, b.scratch, b.dst = nil, b.dst[:0], nil
	return b.err
}

// flush writes the appended bytes to out.
func (b *Rebuilder) flush() {
	if b.err == nil {
		_, b.err = b.out.Write(b.dst)
	}
	b.dst = b.dst[:0]
}

// Proves reports whether the columns rebuild line byte for byte.
func (b *Rebuilder) Proves(line []byte, e *Event) bool {
	b.begin()
	b.want, b.comparing = line, true
	b.event(e)
	ok := !b.differs && len(b.want) == 0
	b.want = nil
	return ok
}

// lit writes text as it is.
func (b *Rebuilder) lit(s string) {
	switch {
	case !b.comparing:
		b.dst = append(b.dst, s...)
	case len(b.want) >= len(s) && string(b.want[:len(s)]) == s:
		b.want = b.want[len(s):]
	default:
		b.differs, b.want = true, nil
	}
}

// raw writes bytes as they are.
func (b *Rebuilder) raw(v []byte) {
	switch {
	case b.out != nil && len(v) > directly:
		b.flush()
		if b.err == nil {
			_, b.err = b.out.Write(v)
		}
	case !b.comparing:
		b.dst = append(b.dst, v...)
	case bytes.HasPrefix(b.want, v):
		b.want = b.want[len(v):]
	default:
		b.differs, b.want = true, nil
	}
}

// quoted writes a string as encoding/json does. A long one without escapes is
// written to the output at once, so that it is held once.
func (b *Rebuilder) quoted(v []byte) {
	if b.out != nil && len(v) > directly && plainRun(v, 0) == len(v) {
		b.lit(`"`)
		b.raw(v)
		b.lit(`"`)
		return
	}
	if !b.comparing {
		if b.dst = appendQuoted(b.dst, v); b.out != nil && len(b.dst) > directly {
			b.flush()
		}
		return
	}
	want, ok := b.cutQuoted(v)
	b.want = want
	b.differs = b.differs || !ok
}

// cutQuoted returns the rest of the line after v as encoding/json writes
// it, if that comes next.
func (b *Rebuilder) cutQuoted(v []byte) (rest []byte, ok bool) {
	want := b.want
	if len(want) == 0 || want[0] != '"' {
		return nil, false
	}
	want = want[1:]
	// Mostly there is nothing to escape. The line continues behind the value, so
	// that no end of a slice slows this down.
	if n := plainRun(want, 0); n == len(v) && n < len(want) && want[n] == '"' && bytes.Equal(want[:n], v) {
		return want[n+1:], true
	}
	b.scratch = appendQuoted(b.scratch[:0], v)
	return bytes.CutPrefix(b.want, b.scratch)
}

func (b *Rebuilder) event(e *Event) {
	if e.Unknown != nil {
		b.woven(e)
		return
	}
	b.object(eventMembers, e)
}

// object writes an object of the members that the event has.
func (b *Rebuilder) object(all []member, e *Event) {
	b.lit(`{`)
	first := true
	for i := range all {
		m := &all[i]
		if !m.always && !e.has(m) {
			continue
		}
		key := m.key
		if first {
			key, first = key[1:], false // no comma before it
		}
		b.lit(key)
		b.value(m, e)
	}
	b.lit(`}`)
}

// value writes the value of a member. A string that is always there is nothing
// at all if it is null: such a line is not the one that was read, and keeps raw.
func (b *Rebuilder) value(m *member, e *Event) {
	switch m.shape {
	case shapeText, shapeLongText:
		if v := e.text[m.field]; v != nil {
			b.quoted(v)
		}
	case shapeRaw, shapeBody:
		b.raw(e.text[m.field])
	case shapeNumber:
		b.scratch = strconv.AppendInt(b.scratch[:0], e.ints[m.field], 10)
		b.raw(b.scratch)
	case shapeTime:
		b.time(e, m.field)
	case shapeList:
		b.list(e.List(m.field).Items)
	case shapeLists, shapeTexts:
		b.texts(e.Map(m.field), m.shape == shapeLists)
	case shapeObject:
		b.object(m.of, e)
	}
}

func (b *Rebuilder) list(items [][]byte) {
	b.lit(`[`)
	for i, v := range items {
		if i > 0 {
			b.lit(`,`)
		}
		b.quoted(v)
	}
	b.lit(`]`)
}

func (b *Rebuilder) texts(m *Map, lists bool) {
	b.lit(`{`)
	for i, k := range m.Keys {
		if i > 0 {
			b.lit(`,`)
		}
		b.quoted(k)
		b.lit(`:`)
		if lists {
			b.list(m.ValuesOf(i))
		} else {
			b.quoted(m.Values[i])
		}
	}
	b.lit(`}`)
}

func (b *Rebuilder) time(e *Event, c Field) {
	if !e.given[c] {
		b.lit(`null`)
		return
	}
	b.scratch = b.dates.append(append(b.scratch[:0], '"'), e.ints[c])
	b.scratch = append(b.scratch, '"')
	b.raw(b.scratch)
}
