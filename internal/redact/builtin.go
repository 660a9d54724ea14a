package redact

import "strings"

// The names of the rules that need not be written.
const (
	ruleSecrets        = "secrets"
	ruleConfigMaps     = "configmaps"
	ruleConfigMapReads = "configmap-reads"
	ruleTokens         = "tokens"
	ruleURIs           = "uri-credentials"
	ruleCredentials    = "credentials"
	rulePatches        = "webhook-patches"
	ruleCommands       = "exec-commands"
	ruleEnvironment    = "environment"
)

// Builtin is a rule that need not be written.
type Builtin struct {
	Name string
	// Default: it is used unless it is disabled; otherwise only if it is enabled.
	Default bool
	make    func(name string) []rule
}

// Builtins returns the rules that need not be written, in their order.
func Builtins() []Builtin {
	return []Builtin{
		{ruleSecrets, true, secretRules},
		{ruleConfigMaps, true, func(name string) []rule { return objectRules(name, "configmaps", true) }},
		{ruleTokens, true, tokenRules},
		{ruleURIs, true, func(string) []rule { return nil }}, // see [edit.uri]
		{ruleCredentials, true, credentialRules},
		{rulePatches, true, patchRules},
		{ruleConfigMapReads, false, func(name string) []rule { return objectRules(name, "configmaps", false) }},
		{ruleCommands, false, commandRules},
		{ruleEnvironment, false, environmentRules},
	}
}

// secretRules replace, of a Secret, everything but its name, its type and its metadata.
func secretRules(name string) []rule { return objectRules(name, "secrets", false) }

// objectRules replace, of an object and of the response to a request for one, everything but the part that is
// known to be harmless, so that a field which should not be there (a mistyped "stringDat", say) is
// replaced as well; and texts that quote the object.
func objectRules(name, resource string, notReads bool) []rule {
	known := "kind apiVersion metadata type immutable items rows object $patch $retainKeys $setElementOrder/data"
	object := rule{name: name, resource: &resource, notReads: notReads, needs: onBody}
	object.roots[partRequest] = objectRoot(known + " gracePeriodSeconds preconditions orphanDependents propagationPolicy dryRun " +
		"ignoreStoreReadErrorWithClusterBreakingPotential labelSelector fieldSelector limit resourceVersion")
	object.roots[partResponse] = objectRoot(known + " status message reason details code columnDefinitions")
	finding := rule{name: name, resource: &resource, notReads: notReads, needs: onAdmission}
	finding.roots[partAnnotations] = &node{edges: []edge{named(policyFinding, all())}}
	return []rule{object, failureRule(name, resource, notReads), finding}
}

func objectRoot(known string) *node {
	metadata := &node{bare: true, edges: []edge{named("annotations", annotations())}}
	return asList(&node{bare: true, edges: []edge{{but: strings.Fields(strings.ToLower(known)), to: all()}, named("metadata", metadata)}})
}

// annotations are those of an object that must not be shown.
func annotations() *node {
	return &node{manifests: true, bare: true, edges: []edge{{match: isCopy, to: all()}}}
}

// innerSecret is the root of a Secret in the body of something else, where an
// object with this kind may also be no more than a reference.
func innerSecret() *node {
	return asList(&node{edges: []edge{
		named("data", all()), named("stringData", all()), named("binaryData", all()),
		named("metadata", &node{edges: []edge{named("annotations", annotations())}}),
	}})
}

// failureRule replaces the reason of a refusal, if that may quote
// the request, or the object it would have made.
func failureRule(name, resource string, notReads bool) rule {
	root := &node{edges: []edge{
		named("message", all()),
		named("details", &node{edges: []edge{named("causes", list(&node{edges: []edge{named("message", all())}}))}}),
	}}
	u := rule{name: name, resource: &resource, notReads: notReads, leaks: true, needs: onMessage}
	u.roots[partStatus], u.roots[partResponse] = root, root
	return u
}

// The annotations, or the beginnings of their names, in which kube-apiserver quotes an object.
const (
	admission = "admission.k8s.io/" // in all of these
	// policyFinding has the message of a ValidatingAdmissionPolicy with the action Audit, at every
	// level (apiserver/pkg/admission/plugin/policy/validating).
	policyFinding = "validation.policy." + admission + "validation_failure"
	// webhookPatch has the changes of a mutating webhook in the object (from level Request on;
	// apiserver/pkg/admission/plugin/webhook/mutating).
	webhookPatch = "patch.webhook." + admission
	// policyPatch would be the same of a MutatingAdmissionPolicy.
	policyPatch = "mutation.policy." + admission
)

func patchRules(name string) []rule {
	u := rule{name: name, needs: onAdmission}
	u.roots[partAnnotations] = &node{edges: []edge{{head: webhookPatch, to: all()}, {head: policyPatch, to: all()}}}
	return []rule{u}
}

// tokenRules replace the tokens of TokenReviews and TokenRequests, and errors that quote them.
func tokenRules(name string) []rule {
	holder := &node{bare: true, edges: []edge{named("token", all()), named("error", all())}}
	root := asList(&node{bare: true, edges: []edge{named("spec", holder), named("status", holder)}})
	review := rule{name: name, resource: new("tokenreviews"), needs: onBody}
	review.roots[partRequest], review.roots[partResponse] = root, root
	request := rule{name: name, resource: new("serviceaccounts"), subresource: new("token"), needs: onBody, roots: review.roots}
	return []rule{review, request, failureRule(name, "tokenreviews", false)}
}

// credentialRules replace the credentials outside of bodies and URIs: tokens anywhere, and the extra
// attributes of users that are credentials by their names.
func credentialRules(name string) []rule {
	text := anywhere(edge{})
	text.tokens = true
	user := &node{tokens: true, edges: []edge{
		named("extra", &node{edges: []edge{{match: isCredential, to: all()}}}),
		{every: true, items: true, to: text},
	}}
	u := rule{name: name, needs: onToken}
	u.roots[partUser], u.roots[partImpersonated] = user, user
	for _, p := range []part{partUserAgent, partAuthentication, partStatus, partAnnotations} {
		u.roots[p] = text
	}
	return []rule{u}
}

// commandRules replace the commands of exec and attach, through the API or kubelet's own.
func commandRules(name string) []rule {
	pods := rule{name: name, resource: new("pods"), needs: onParameter}
	pods.roots[partURI] = &node{edges: []edge{named("command", all()), named("cmd", all())}}
	nodes := pods
	nodes.resource = new("nodes")
	return []rule{pods, nodes}
}

// environmentRules replace the values of environment variables that are credentials by their names,
// in any object, and the copies of objects with variables in annotations.
func environmentRules(name string) []rule {
	value := &node{edges: []edge{named("value", all())}}
	root := anywhere(named("env", &node{edges: []edge{{items: true, where: &where{"name", isCredential}, to: value}}}))
	applied := &node{edges: []edge{{match: isCopy, to: all()}}}
	root.edges = append(root.edges, named("annotations", applied))
	u := rule{name: name, needs: onBody}
	u.roots[partRequest], u.roots[partResponse] = root, root
	return []rule{u}
}
