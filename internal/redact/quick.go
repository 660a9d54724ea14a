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
	// Each search begins with a byte that is rare in events.
	hasBody := bytes.Contains(line, []byte(`Object"`)) // requestObject, responseObject
	if hasBody && q.anyBodied {
		return false
	}
	if known, passes := q.refs(line, hasBody); !passes || hasBody && !known {
		return false
	}
	if hasBody && q.secrets && bytes.Contains(line, []byte(secretText)) {
		return false
	}
	return !q.uris || plainURIs(line)
}

// refs looks at every objectRef of the line; known says that there is one.
func (q *quick) refs(line []byte, hasBody bool) (known, passes bool) {
	const key, head = `Ref"`, `:{"resource":"`
	failed := -1 // whether there is a message, not looked up
	for i := 0; ; {
		n := bytes.Index(line[i:], []byte(key))
		if n < 0 {
			return known, true
		}
		n += i
		i = n + len(key)
		if !bytes.HasSuffix(line[:n], []byte(`"object`)) {
			continue
		}
		rest, ok := bytes.CutPrefix(line[i:], []byte(head))
		end := bytes.IndexByte(rest, '"')
		if !ok || end <= 0 || q.whole[string(rest[:end])] || hasBody && q.bodied[string(rest[:end])] {
			return known, false
		}
		if failed < 0 && q.failing[string(rest[:end])] {
			failed = bytes.Count(line, []byte(`"message"`))
		}
		if failed > 0 {
			return known, false
		}
		known = true
	}
}

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
