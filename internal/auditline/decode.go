package auditline

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
	e     *Event
}

// decode reports whether b is one valid JSON object, with white space around
// it at most, that is an audit event.
func (g *general) decode(b []byte, e *Event) bool {
	e.Reset()
	object := bytes.Trim(b, " \t\r\n")
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

// member is one name and value of a JSON object.
type member struct {
	name  []byte // unquoted
	value []byte // JSON text, no space around it
}

// MaxItems bounds the elements of one list or map: a longer one is null in its
// column, and the line keeps raw.
const MaxItems = 1 << 16

// members returns the members of a map that is known to be valid JSON, ordered
// by name; of members with one name the last. ok is false where text is no
// object or holds too many.
func (g *general) members(text []byte) (last []member, ok bool) {
	if text[0] != '{' {
		return nil, false
	}
	var all []member
	g.each(text, '{', func(name, value []byte) {
		if len(all) <= MaxItems {
			all = append(all, member{g.e.quoted(name), value})
		}
	})
	if len(all) > MaxItems {
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
	return e.Unquoted(s[1:end])
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
		g.user(value, UserName, UserUID, &e.userGroups, &e.userExtra)
	case "impersonatedUser":
		g.user(value, ImpersonatedName, ImpersonatedUID, &e.impGroups, &e.impExtra)
	case "authenticationMetadata":
		g.texts(value, constraintTexts, nil)
	case "sourceIPs":
		g.list(value, &e.sourceIPs)
	case "objectRef":
		g.texts(value, refTexts, nil)
	case "responseStatus":
		g.responseStatus(value)
	case "requestObject":
		e.text[RequestObject] = jsonText(value)
	case "responseObject":
		e.text[ResponseObject] = jsonText(value)
	case "requestReceivedTimestamp":
		g.time(value, RequestReceived)
	case "stageTimestamp":
		g.time(value, StageTimestamp)
	case "annotations":
		g.annotations(value)
	default:
		if f, ok := eventTexts[name]; ok {
			e.text[f] = g.text(value)
		}
	}
}

// The strings of an event, and of objects in it, by name.
var (
	eventTexts = map[string]Field{
		"level": Level, "auditID": AuditID, "stage": Stage, "requestURI": RequestURI, "verb": Verb, "userAgent": UserAgent,
	}
	constraintTexts = map[string]Field{"impersonationConstraint": ImpersonationConstraint}
	refTexts        = map[string]Field{
		"resource": ObjectResource, "namespace": ObjectNamespace, "name": ObjectName, "uid": ObjectUID, "apiGroup": ObjectAPIGroup,
		"apiVersion": ObjectAPIVersion, "resourceVersion": ObjectResourceVersion, "subresource": ObjectSubresource,
	}
	statusTexts = map[string]Field{"status": ResponseStatus, "message": ResponseMessage, "reason": ResponseReason}
)

// texts fills the columns of the strings in an object, and calls other for its
// other members.
func (g *general) texts(object []byte, names map[string]Field, other func(name string, value []byte)) {
	for _, f := range names {
		g.e.text[f] = nil
	}
	g.fields(object, func(name string, value []byte) {
		if f, ok := names[name]; ok {
			g.e.text[f] = g.text(value)
		} else if other != nil {
			other(name, value)
		}
	})
}

// text returns a string's text, or nil where value is no string.
func (g *general) text(value []byte) []byte {
	if value[0] != '"' {
		return nil
	}
	return g.e.quoted(value)
}

func (g *general) user(value []byte, name, uid Field, groups *List, extra *Map) {
	groups.reset()
	extra.reset()
	g.texts(value, map[string]Field{"username": name, "uid": uid}, func(field string, value []byte) {
		switch field {
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
func (g *general) list(value []byte, t *List) (ok bool) {
	t.reset()
	t.Given = value[0] == '['
	n := 0
	g.each(value, '[', func(_, v []byte) {
		if n++; n > MaxItems {
			return
		}
		if s := g.text(v); s != nil {
			t.add(s)
		} else {
			t.add([]byte{})
		}
	})
	if n > MaxItems {
		t.reset()
	}
	return n <= MaxItems
}

func (g *general) multimap(value []byte, m *Map) {
	m.reset()
	members, ok := g.members(value)
	if !ok {
		return
	}
	m.Given = true
	var values List
	for _, f := range members {
		if !g.list(f.value, &values) {
			m.reset()
			return
		}
		m.Values = append(m.Values, values.Items...)
		m.Keys = append(m.Keys, f.name)
		m.Ends = append(m.Ends, len(m.Values))
		if len(m.Values) > MaxItems {
			m.reset()
			return
		}
	}
}

// annotations leaves out a value that is no string.
func (g *general) annotations(value []byte) {
	a := &g.e.notes
	a.reset()
	members, ok := g.members(value)
	a.Given = ok
	for _, f := range members {
		if s := g.text(f.value); s != nil {
			a.Keys = append(a.Keys, f.name)
			a.Values = append(a.Values, s)
			a.Ends = append(a.Ends, len(a.Values))
		}
	}
}

func (g *general) responseStatus(value []byte) {
	e := g.e
	e.text[ResponseDetails], e.given[ResponseCode] = nil, false
	g.texts(value, statusTexts, func(name string, value []byte) {
		switch name {
		case "details":
			e.text[ResponseDetails] = jsonText(value)
		case "code":
			n, err := strconv.ParseInt(string(value), 10, 32)
			e.ints[ResponseCode], e.given[ResponseCode] = n, err == nil
		}
	})
}

func (g *general) time(value []byte, c Field) {
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
		g.e.SetInt(c, us)
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
