package auditline

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// general fills an event from any JSON object, whatever the order of its
// fields and its white space. A name that comes twice counts with its last
// value; a field of the wrong type is null. It is the way of the few lines
// that [scanner] refuses, so it may allocate.
type general struct {
	skip  skipper
	dates calendar
	e     *Event
}

// decode reports whether b is one valid JSON object, with white space around
// it at most, that is an audit event.
func (g *general) decode(b []byte, e *Event) bool {
	e.Reset()
	object := bytes.Trim(bytes.TrimPrefix(b, []byte(byteOrderMark)), " \t\r\n")
	end, _, ok := g.skip.skipValue(object, 0)
	if !ok || end < len(object) || object[0] != '{' {
		return false
	}
	g.e = e
	isEvent := g.event(object)
	g.e = nil
	if !isEvent {
		e.Reset()
	}
	return isEvent
}

// MaxItems bounds the elements of one list or map: a longer one is null in its
// column, and the line keeps raw.
const MaxItems = 1 << 16

// members returns the members of a map that is known to be valid JSON; of members
// with one name the last. ok is false if text is no object or holds too many.
func (g *general) members(text []byte) (last map[string][]byte, ok bool) {
	last = make(map[string][]byte)
	n := 0
	g.each(text, '{', func(name, value []byte) {
		if n++; n <= MaxItems {
			last[string(g.e.quoted(name))] = value
		}
	})
	return last, text[0] == '{' && n <= MaxItems
}

// fields fills the columns of the members of an object, if text is one, and returns their values. Of
// a name that comes twice the last one counts.
func (g *general) fields(text []byte, all []member) (last map[string][]byte) {
	last = make(map[string][]byte)
	g.each(text, '{', func(name, value []byte) {
		if m := memberOf(all, Unquoted(name[1:len(name)-1])); m != nil {
			last[m.name] = value
		}
	})
	for i := range all {
		if v := last[all[i].name]; v != nil {
			g.value(&all[i], v)
		}
	}
	return last
}

// each calls f for every member of a valid JSON object, or every element of a
// valid array (name is nil then), if text is one.
func (g *general) each(text []byte, opening byte, f func(name, value []byte)) {
	g.skip.walk(text, opening, func(name []byte, value Span) bool {
		f(name, text[value.From:value.To:value.To])
		return true
	})
}

// quoted returns the text of a JSON string with its quotes; never nil. It is a
// view into s, if that is plain.
func (e *Event) quoted(s []byte) []byte {
	end := len(s) - 1
	if plainRun(s, 1) == end {
		return s[1:end:end]
	}
	inner := s[1:end]
	if !utf8.Valid(inner) {
		inner = []byte(string([]rune(string(inner)))) // U+FFFD for each byte that is not UTF-8, as in encoding/json
	}
	return e.Unquoted(inner)
}

// event fills the columns from a valid object, and reports whether it is an
// audit event. Times that it lacks are those of v1beta1; of an event without the
// time of its stage it is when the request came.
func (g *general) event(object []byte) bool {
	g.fields(object, olderMembers)
	values := g.fields(object, eventMembers)
	if received, ok := g.e.Int(RequestReceived); ok && !g.e.given[StageTimestamp] {
		g.e.SetInt(StageTimestamp, received)
	}
	return IsEvent(g.text(values["kind"]), g.text(values["apiVersion"]), g.text(values["auditID"]))
}

// value fills the columns of one member.
func (g *general) value(m *member, value []byte) {
	e := g.e
	switch m.shape {
	case shapeText, shapeLongText:
		e.text[m.field] = g.text(value)
	case shapeRaw, shapeBody:
		e.text[m.field] = jsonText(value)
	case shapeNumber:
		if n, err := strconv.ParseInt(string(value), 10, 32); err == nil {
			e.SetInt(m.field, n)
		}
	case shapeTime:
		g.time(value, m.field)
	case shapeList:
		g.list(value, e.List(m.field))
	case shapeLists, shapeTexts:
		g.texts(value, e.Map(m.field), m.shape == shapeLists)
	case shapeObject:
		g.fields(value, m.of)
	}
}

// text returns a string's text, or nil where value is no string.
func (g *general) text(value []byte) []byte {
	if len(value) == 0 || value[0] != '"' {
		return nil
	}
	return g.e.quoted(value)
}

// list fills a list from an array; an element that is no string is the empty
// string, as null is in encoding/json. It is null, and ok is false, where the
// array is too long.
func (g *general) list(value []byte, t *List) (ok bool) {
	t.Given = value[0] == '['
	n := 0
	g.each(value, '[', func(_, v []byte) {
		if n++; n > MaxItems {
			return
		}
		s := g.text(v)
		if s == nil {
			s = []byte{}
		}
		t.Items = append(t.Items, s)
	})
	if n > MaxItems {
		t.reset()
	}
	return n <= MaxItems
}

// texts fills a map from an object of strings, or of lists of strings. A value
// that is no string is left out; the map is null if it is too long.
func (g *general) texts(value []byte, m *Map, lists bool) {
	members, ok := g.members(value)
	if m.Given = ok; !ok {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		var values List
		switch s := g.text(members[name]); {
		case lists:
			ok = g.list(members[name], &values)
		case s == nil:
			continue
		default:
			values.Items = append(values.Items, s)
		}
		m.Keys = append(m.Keys, []byte(name))
		m.Values = append(m.Values, values.Items...)
		m.Ends = append(m.Ends, len(m.Values))
		if !ok || len(m.Values) > MaxItems {
			m.reset()
			return
		}
	}
}

func (g *general) time(value []byte, c Field) {
	if value[0] != '"' {
		return
	}
	text := g.e.quoted(value)
	us, ok := g.dates.parse(text)
	if !ok {
		us, ok = parseAnyTime(text)
	}
	if ok {
		g.e.SetInt(c, us)
	}
}

// jsonText returns a JSON value for a text column: null is null, and text that is
// not UTF-8 becomes U+FFFD.
func jsonText(value []byte) []byte {
	if string(value) == "null" {
		return nil
	}
	if utf8.Valid(value) {
		return value
	}
	return bytes.ToValidUTF8(value, []byte("\ufffd"))
}
