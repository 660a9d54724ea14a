package auditline

import (
	"bytes"
	"unicode/utf8"
)

// scanner fills an event from a line in the one form that kube-apiserver
// writes: fixed order of fields, no white space. It takes a single pass and
// allocates nothing once its buffers have grown. What it accepts is valid JSON
// whose columns are right; whether they rebuild the line is for
// [rebuilder.proves] to say.
type scanner struct {
	cursor
	skims bool // pass bodies without looking into them
	dates calendar
}

// cursor passes the parts of JSON text, from b[i] on.
type cursor struct {
	b    []byte
	i    int
	e    *Event // has the texts
	skip skipper
}

// eventHead is how every event starts, and eventHeadV1 the only version that
// kube-apiserver has written since 1.12.
const (
	eventHead   = `{"kind":"Event","apiVersion":"audit.k8s.io/`
	eventHeadV1 = eventHead + `v1","level":`
)

// scan reports whether line has the canonical form. If not, what e holds is
// undefined.
func (s *scanner) scan(line []byte, e *Event) bool {
	e.Reset()
	s.b, s.i, s.e = line, 0, e
	ok := s.event() && s.i == len(line)
	s.b, s.e = nil, nil
	return ok
}

func (s *scanner) event() bool {
	return s.lit(eventHeadV1) && s.text(Level) &&
		s.lit(`,"auditID":`) && s.text(AuditID) &&
		s.lit(`,"stage":`) && s.text(Stage) &&
		s.lit(`,"requestURI":`) && s.longText(RequestURI) &&
		s.lit(`,"verb":`) && s.text(Verb) &&
		s.actor() && s.request() &&
		s.lit(`,"requestReceivedTimestamp":`) && s.time(RequestReceived) &&
		s.lit(`,"stageTimestamp":`) && s.time(StageTimestamp) &&
		(!s.lit(`,"annotations":`) || s.annotations()) &&
		s.lit(`}`)
}

// actor passes the fields from user to userAgent.
func (s *scanner) actor() bool {
	if s.skims && s.passActor() {
		return true
	}
	a := s.e
	if !s.lit(`,"user":`) || !s.user(UserName, UserUID, &a.userGroups, &a.userExtra) {
		return false
	}
	if s.lit(`,"impersonatedUser":`) && !s.user(ImpersonatedName, ImpersonatedUID, &a.impGroups, &a.impExtra) {
		return false
	}
	if s.lit(`,"authenticationMetadata":{"impersonationConstraint":`) && !(s.text(ImpersonationConstraint) && s.lit(`}`)) {
		return false
	}
	if s.lit(`,"sourceIPs":`) && !s.list(&a.sourceIPs) {
		return false
	}
	return !s.lit(`,"userAgent":`) || s.text(UserAgent)
}

// request passes the fields from objectRef to responseObject.
func (s *scanner) request() bool {
	if s.lit(objectRefHead) && !s.objectRef() {
		return false
	}
	if s.lit(responseStatusHead) && !s.responseStatus() {
		return false
	}
	if s.skims {
		return s.passBodies()
	}
	if s.lit(`,"requestObject":`) && !s.raw(RequestObject) {
		return false
	}
	return !s.lit(`,"responseObject":`) || s.raw(ResponseObject)
}

// passActor reads the name of the user and passes the rest up to objectRef, unless that may belong to
// another event or a body. It does not move otherwise.
func (s *scanner) passActor() bool {
	start := s.i
	if s.lit(`,"user":{"username":`) && s.text(UserName) {
		end, ok := findObjectRef(s.b, s.i)
		if ok && !bytes.Contains(s.b[s.i:end], []byte(`{"kind"`)) && !bytes.Contains(s.b[s.i:end], []byte(`Object":`)) {
			s.i = end
			return true
		}
	}
	s.i = start
	return false
}

// passBodies passes the request and response objects, if there are any, by looking for the two
// timestamps behind them: these stand before the annotations, whose values are strings, or at the
// very end. What looks like them in a body stands before. A quote that is not escaped is one of the
// JSON text, so nothing that a client sends as a string looks like a member.
func (s *scanner) passBodies() bool {
	if !hasPrefix(s.b[s.i:], `,"requestObject":`) && !hasPrefix(s.b[s.i:], `,"responseObject":`) {
		return true
	}
	const received = `,"requestReceivedTimestamp":"`
	end := len(s.b) - len(`"}`)
	if bytes.HasSuffix(s.b, []byte(`"}}`)) {
		end = lastAnnotations(s.b)
	}
	at := end - 2*microTimeLen - len(received) - len(`"`) - len(stageTimeHead)
	if at < s.i {
		return false
	}
	s.e.text[RequestObject] = s.b[s.i:at:at]
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

// lit passes exactly the bytes of want.
func (c *cursor) lit(want string) bool {
	end := c.i + len(want)
	if end > len(c.b) || string(c.b[c.i:end]) != want {
		return false
	}
	c.i = end
	return true
}

// member passes `"name":` where first, else `,"name":`; name is written as the
// latter.
func (c *cursor) member(name string, first bool) bool {
	if first {
		name = name[1:]
	}
	return c.lit(name)
}

// text passes a string into a column.
func (s *scanner) text(c Field) bool {
	v, ok := s.str()
	s.e.SetText(c, v)
	return ok
}

// longText is text for a string that often has escapes: if the scanner skims, it stays as it stands
// between its quotes.
func (s *scanner) longText(c Field) bool {
	if !s.skims {
		return s.text(c)
	}
	if s.i >= len(s.b) || s.b[s.i] != '"' {
		return false
	}
	start := s.i + 1
	ok := s.passText(start)
	s.e.text[c] = s.b[start:max(start, s.i-1)]
	return ok
}

// str passes a string and returns its text.
func (c *cursor) str() ([]byte, bool) {
	if c.i >= len(c.b) || c.b[c.i] != '"' {
		return nil, false
	}
	start := c.i + 1
	end := plainRun(c.b, start)
	if end < len(c.b) && c.b[end] == '"' {
		c.i = end + 1
		return c.b[start:end:end], true
	}
	return c.unquote(start)
}

// unquote passes a string that holds more than plain ASCII, from the byte
// after its opening quote.
func (c *cursor) unquote(start int) ([]byte, bool) {
	if !c.passText(start) {
		return nil, false
	}
	return c.e.Unquoted(c.b[start : c.i-1]), true
}

// passText passes the text of a string and its closing quote.
func (c *cursor) passText(start int) bool {
	c.skip.ascii = true
	end := c.skip.str(c.b, start-1)
	if end < 0 || (!c.skip.ascii && !utf8.Valid(c.b[start:end-1])) {
		return false
	}
	c.i = end
	return true
}

// Unquoted returns the text of a JSON string given without its quotes, in the
// event's arena.
func (e *Event) Unquoted(s []byte) []byte {
	from := len(e.arena)
	e.arena = appendUnquoted(e.arena, s)
	return e.arena[from:len(e.arena):len(e.arena)]
}

// list passes an array of strings.
func (c *cursor) list(t *List) bool {
	if !c.lit(`[`) {
		return false
	}
	t.Given = true
	if c.lit(`]`) {
		return true
	}
	for {
		v, ok := c.str()
		if !ok {
			return false
		}
		if t.add(v); len(t.Items) > MaxItems {
			return false
		}
		if !c.lit(`,`) {
			return c.lit(`]`)
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
