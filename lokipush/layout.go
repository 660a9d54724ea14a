package lokipush

import "bytes"

// layout reads a line that is written as kube-apiserver writes it: compact, the members in the order
// of the Event type (k8s.io/apiserver/pkg/apis/audit/v1), which no version has ever changed. It
// compares what is known instead of looking for where it ends, and it does not look into what comes
// between the response status and the last members: the request and response objects, most of a
// large line. Any difference sends the line to the general scan.
type layout struct {
	line []byte
	pos  int
}

// Lengths in the last members of a line.
const (
	stageTime = `,"stageTimestamp":"`
	received  = `,"requestReceivedTimestamp":"`
	annotated = `","annotations":{"`
)

// readLayout fills fields from a line in kube-apiserver's layout and returns true, or returns false
// with the fields half filled.
func (f *Fields) readLayout(line []byte) bool {
	l := layout{line: line}
	f.plain = true
	if !l.lit(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":`) || !l.field(f, &f.Level) ||
		!l.lit(`,"auditID":`) || !l.field(f, &f.AuditID) || !l.lit(`,"stage":`) || !l.field(f, &f.Stage) ||
		!l.lit(`,"requestURI":`) || !l.skipText() || !l.lit(`,"verb":`) || !l.field(f, &f.Verb) ||
		!l.lit(`,"user":`) || !l.user(f) {
		return false
	}
	return l.optional(`,"impersonatedUser":`) && l.optional(`,"authenticationMetadata":`) && l.optional(`,"sourceIPs":`) &&
		l.agent() && l.object(f) && l.status(f) && l.end(f)
}

// lit goes on behind a text that must come next.
func (l *layout) lit(text string) bool {
	if len(l.line)-l.pos < len(text) || string(l.line[l.pos:l.pos+len(text)]) != text {
		return false
	}
	l.pos += len(text)
	return true
}

// quoted returns the JSON string that comes next, with its quotes.
func (l *layout) quoted() ([]byte, bool) {
	o := object{data: l.line, pos: l.pos}
	text, ok := o.quoted()
	l.pos = o.pos
	return text, ok
}

func (l *layout) skipText() bool {
	_, ok := l.quoted()
	return ok
}

// plainText is the length up to which the text of a field is read eight bytes at a time: the names
// of service accounts are longer than other strings.
const plainText = 120

// field reads a string into a field.
func (l *layout) field(f *Fields, value *[]byte) bool {
	if from := l.pos + 1; from < len(l.line) && l.line[l.pos] == '"' {
		if end, plain := closingPlain(l.line, from, plainText); plain {
			*value, l.pos = l.line[from:end], end+1
			return true
		}
	}
	f.plain = false
	text, ok := l.quoted()
	if ok {
		*value = f.text(text)
	}
	return ok
}

// value returns the object or array that comes next.
func (l *layout) value() ([]byte, bool) {
	o := object{data: l.line, pos: l.pos}
	if c := o.next(); o.pos != l.pos || c != '{' && c != '[' || !o.skipNested() {
		return nil, false
	}
	value := l.line[l.pos:o.pos]
	l.pos = o.pos
	return value, true
}

// optional skips a member, if it is there.
func (l *layout) optional(name string) bool {
	if !l.lit(name) {
		return true
	}
	_, ok := l.value()
	return ok
}

func (l *layout) user(f *Fields) bool {
	if !l.lit(`{"username":`) {
		_, ok := l.value() // a user without a name: nothing of it is needed
		return ok
	}
	start := l.pos
	return l.field(f, &f.User) && l.knownUser(f, start)
}

// rest skips to the end of an object of which some members were read.
func (l *layout) rest() bool {
	o := object{data: l.line, pos: l.pos}
	ok := o.skipDepth(1)
	l.pos = o.pos
	return ok
}

func (l *layout) agent() bool {
	return !l.lit(`,"userAgent":`) || l.skipText()
}

// object reads objectRef, whose members come in the order of the type, too.
func (l *layout) object(f *Fields) bool {
	if !l.lit(`,"objectRef":{`) {
		return true
	}
	for l.pos < len(l.line) && l.line[l.pos] == '"' {
		var ok bool
		switch {
		case l.lit(`"resource":`):
			ok = l.field(f, &f.Resource)
		case l.lit(`"namespace":`):
			ok = l.field(f, &f.Namespace)
		case l.lit(`"name":`):
			ok = l.field(f, &f.Name)
		case l.lit(`"subresource":`):
			ok = l.field(f, &f.Subresource)
		case l.lit(`"uid":`), l.lit(`"apiGroup":`), l.lit(`"apiVersion":`), l.lit(`"resourceVersion":`):
			ok = l.skipText()
		}
		if !ok {
			return false
		}
		if !l.lit(`,`) {
			break
		}
	}
	return l.lit(`}`)
}

// status reads responseStatus, whose last member is the code.
func (l *layout) status(f *Fields) bool {
	if !l.lit(`,"responseStatus":`) {
		return true
	}
	if l.success(f) {
		return true
	}
	value, ok := l.value()
	if !ok || value[0] != '{' {
		return false
	}
	from := len(value) - 1
	for from > 0 && value[from-1] >= '0' && value[from-1] <= '9' {
		from--
	}
	if !bytes.HasSuffix(value[:from], []byte(`,"code":`)) {
		f.setStatus(value)
		return true
	}
	code := value[from : len(value)-1 : len(value)-1]
	if isInteger(code) {
		f.Code = code
	}
	return true
}

// success reads the status of an event that has nothing to say but its code, which is that of most.
func (l *layout) success(f *Fields) bool {
	const head = `{"metadata":{},"code":`
	from := l.pos + len(head)
	end := from + len("200")
	if end >= len(l.line) || string(l.line[l.pos:from]) != head || l.line[end] != '}' || !isInteger(l.line[from:end]) {
		return false
	}
	f.Code, l.pos = l.line[from:end:end], end+1
	return true
}

// end reads the timestamp of the stage, from the other end of the line where request and response
// objects come before it.
func (l *layout) end(f *Fields) bool {
	if l.lit(`,"requestObject":`) || l.lit(`,"responseObject":`) {
		return l.backToTimes() && l.times(f)
	}
	return l.times(f)
}

// backToTimes goes to the last two timestamps. They stand before the annotations, whose values are
// strings, or at the very end: what looks like them in an object comes before. A quote that is not
// escaped is one of the JSON text, so nothing that a client sends as a string looks like a member.
func (l *layout) backToTimes() bool {
	end := len(l.line) - len(`"}`)
	if bytes.HasSuffix(l.line, []byte(`"}}`)) {
		end = bytes.LastIndex(l.line, []byte(annotated))
	}
	at := end - 2*microTime - len(received) - len(`"`) - len(stageTime)
	if at < l.pos {
		return false
	}
	l.pos = at
	return true
}

// times reads the members at the end.
func (l *layout) times(f *Fields) bool {
	if !l.lit(received) {
		return false
	}
	l.pos += microTime + len(`"`)
	if l.pos > len(l.line) || !l.lit(stageTime) || len(l.line)-l.pos < microTime {
		return false
	}
	at, ok := f.minute.time(l.line[l.pos : l.pos+microTime])
	f.StageTimestamp = at
	l.pos += microTime
	switch {
	case !ok:
		return false
	case l.lit(annotated):
		return bytes.HasSuffix(l.line, []byte(`"}}`))
	}
	return l.lit(`"}`) && l.pos == len(l.line)
}
