package redact

import "bytes"

// eventHead begins every line that kube-apiserver writes whole.
const eventHead = `{"kind":"Event","apiVersion":"audit.k8s.io/v1"`

// quick decides for most lines that nothing of them is to be replaced, at the
// speed of a search for a byte. It looks for what can be the reason, wherever
// in the line it is, so that a torn line, or two in one, cannot hide it.
type quick struct {
	uris bool
	// whole has the resources of which something may be replaced in any event,
	// failing those of which the message of a failure may be, bodied those of
	// which only events with a body are concerned.
	whole, failing, bodied map[string]bool
	// anyWhole and anyBodied: there is a rule for all resources.
	anyWhole, anyBodied bool
	// secrets: a Secret is looked for in every body.
	secrets bool
}

func newQuick(p *Policy) quick {
	q := quick{uris: p.uris, secrets: p.inner != nil, whole: map[string]bool{}, failing: map[string]bool{}, bodied: map[string]bool{}}
	for i := range p.rules {
		u := &p.rules[i]
		isWhole := u.roots[partStatus] != nil && !u.leaks || u.roots[partAnnotations] != nil && !u.withBody
		switch {
		case u.resource == nil && isWhole:
			q.anyWhole = true
		case u.resource == nil:
			q.anyBodied = true
		case isWhole:
			q.whole[*u.resource] = true
		case u.leaks:
			q.failing[*u.resource] = true
		default:
			q.bodied[*u.resource] = true
		}
	}
	return q
}

// passes says that nothing of a line is to be replaced. False says nothing.
func (q *quick) passes(line []byte) bool {
	if q.anyWhole || len(line) < len(eventHead) || string(line[:len(eventHead)]) != eventHead {
		return false
	}
	at := look(line)
	if at.body && (q.anyBodied || at.refs == 0) || at.refs > len(at.resources) {
		return false
	}
	for _, resource := range at.resources[:at.refs] {
		if !q.lets(line, resource, at.body) {
			return false
		}
	}
	if at.body && q.secrets && bytes.Contains(line, []byte(secretText)) {
		return false
	}
	return !q.uris || plainURIs(line)
}

// lets says that the resource of an event, nil where it cannot be told, is no
// reason to replace anything.
func (q *quick) lets(line, resource []byte, body bool) bool {
	if resource == nil || q.whole[string(resource)] || body && q.bodied[string(resource)] {
		return false
	}
	return !q.failing[string(resource)] || !bytes.Contains(line, []byte(`"message"`))
}

// sight is what a line shows to one search, wherever in it it is.
type sight struct {
	body      bool      // there is a requestObject or a responseObject
	refs      int       // how many objectRefs there are
	resources [4][]byte // of the first ones; nil where it is not where it should be
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
				at.resources[at.refs] = rest[:end]
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
		rest, ok := bytes.CutPrefix(line[i:], []byte(`:"`))
		if !ok {
			return false
		}
		end := bytes.IndexByte(rest, '"')
		if end < 0 {
			end = len(rest)
		}
		if !plainURI(rest[:end]) {
			return false
		}
	}
}
