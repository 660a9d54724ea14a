package redact

import "bytes"

// torn replaces what may be a secret in the line r.b, which is not one JSON
// value: torn by a crash and glued to the next event, cut by a full disk, or
// begun in the middle. Whole events in it are treated like any other. Of the
// event that the line begins with, what comes before the response status and
// the bodies is kept. Everything else is replaced, because nobody can say what
// it is a part of. NUL bytes, the hole that a truncation leaves, stay.
func (r *Redactor) torn() {
	line, kept := r.b, 0
	first := len(line)
	for whole := range r.json.Events(line) {
		first = whole.From
		break
	}
	if bytes.HasPrefix(line, []byte(eventHead)) && first > 0 {
		if kept = r.beginning(line); r.isHarmless(line[kept:first]) {
			kept = first
		}
	}
	for whole := range r.json.Events(line) {
		r.unknown(kept, whole.From)
		r.b = line[:whole.To]
		r.members(whole.From)
		r.b, kept = line, whole.To
	}
	r.unknown(kept, len(line))
}

// beginning returns how much of the torn event at the start of a line is kept,
// and replaces the credentials in its URI: the members before the response
// status, as far as they are whole and in kube-apiserver's form.
func (r *Redactor) beginning(line []byte) int {
	end := len(eventHead)
	if n := bytes.Index(line[end:], []byte(eventHead)); n >= 0 {
		line = line[:end+n] // what is glued to it is no value of it
	}
	if n := bytes.IndexByte(line, 0); n >= 0 {
		line = line[:n] // nor is what comes after a hole
	}
	r.refs = r.refs[:0]
	for end < len(line) && line[end] == ',' {
		colon := skipString(line, end+1)
		if !isBeforeStatus(text(line[end+1:colon])) || at(line, colon) != ':' {
			break
		}
		to, ok := r.json.Value(line, colon+1)
		if !ok || to < len(line) && line[to] != ',' && !beginsWithMarker(line[to:]) {
			break
		}
		if string(line[end:colon]) == `,"objectRef"` {
			r.refs = append(r.refs, refOf(line, colon+1))
		}
		end = to
	}
	if r.policy.uris {
		r.tornURIs(line[:end])
	}
	return end
}

// isHarmless says whether no rule has anything to do in the rest of a torn event, whose beginning
// names what it is about.
func (r *Redactor) isHarmless(rest []byte) bool {
	has := func(text string) bool { return bytes.Contains(rest, []byte(text)) }
	t := r.quick.every
	if len(r.refs) == 1 {
		t |= r.quick.triggers[string(r.refs[0].resource)]
	}
	switch {
	case t.has(always), has("\x00"), has(eventHead), has(`URI"`), has(`"objectRef"`):
		return false
	case !has(`Object"`):
		return !has(`"message"`) && !has(`validation_failure`)
	}
	return t == 0 && len(r.refs) == 1 && !(r.quick.secrets && saysSecret(rest))
}

// isBeforeStatus says whether a member of an event comes before what may have to be
// replaced.
func isBeforeStatus(key []byte) bool {
	switch string(key) {
	case "level", "auditID", "stage", "requestURI", "verb", "user", "impersonatedUser", "authenticationMetadata", "sourceIPs", "userAgent", "objectRef":
		return true
	}
	return false
}

// tornURIs replaces the credentials of every requestURI in a text that need
// not be JSON.
func (e *edit) tornURIs(line []byte) {
	const key = `"requestURI":"`
	for i := 0; ; {
		n := bytes.Index(line[i:], []byte(key))
		if n < 0 {
			return
		}
		i += n + len(key)
		end := len(line)
		if closed := stringEnd(line, i-1); closed > 0 {
			end = closed - 1
		}
		e.uri(i, end)
		i = end
	}
}

// unknown replaces b[from:to], but for NULs at its ends and for what separates the events of a list.
func (e *edit) unknown(from, to int) {
	if len(bytes.Trim(e.b[from:to], "\ufeff \t\r[,]")) == 0 {
		return
	}
	for from < to && e.b[from] == 0 {
		from++
	}
	for from < to && e.b[to-1] == 0 {
		to--
	}
	e.replaceBare(from, to)
}
