package redact

import "bytes"

// eventHead begins every line that kube-apiserver writes whole.
const eventHead = `{"kind":"Event","apiVersion":"audit.k8s.io/v1"`

// quick decides for most lines that nothing of them is to be replaced, at the
// speed of a search for a byte. It looks for what can be the reason, wherever
// in the line it is, so that a torn line, or two in one, cannot hide it.
type quick struct {
	uris bool
	// triggers are those of the rules for one resource, every those of the rules
	// for all.
	triggers map[string]triggers
	every    triggers
	// secrets: a Secret is looked for in every body.
	secrets bool
}

// triggers is a set of them, a bit for each.
type triggers uint

func (t triggers) has(one trigger) bool { return t&(1<<one) != 0 }

func newQuick(p *Policy) quick {
	q := quick{uris: p.uris, secrets: p.inner != nil, triggers: map[string]triggers{}}
	for i := range p.rules {
		if u := &p.rules[i]; u.resource == nil {
			q.every |= 1 << u.needs
		} else {
			q.triggers[*u.resource] |= 1 << u.needs
		}
	}
	return q
}

// passes says that nothing of a line is to be replaced. False says nothing.
func (q *quick) passes(line []byte) bool {
	if q.every.has(always) || len(line) < len(eventHead) || string(line[:len(eventHead)]) != eventHead {
		return false
	}
	at := look(line)
	if at.body && at.refs == 0 || at.refs > len(at.resources) {
		return false
	}
	for _, resource := range at.resources[:at.refs] {
		if resource == nil || (q.every | q.triggers[string(resource)]).pulled(&at) {
			return false
		}
	}
	if at.body && q.secrets && saysSecret(line) {
		return false
	}
	if q.uris && !plainURIs(line) {
		return false
	}
	return bytes.IndexByte(line, 0) < 0 // after a hole comes what nobody can say the beginning of
}

// pulled says whether a line shows any of the triggers.
func (t triggers) pulled(at *sight) bool {
	switch {
	case t.has(always), t.has(onBody) && at.body:
		return true
	case !t.has(onMessage) && !t.has(onFinding):
		return false
	}
	end, ok := namesOnly(at.rest)
	return at.refs > 1 || !ok || bytes.Contains(at.rest[end:], []byte(policyFinding[len(policyFinding)-len(`_failure`):]))
}

// sight is what a line shows to one search, wherever in it it is.
type sight struct {
	body      bool      // there is a requestObject or a responseObject
	refs      int       // how many objectRefs there are
	resources [4][]byte // of the first ones; nil where it is not where it should be
	rest      []byte    // what follows the last one of these
}

// look looks for the j of requestObject, responseObject and objectRef, a letter
// that is rare in events.
func look(line []byte) (at sight) {
	const object, ref, head = `Object"`, `"objectRef"`, `:{"resource":"`
	for i := len(eventHead); ; i++ {
		n := bytes.IndexByte(line[i:], 'j')
		if n < 0 {
			return at
		}
		i += n
		if from := i - len(`Ob`); hasPrefix(line[from:], object) {
			at.body = true
			continue
		}
		from := i - len(`"ob`)
		if !hasPrefix(line[from:], ref) {
			continue
		}
		if at.refs < len(at.resources) {
			rest, ok := bytes.CutPrefix(line[from+len(ref):], []byte(head))
			if end := bytes.IndexByte(rest, '"'); ok && end > 0 {
				at.resources[at.refs], at.rest = rest[:end], rest[end:]
			}
		}
		at.refs++
	}
}

func hasPrefix(b []byte, s string) bool { return len(b) >= len(s) && string(b[:len(s)]) == s }

// plainURIs says that no requestURI of the line has a credential in it.
func plainURIs(line []byte) bool {
	const key = `URI"`
	for i := 0; ; {
		n := bytes.Index(line[i:], []byte(key))
		if n < 0 {
			return true
		}
		i += n + len(key)
		if !hasPrefix(line[i:], `:"`) {
			return false
		}
		from := i + len(`:"`)
		if i = uriEnd(line, from); !plainURI(line[from:i]) {
			return false
		}
	}
}

// uriEnd returns where the text of a string ends that begins at i, after its
// quote: before the closing quote, or where the line ends. In a URI a quote
// of its own, and so an escape, is rare.
func uriEnd(line []byte, i int) int {
	n := bytes.IndexByte(line[i:], '"')
	if n < 0 {
		return len(line)
	}
	if n > 0 && line[i+n-1] == '\\' {
		if end := stringEnd(line, i-1); end > 0 {
			return end - 1
		}
		return len(line)
	}
	return i + n
}
