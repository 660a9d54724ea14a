package auditline

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// scanner fills an event from a line in the one form that kube-apiserver
// writes: fixed order of fields, no white space. It takes a single pass and
// allocates nothing once its buffers have grown. An accepted line is valid JSON
// whose columns are right; whether they rebuild the line is for
// [rebuilder.proves] to say.
type scanner struct {
	cursor
	skims bool // pass bodies without looking into them
	user  int  // where the members of the user begin
	dates calendar
}

// eventHead is how every event starts, and eventHeadV1 the only version that
// kube-apiserver has written since 1.12.
const (
	eventHead   = `{"kind":"Event","apiVersion":"audit.k8s.io/`
	eventHeadV1 = eventHead + `v1","level":`
)

// scan reports whether line has the canonical form. If not, the content of e is
// undefined.
func (s *scanner) scan(line []byte, e *Event) bool {
	e.Reset()
	s.b, s.i, s.e, s.user = line, 0, e, 0
	ok := s.object(eventMembers) && s.i == len(line)
	s.b, s.e = nil, nil
	return ok
}

// object passes an object of members.
func (s *scanner) object(all []member) bool {
	if !s.lit(`{`) {
		return false
	}
	for i := range all {
		m := &all[i]
		key := m.key
		if s.b[s.i-1] == '{' {
			key = key[1:] // no comma before the first
		}
		if s.lit(key) {
			if !s.value(m) {
				return false
			}
		} else if m.always {
			return false
		}
	}
	return s.lit(`}`)
}

// value passes the value of a member into its field.
func (s *scanner) value(m *member) (ok bool) {
	if m.shape == shapeText { // most are
		s.e.text[m.field], ok = s.str()
		return ok
	}
	switch m.shape {
	case shapeLongText:
		if s.skims {
			s.e.text[m.field], ok = s.written()
		} else {
			s.e.text[m.field], ok = s.str()
		}
		return ok
	case shapeRaw:
		return s.raw(m.field)
	case shapeBody:
		if s.skims {
			return s.passBodies(len(m.key))
		}
		return s.raw(m.field)
	case shapeNumber:
		return s.number(m.field)
	case shapeTime:
		if s.skims && s.e.Actor == nil {
			s.e.Actor = s.b[s.user : s.i-len(m.key)]
		}
		return s.time(m.field)
	case shapeList:
		return s.list(s.e.List(m.field))
	case shapeLists, shapeTexts:
		return s.texts(s.e.Map(m.field), m.shape == shapeLists)
	case shapeObject:
		return s.skims && m.field == UserName && s.passActor() || s.object(m.of)
	}
	return true
}

// passActor reads the name of the user and passes the rest up to objectRef, unless that may belong to
// another event or a body. It does not move otherwise.
func (s *scanner) passActor() bool {
	start := s.i
	s.user = start
	if s.lit(`{"username":`) {
		name, ok := s.str()
		end, found := findObjectRef(s.b, s.i)
		if ok && found && !bytes.Contains(s.b[s.i:end], []byte(`{"kind"`)) && !bytes.Contains(s.b[s.i:end], []byte(`Object":`)) {
			s.e.text[UserName], s.e.Actor, s.i = name, s.b[start:end:end], end
			return true
		}
	}
	s.i = start
	return false
}

// passBodies passes the request and response objects, whose first key was passed, by looking for the
// two timestamps behind them: these stand before the annotations, whose values are strings, or at the
// very end. Text like them in a body stands before. A quote that is not escaped is one of the
// JSON text, so nothing that a client sends as a string looks like a member.
func (s *scanner) passBodies(key int) bool {
	const received = `,"requestReceivedTimestamp":"`
	end := len(s.b) - len(`"}`)
	if bytes.HasSuffix(s.b, []byte(`"}}`)) {
		end = lastAnnotations(s.b)
	}
	at := end - 2*microTimeLen - len(received) - len(`"`) - len(stageTimeHead)
	if at < s.i {
		return false
	}
	s.e.text[RequestObject] = s.b[s.i-key : at : at]
	s.i = at
	return true
}

// lastAnnotations returns where the last annotations of the line begin, with the quote before them; -1 for none.
func lastAnnotations(line []byte) int {
	const head = `","annotations":{`
	for end := len(line); ; {
		if end = bytes.LastIndexByte(line[:end], '{'); end < 0 || bytes.HasSuffix(line[:end+1], []byte(head)) {
			return end + 1 - len(head)
		}
	}
}

// raw passes a JSON value other than null into a column, as it is.
func (s *scanner) raw(c Field) bool {
	if s.lit(`null`) {
		return false
	}
	end, ascii, ok := s.skip.skipValue(s.b, s.i)
	// skipValue passes white space before a value: that is not canonical.
	if !ok || s.b[s.i] <= ' ' || (!ascii && !utf8.Valid(s.b[s.i:end])) {
		return false
	}
	s.e.text[c] = s.b[s.i:end:end]
	s.i = end
	return true
}

// time passes a timestamp, or the null that stands for none.
func (s *scanner) time(c Field) bool {
	if s.lit(`null`) {
		return true
	}
	end := s.i + microTimeLen + 2
	if end > len(s.b) || s.b[s.i] != '"' || s.b[end-1] != '"' {
		return false
	}
	us, ok := s.dates.parse(s.b[s.i+1 : end-1])
	s.e.SetInt(c, us)
	s.i = end
	return ok
}

// number passes an int32 into a field. JSON has no zeros before one.
func (s *scanner) number(f Field) bool {
	n := digits(s.b[s.i:])
	if n == 0 || n > 9 || n > 1 && s.b[s.i] == '0' {
		return false
	}
	v, err := strconv.ParseInt(string(s.b[s.i:s.i+n]), 10, 32)
	s.e.SetInt(f, v)
	s.i += n
	return err == nil
}
