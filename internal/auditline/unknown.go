package auditline

import (
	"bytes"
	"unicode/utf8"
)

// A field that a later kube-apiserver adds to its events has no column of its own.
// The members of a line that this version does not know are taken out of it and
// kept as they are in the column unknown_fields; the rest is decoded as ever.
//
// The column is a JSON object that nests as the event does. A known member that
// stands before an unknown one is there too, as null, to say where the unknown
// one belongs:
//
//	{"verb":"get","tenant":"a","user":{"username":"u","region":"b"},"sourceIPs":[]}
//	{"verb":null,"tenant":"a","user":{"username":null,"region":"b"}}
//
// Which names are known is asked when a line is taken apart only. To put it
// together again (see weaver) it is enough to know which members the columns
// give, so that versions with more columns read older objects all the same.

// cutter takes the unknown members out of a line.
type cutter struct {
	skip    skipper
	line    []byte
	known   []byte // the line without its unknown members
	unknown []byte // the column
}

// maxWoven bounds a line whose unknown members are taken out: a longer one keeps raw.
const maxWoven = 2 << 20

// extended decodes a line that has the canonical form apart from members that
// are unknown. The content of e is valid until the next call.
func (d *Decoder) extended(line []byte, e *Event) bool {
	c := &d.cutter
	if !c.cut(line) || !d.scanner.scan(c.known, e) {
		return false
	}
	e.Unknown = c.unknown
	return true
}

// cut reports whether a line has unknown members and is otherwise written
// without white space.
func (c *cutter) cut(line []byte) bool {
	c.known, c.unknown = emptied(c.known), emptied(c.unknown)
	c.line = line
	event := level{of: eventMembers}
	end, ok := c.object(0, &event, nil)
	c.line = nil
	return ok && end == len(line) && len(c.unknown) > 0
}

// level is an object of a line that is being passed.
type level struct {
	of   []member // those that are known
	name []byte   // of the object; nil for the event
	// before is the known member that was passed last, if unknown lacks it.
	before []byte
	opened bool // unknown has the object
	empty  bool // no member of the object is known
	// passed has bit f set if the object with field f was passed, user left out.
	passed uint64
}

// object passes an object of the line, of which parent is the one around it.
func (c *cutter) object(at int, l, parent *level) (end int, ok bool) {
	if at >= len(c.line) || c.line[at] != '{' {
		return 0, false
	}
	c.known = append(c.known, '{')
	l.empty = true
	for i := at + 1; i < len(c.line); i++ {
		if i == at+1 && c.line[i] == '}' {
			return c.end(i, l), true
		}
		m, ascii, ok := c.skip.memberAt(c.line, i)
		if !ok || m.end == len(c.line) || !c.member(m, ascii, l, parent) {
			return 0, false
		}
		switch i = m.end; c.line[i] {
		case ',':
		case '}':
			return c.end(i, l), true
		default:
			return 0, false
		}
	}
	return 0, false
}

// end closes an object whose last byte is at i.
func (c *cutter) end(i int, l *level) int {
	c.known = append(c.known, '}')
	if l.opened {
		c.unknown = append(c.unknown, '}')
	}
	return i + 1
}

// member puts one member where it belongs.
func (c *cutter) member(m position, ascii bool, l, parent *level) bool {
	name := m.name(c.line)
	known := memberOf(l.of, name)
	if known == nil {
		return c.take(m, ascii, l, parent)
	}
	if known.of != nil && c.line[m.value] == '{' {
		return c.nested(m, ascii, known, l)
	}
	if !c.fits(m) {
		return false
	}
	l.empty, l.before = false, name
	c.known = append(appendComma(c.known), c.line[m.from:m.end]...)
	return true
}

// nested passes a known object in the event. One of which nothing is known is
// unknown as a whole, because no column would show its presence; user
// always is. The line is refused where an object comes twice: the last one
// counts, and one of them may be unknown as a whole. All else that comes twice
// is among the known members, where the scanner refuses it.
func (c *cutter) nested(m position, ascii bool, is *member, event *level) bool {
	l := level{of: is.of, name: m.name(c.line)}
	if !is.always { // all but user
		if event.passed&(1<<is.field) != 0 {
			return false
		}
		event.passed |= 1 << is.field
	}
	known, unknown, before := len(c.known), len(c.unknown), *event
	c.known = append(appendComma(c.known), c.line[m.from:m.value]...)
	if _, ok := c.object(m.value, &l, event); !ok {
		return false
	}
	if l.empty && !is.always {
		c.known, c.unknown, *event = c.known[:known], c.unknown[:unknown], before
		return c.take(m, ascii, event, nil)
	}
	event.empty, event.before = false, l.name
	if l.opened {
		event.before = nil
	}
	return true
}

// take puts a member into unknown.
func (c *cutter) take(m position, ascii bool, l, parent *level) bool {
	if !c.fits(m) || !ascii && !utf8.Valid(c.line[m.value:m.end]) {
		return false
	}
	c.open(l, parent)
	if l.before != nil {
		c.unknown = append(append(append(appendComma(c.unknown), '"'), l.before...), `":null`...)
		l.before = nil
	}
	c.unknown = append(appendComma(c.unknown), c.line[m.from:m.end]...)
	return true
}

// open begins an object in unknown, if it is not there.
func (c *cutter) open(l, parent *level) {
	if l.opened {
		return
	}
	if parent != nil {
		c.open(parent, nil)
		c.unknown = append(append(append(appendComma(c.unknown), '"'), l.name...), `":`...)
	}
	c.unknown = append(c.unknown, '{')
	l.opened = true
}

// fits says whether a member may be kept as well.
func (c *cutter) fits(m position) bool { return len(c.known)+len(c.unknown)+m.end-m.from <= maxWoven }

// appendComma appends the comma that comes before a member, which is missing at
// the beginning of an object.
func appendComma(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] != '{' {
		return append(b, ',')
	}
	return b
}

// position says where a member of an object is in a JSON text.
type position struct {
	from  int // of the quote before its name
	value int
	end   int // after the value
}

// name returns the member's name.
func (p position) name(text []byte) []byte { return text[p.from+1 : p.value-2] }

// memberAt returns where the member is that begins at i: one with a plain name
// and no white space around its value. ascii is as in skipValue.
func (s *skipper) memberAt(text []byte, i int) (m position, ascii, ok bool) {
	if i >= len(text) || text[i] != '"' {
		return position{}, false, false
	}
	end := plainRun(text, i+1)
	value := end + len(`":`)
	if value >= len(text) || !bytes.Equal(text[end:value], []byte(`":`)) || text[value] <= ' ' {
		return position{}, false, false
	}
	end, ascii, ok = s.skipValue(text, value)
	return position{i, value, end}, ascii, ok
}
