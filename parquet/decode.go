package parquet

import (
	"bytes"
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
	e     *event
}

// decode reports whether b is one valid JSON object, with white space around
// it at most, that is an audit event.
func (g *general) decode(b []byte, e *event) bool {
	end, ok := g.prefix(b, e)
	if !ok {
		return false
	}
	return len(bytes.Trim(b[end:], " \t\r\n")) == 0
}

// prefix decodes the JSON object that b starts with, and returns its end.
func (g *general) prefix(b []byte, e *event) (int, bool) {
	e.reset()
	end, _, ok := g.skip.skipValue(b, 0)
	if !ok {
		return 0, false
	}
	object := bytes.TrimLeft(b[:end], " \t\r\n")
	if object[0] != '{' {
		return 0, false
	}
	g.e = e
	isEvent := g.event(object)
	g.e = nil
	if !isEvent {
		e.reset()
	}
	return end, isEvent
}

// member is one name and value of a JSON object.
type member struct {
	name  []byte // unquoted
	value []byte // JSON text, no space around it
}

// maxItems bounds the elements of one list or map: a longer one is null in its
// column, and the line keeps raw.
const maxItems = 1 << 16

// members returns the members of a map that is known to be valid JSON, ordered
// by name; of members with one name the last. ok is false where text is no
// object or holds too many.
func (g *general) members(text []byte) (last []member, ok bool) {
	if text[0] != '{' {
		return nil, false
	}
	var all []member
	g.each(text, '{', func(name, value []byte) {
		if len(all) <= maxItems {
			all = append(all, member{g.e.quoted(name), value})
		}
	})
	if len(all) > maxItems {
		return nil, false
	}
	slices.SortStableFunc(all, func(a, b member) int { return bytes.Compare(a.name, b.name) })
	last = all[:0]
	for i, m := range all {
		if i+1 < len(all) && bytes.Equal(m.name, all[i+1].name) {
			continue
		}
		last = append(last, m)
	}
	return last, true
}

// fields calls f for every member of an object whose names are known in
// advance. A name that comes twice is passed twice: f overwrites.
func (g *general) fields(text []byte, f func(name string, value []byte)) {
	g.each(text, '{', func(name, value []byte) {
		inner := name[1 : len(name)-1]
		if plainRun(inner, 0) < len(inner) {
			inner = appendUnquoted(nil, inner)
		}
		f(string(inner), value)
	})
}

// each calls f for every member of a valid JSON object, or every element of a
// valid array (name is nil then), where text is one.
func (g *general) each(text []byte, opening byte, f func(name, value []byte)) {
	if text[0] != opening {
		return
	}
	i := skipSpace(text, 1)
	for text[i] != '}' && text[i] != ']' {
		var name []byte
		if opening == '{' {
			end, _, _ := g.skip.skipValue(text, i)
			name = text[i:end]
			i = skipSpace(text, skipSpace(text, end)+1) // the colon
		}
		end, _, _ := g.skip.skipValue(text, i)
		f(name, text[i:end])
		if i = skipSpace(text, end); text[i] == ',' {
			i = skipSpace(text, i+1)
		}
	}
}

func skipSpace(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n' {
		i++
	}
	return i
}

// quoted returns the text of a JSON string with its quotes; never nil. It is a
// view into s, if that is plain.
func (e *event) quoted(s []byte) []byte {
	end := len(s) - 1
	if plainRun(s, 1) == end {
		return s[1:end:end]
	}
	return e.unquoted(s[1:end])
}

// event fills the columns from a valid object, and reports whether it is an
// audit event.
func (g *general) event(object []byte) bool {
	var kind, version []byte
	g.fields(object, func(name string, value []byte) {
		switch name {
		case "kind":
			kind = g.text(value)
		case "apiVersion":
			version = g.text(value)
		default:
			g.field(name, value)
		}
	})
	return string(kind) == "Event" && hasPrefix(version, "audit.k8s.io/")
}

// field fills the columns of one top-level field.
func (g *general) field(name string, value []byte) {
	e := g.e
	switch name {
	case "user":
		g.user(value, colUserName, colUserUID, &e.actor.userGroups, &e.actor.userExtra)
	case "impersonatedUser":
		g.user(value, colImpName, colImpUID, &e.actor.impGroups, &e.actor.impExtra)
	case "authenticationMetadata":
		e.actor.text[colImpConstraint] = nil
		g.fields(value, func(name string, value []byte) {
			if name == "impersonationConstraint" {
				e.actor.text[colImpConstraint] = g.text(value)
			}
		})
	case "sourceIPs":
		g.list(value, &e.actor.sourceIPs)
	case "objectRef":
		g.objectRef(value)
	case "responseStatus":
		g.responseStatus(value)
	case "requestObject":
		e.text[colRequestObject] = jsonText(value)
	case "responseObject":
		e.text[colResponseObject] = jsonText(value)
	case "requestReceivedTimestamp":
		g.time(value, colReceived)
	case "stageTimestamp":
		g.time(value, colStaged)
	case "annotations":
		g.annotations(value)
	default:
		g.topText(name, value)
	}
}

