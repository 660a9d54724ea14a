package redact

import (
	"bytes"
	"slices"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

// eventHead begins every line that kube-apiserver writes whole.
const eventHead = `{"kind":"Event","apiVersion":"audit.k8s.io/v1"`

// The memory for actors that were looked at, and the longest that is kept, in bytes.
const (
	maxClean = 1 << 20
	maxActor = 8 << 10
)

// quick decides of most events, by a few of their fields, that nothing of them is to be replaced.
type quick struct {
	uris bool
	// triggers are those of the rules for one resource, every those of the rules
	// for all.
	triggers map[string]trigger
	every    trigger
	// secrets: a Secret is looked for in every body.
	secrets bool
	// clean are texts of actors without a credential, kept bytes in all: a log has few of them.
	clean map[string]struct{}
	kept  int
	json  auditline.Walker
}

func newQuick(p *Policy) quick {
	q := quick{uris: p.uris, secrets: p.inner != nil, triggers: map[string]trigger{}, clean: map[string]struct{}{}}
	for i := range p.rules {
		if u := &p.rules[i]; u.resource == nil {
			q.every |= u.needs
		} else {
			q.triggers[*u.resource] |= u.needs
		}
	}
	return q
}

// passes says that nothing of the line of an event is to be replaced. False says nothing.
func (q *quick) passes(e *auditline.Event) bool {
	bodies, resource, uri := e.Text(auditline.RequestObject), e.Text(auditline.ObjectResource), e.Text(auditline.RequestURI)
	body := len(bodies) > 0
	t := q.every | q.triggers[string(resource)]
	switch {
	case t&always != 0, body && (resource == nil || t&onBody != 0):
		return false
	case t&onMessage != 0 && isQuoting(e.Unquoted(e.Text(auditline.ResponseMessage)), e.Text(auditline.ResponseReason)):
		return false
	case t&onAdmission != 0 && slices.ContainsFunc(e.Map(auditline.AnnotationKey).Keys, quotesObject):
		return false
	case t&onToken != 0 && (!q.isClean(e.Actor) || mayHoldToken(e.Text(auditline.ResponseMessage)) ||
		mayHoldToken(e.Text(auditline.ResponseDetails)) || slices.ContainsFunc(e.Map(auditline.AnnotationKey).Values, mayHoldToken)):
		return false
	case t&onParameter != 0 && bytes.IndexByte(uri, '=') >= 0:
		return false
	case body && (bytes.IndexByte(bodies, 0) >= 0 || saysEvent(bodies) || q.secrets && saysSecret(bodies)):
		return false
	}
	return !q.uris || plainURI(uri)
}

// quotesObject says whether an annotation has a part of an object in it, or the message of a policy.
func quotesObject(annotation []byte) bool {
	return hasPrefix(annotation, webhookPatch) || hasPrefix(annotation, policyPatch) || isName(annotation, policyFinding)
}

// isClean says that an event's actor has no credential; false says nothing.
func (q *quick) isClean(actor []byte) bool {
	if _, known := q.clean[string(actor)]; known {
		return true
	}
	for range q.json.Members(slices.Concat([]byte(`{"user":`), actor, []byte(`}`))) {
	}
	if !q.json.Whole() || mayHoldToken(actor) || hasExtra(actor) {
		return false // not whole: the event was torn
	}
	if len(actor) > maxActor {
		return true
	}
	if q.kept += len(actor); q.kept > maxClean {
		clear(q.clean)
		q.kept = len(actor)
	}
	q.clean[string(actor)] = struct{}{}
	return true
}

// hasExtra says whether a list among the attributes of a user is a credential by its name.
func hasExtra(actor []byte) bool {
	const common = `"authentication.kubernetes.io/`
	for i := 0; ; i++ {
		n := bytes.IndexByte(actor[i:], '[')
		if n < 0 {
			return false
		}
		i += n
		name, isMember := bytes.CutSuffix(actor[:i], []byte(`":`))
		if quote := bytes.LastIndexByte(name, '"'); isMember && !hasPrefix(name[max(0, quote):], common) && isCredential(name[quote+1:]) {
			return true
		}
	}
}

// saysEvent says whether the bodies may have the rest of another event in them: the one that they
// belong to was torn then.
func saysEvent(bodies []byte) bool {
	return hasWord(bodies, `"objectRef"`, 'R') || hasWord(bodies, `"requestURI"`, 'U')
}

func hasPrefix(b []byte, s string) bool { return len(b) >= len(s) && string(b[:len(s)]) == s }
