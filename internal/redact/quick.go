package redact

import (
	"bytes"
	"slices"
	"strings"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

// eventHead begins every line that kube-apiserver writes whole.
const eventHead = `{"kind":"Event","apiVersion":"audit.k8s.io/v1"`

// quick decides of most events, by a few of their fields, that nothing of them is to be replaced.
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

// passes says that nothing of the line of an event is to be replaced. False says nothing.
func (q *quick) passes(e *auditline.Event) bool {
	bodies, resource := e.Text(auditline.RequestObject), e.Text(auditline.ObjectResource)
	body := len(bodies) > 0
	t := q.every | q.triggers[string(resource)]
	switch {
	case t.has(always), body && (resource == nil || t.has(onBody)):
		return false
	case t.has(onMessage) && isQuoting(e.Unquoted(e.Text(auditline.ResponseMessage)), e.Text(auditline.ResponseReason)):
		return false
	case t.has(onFinding) && slices.ContainsFunc(e.Map(auditline.AnnotationKey).Keys, isFinding):
		return false
	case body && (bytes.IndexByte(bodies, 0) >= 0 || saysEvent(bodies) || q.secrets && saysSecret(bodies)):
		return false
	}
	return !q.uris || plainURI(e.Text(auditline.RequestURI))
}

// saysEvent says whether the bodies may have the rest of another event in them: the one that they
// belong to was torn then.
func saysEvent(bodies []byte) bool {
	for _, name := range []string{`"objectRef"`, `"requestURI"`} { // the capital is rare
		rare := strings.IndexAny(name, "RU")
		for at := 0; ; at++ {
			n := bytes.IndexByte(bodies[at:], name[rare])
			if n < 0 {
				break
			}
			if at += n; at >= rare && hasPrefix(bodies[at-rare:], name) {
				return true
			}
		}
	}
	return false
}

func isFinding(annotation []byte) bool { return bytes.EqualFold(annotation, []byte(policyFinding)) }

func hasPrefix(b []byte, s string) bool { return len(b) >= len(s) && string(b[:len(s)]) == s }