func (g *general) topText(name string, value []byte) {
	var c column
	switch name {
	case "level":
		c = colLevel
	case "auditID":
		c = colAuditID
	case "stage":
		c = colStage
	case "requestURI":
		c = colRequestURI
	case "verb":
		c = colVerb
	case "userAgent":
		c = colUserAgent
	default:
		return
	}
	g.e.setText(c, g.text(value))
}

// text returns a string's text, or nil where value is no string.
func (g *general) text(value []byte) []byte {
	if value[0] != '"' {
		return nil
	}
	return g.e.quoted(value)
}

func (g *general) user(value []byte, name, uid column, groups *texts, extra *multimap) {
	g.e.actor.text[name], g.e.actor.text[uid] = nil, nil
	groups.reset()
	extra.reset()
	g.fields(value, func(field string, value []byte) {
		switch field {
		case "username":
			g.e.actor.text[name] = g.text(value)
		case "uid":
			g.e.actor.text[uid] = g.text(value)
		case "groups":
			g.list(value, groups)
		case "extra":
			g.multimap(value, extra)
		}
	})
}

// list fills a list from an array; an element that is no string is the empty
// string, as null is in encoding/json. It is null, and ok is false, where the
// array is too long.
func (g *general) list(value []byte, t *texts) (ok bool) {
	t.reset()
	t.given = value[0] == '['
	n := 0
	g.each(value, '[', func(_, v []byte) {
		if n++; n > maxItems {
			return
		}
		if s := g.text(v); s != nil {
			t.add(s)
		} else {
			t.add([]byte{})
		}
	})
	if n > maxItems {
		t.reset()
	}
	return n <= maxItems
}

func (g *general) multimap(value []byte, m *multimap) {
	m.reset()
	members, ok := g.members(value)
	if !ok {
		return
	}
	m.given = true
	var values texts
	for _, f := range members {
		if !g.list(f.value, &values) {
			m.reset()
			return
		}
		m.values = append(m.values, values.items...)
		m.keys = append(m.keys, f.name)
		m.ends = append(m.ends, len(m.values))
		if len(m.values) > maxItems {
			m.reset()
			return
		}
	}
}

// annotations leaves out a value that is no string.
func (g *general) annotations(value []byte) {
	a := &g.e.notes.multimap
	a.reset()
	members, ok := g.members(value)
	a.given = ok
	for _, f := range members {
		if s := g.text(f.value); s != nil {
			a.keys = append(a.keys, f.name)
			a.values = append(a.values, s)
			a.ends = append(a.ends, len(a.values))
		}
	}
}

func (g *general) objectRef(value []byte) {
	for c := colObjResource; c <= colObjSubresource; c++ {
		g.e.text[c] = nil
	}
	g.fields(value, func(name string, value []byte) {
		for c := colObjResource; c <= colObjSubresource; c++ {
			if m := objectMember(c); m[2:len(m)-2] == name {
				g.e.text[c] = g.text(value)
			}
		}
	})
}

func (g *general) responseStatus(value []byte) {
	e := g.e
	for _, c := range [...]column{colRespStatus, colRespReason, colRespMessage, colRespDetails} {
		e.text[c] = nil
	}
	e.given[colCode] = false
	g.fields(value, func(name string, value []byte) {
		switch name {
		case "status":
			e.text[colRespStatus] = g.text(value)
		case "message":
			e.text[colRespMessage] = g.text(value)
		case "reason":
			e.text[colRespReason] = g.text(value)
		case "details":
			e.text[colRespDetails] = jsonText(value)
		case "code":
			n, err := strconv.ParseInt(string(value), 10, 32)
			e.ints[colCode], e.given[colCode] = n, err == nil
		}
	})
}

func (g *general) time(value []byte, c column) {
	g.e.given[c] = false
	if value[0] != '"' {
		return
	}
	text := g.e.quoted(value)
	us, ok := g.dates.parse(text)
	if !ok {
		us, ok = parseAnyTime(text)
	}
	if ok {
		g.e.setInt(c, us)
	}
}

// jsonText returns a JSON value for a text column: null is null, and what is
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
