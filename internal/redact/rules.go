package redact

import "slices"

// part is a part of an event that rules can reach into.
type part int

const (
	partRequest part = iota
	partResponse
	partStatus
	partAnnotations
	partURI
	partUser
	partImpersonated
	partAuthentication
	partSourceIPs
	partUserAgent
	parts
)

// partNames are the members of an event that the parts are.
func partNames() [parts]string {
	return [parts]string{"requestObject", "responseObject", "responseStatus", "annotations", "requestURI", "user", "impersonatedUser",
		"authenticationMetadata", "sourceIPs", "userAgent"}
}

// partOf is the part that a member of the event is; the first if it has none.
func partOf(key []byte) (part, bool) {
	for p, name := range partNames() {
		if isName(key, name) {
			return part(p), true
		}
	}
	return 0, false
}

// rule says which values of which events are replaced.
type rule struct {
	name string
	// group, resource and subresource of the event's objectRef; nil is any.
	group, resource, subresource *string
	// notReads leaves the events of get, list and watch alone.
	notReads bool
	// leaks wants only events whose message may quote the request.
	leaks bool
	// needs lists texts, one of which occurs in each line that this rule changes.
	needs trigger
	// roots is where the rule begins in each part; nil where it has no part in it.
	roots [parts]*node
}

// trigger is a text that must occur in a line, wherever in it, to be worth a look for a rule's sake; a set of
// them if it is one of several. Of the empty set [quick] decides by itself.
type trigger uint

const (
	always      trigger = 1 << iota
	onBody              // a requestObject or a responseObject
	onMessage           // a message that may quote the request
	onAdmission         // an annotation in which kube-apiserver quotes an object, or a policy's message about it
	onParameter         // a parameter in the URI
	onToken             // possible credentials outside of the bodies
)

// ref is the object of an event.
type ref struct{ group, resource, subresource []byte }

// wants says whether a rule is about an event.
func (u *rule) wants(o ref, verb []byte, leaks bool) bool {
	if u.notReads && slices.Contains([]string{"get", "list", "watch"}, string(verb)) || u.leaks && !leaks {
		return false
	}
	return is(o.group, u.group) && is(o.resource, u.resource) && is(o.subresource, u.subresource)
}

func is(have []byte, want *string) bool { return want == nil || string(have) == *want }
