package redact

import "bytes"

// part is a part of an event that rules can reach into.
type part int

const (
	partRequest part = iota
	partResponse
	partStatus
	partAnnotations
	parts
)

// name is the member of the event that a part is.
func (p part) name() string {
	return [parts]string{"requestObject", "responseObject", "responseStatus", "annotations"}[p]
}

// partOf is the part that a member of the event is; the first where it is none.
func partOf(key []byte) (part, bool) {
	for p := range parts {
		if isName(key, p.name()) {
			return p, true
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
	// leaks wants only events whose message may quote what was sent.
	leaks bool
	// needs is what a line shows that this rule has anything to do in.
	needs trigger
	// roots is where the rule begins in each part; nil where it has no part in it.
	roots [parts]*node
}

// trigger is what a line must show, wherever in it, to be worth a look for a
// rule's sake. The first one is that of a rule that says nothing of it.
type trigger uint

const (
	always    trigger = iota
	onBody            // a requestObject or a responseObject
	onMessage         // a message that may quote what was sent
	onFinding         // an annotation of what a validating policy found
)

// ref is what an event is about.
type ref struct{ group, resource, subresource []byte }

// wants says whether a rule is about an event.
func (u *rule) wants(o ref, verb []byte, leaks bool) bool {
	if u.notReads && isRead(verb) || u.leaks && !leaks {
		return false
	}
	return is(o.group, u.group) && is(o.resource, u.resource) && is(o.subresource, u.subresource)
}

func is(have []byte, want *string) bool { return want == nil || string(have) == *want }

func isRead(verb []byte) bool {
	switch string(verb) {
	case "get", "list", "watch":
		return true
	}
	return false
}

// The names of the rules that need not be written.
const (
	ruleSecrets        = "secrets"
	ruleConfigMaps     = "configmaps"
	ruleConfigMapReads = "configmap-reads"
	ruleTokens         = "tokens"
	ruleURIs           = "uri-credentials"
)

// builtin returns the rules of one name.
func builtin(name string) []rule {
	switch name {
	case ruleSecrets:
		return secretRules()
	case ruleConfigMaps:
		return configMapRules(name, true)
	case ruleConfigMapReads:
		return configMapRules(name, false)
	case ruleTokens:
		return tokenRules()
	}
	return nil
}

// webhookPatch begins the names of the annotations in which kube-apiserver
// quotes what a mutating webhook changed in the object (from level Request on;
// apiserver/pkg/admission/plugin/webhook/mutating).
const webhookPatch = "patch.webhook.admission.k8s.io/"

// secretRules replace, of a Secret, everything but what it is called, its type
// and its metadata, so that a field which nobody should have sent (a mistyped
// "stringDat", say) is replaced as well.
func secretRules() []rule {
	request := secretRoot("gracePeriodSeconds", "preconditions", "orphanDependents", "propagationPolicy", "dryRun",
		"ignoreStoreReadErrorWithClusterBreakingPotential", "labelSelector", "fieldSelector", "limit", "resourceVersion")
	response := secretRoot("status", "message", "reason", "details", "code", "columnDefinitions")
	secret := rule{name: ruleSecrets, resource: new("secrets"), needs: onBody}
	secret.roots[partRequest], secret.roots[partResponse] = request, response
	secret.roots[partAnnotations] = &node{edges: []edge{{head: webhookPatch, to: all()}}} // only where there is a body
	return []rule{secret, failureRule(ruleSecrets, "secrets", false), findingRule(ruleSecrets, "secrets", false)}
}

// failureRule replaces what a request was refused for, where that may quote
// what it sent, or what the object would have become.
func failureRule(name, resource string, notReads bool) rule {
	root := &node{edges: []edge{
		named("message", all()),
		named("details", &node{edges: []edge{named("causes", list(&node{edges: []edge{named("message", all())}}))}}),
	}}
	u := rule{name: name, resource: &resource, notReads: notReads, leaks: true, needs: onMessage}
	u.roots[partStatus], u.roots[partResponse] = root, root
	return u
}

// policyFinding is the annotation in which kube-apiserver has the message of a
// ValidatingAdmissionPolicy with the action Audit, at every level
// (apiserver/pkg/admission/plugin/policy/validating).
const policyFinding = "validation.policy.admission.k8s.io/validation_failure"

// findingRule replaces what policies found, which may quote the object as the
// message of a failure does.
func findingRule(name, resource string, notReads bool) rule {
	u := rule{name: name, resource: &resource, notReads: notReads, needs: onFinding}
	u.roots[partAnnotations] = &node{edges: []edge{named(policyFinding, all())}}
	return u
}

func secretRoot(known ...string) *node {
	known = append(known, "kind", "apiVersion", "metadata", "type", "immutable", "items", "rows", "object",
		"$patch", "$retainKeys", "$setElementOrder/data")
	for i, name := range known {
		known[i] = string(bytes.ToLower([]byte(name)))
	}
	root := &node{bare: true, edges: []edge{{but: known, to: all()}, named("metadata", metadata())}}
	return asList(root)
}

// innerSecret is the root of a Secret in the body of something else, where an
// object with this kind may also be no more than a reference.
func innerSecret() *node {
	return asList(&node{edges: []edge{named("data", all()), named("stringData", all()), named("metadata", metadata())}})
}

// metadata is that of an object which must not be shown in its annotations.
func metadata() *node {
	annotations := &node{manifests: true, bare: true, edges: []edge{
		{tail: appliedName, to: all()},
		named("kapp.k14s.io/original", all()),
		named("objectset.rio.cattle.io/applied", all()),
		named("banzaicloud.com/last-applied", all()),
	}}
	return &node{bare: true, edges: []edge{named("annotations", annotations)}}
}

func configMapRules(name string, notReads bool) []rule {
	root := asList(&node{bare: true, edges: []edge{named("data", all()), named("binaryData", all()), named("metadata", metadata())}})
	u := rule{name: name, resource: new("configmaps"), notReads: notReads, needs: onBody}
	u.roots[partRequest], u.roots[partResponse] = root, root
	u.roots[partAnnotations] = &node{edges: []edge{{head: webhookPatch, to: all()}}} // only where there is a body
	return []rule{u, failureRule(name, "configmaps", notReads), findingRule(name, "configmaps", notReads)}
}

// tokenRules replace the tokens of TokenReviews and TokenRequests.
func tokenRules() []rule {
	holder := &node{bare: true, edges: []edge{named("token", all())}}
	root := &node{bare: true, edges: []edge{named("spec", holder), named("status", holder)}}
	review := rule{name: ruleTokens, resource: new("tokenreviews"), needs: onBody}
	review.roots[partRequest], review.roots[partResponse] = root, root
	request := rule{name: ruleTokens, resource: new("serviceaccounts"), subresource: new("token"), needs: onBody}
	request.roots = review.roots
	return []rule{review, request}
}
