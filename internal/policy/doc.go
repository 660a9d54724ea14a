// Package policy reads an audit policy of kube-apiserver (audit.k8s.io/v1, the
// file behind --audit-policy-file) and finds faults in it.
//
// [Parse] reads the file as strictly as kube-apiserver should: an unknown field is
// a finding with its line, where kube-apiserver only logs a warning and continues
// without it. [Policy.Evaluate] is kube-apiserver's own decision: the first rule
// that matches a request gives its level, and a request that no rule matches is
// not logged. [Lint] does both and asks the policy about requests that matter.
//
// # Dead rules
//
// A rule only ever says which requests it matches, never which it does not. So of
// all requests that match a rule, earlier rules are least likely to match those that
// have, in everything the rule leaves open, a value that no rule names. It is
// enough to try these, for each combination of the values the rule does name: if
// earlier rules, one or several together, take them all, the rule never applies,
// and otherwise the one that is left is the proof that it does. Requests have the
// groups that kube-apiserver gives them: an authenticated user is in
// system:authenticated, a service account in system:serviceaccounts, and so on.
//
// The search is exact up to 50,000 combinations; a rule with more is taken to be
// alive, and so are the rest of a policy that would take more than a second or two.
//
// # Names that never match
//
// kube-apiserver accepts any name and ignores those that no request can have: a "*"
// in a user, verbs in capitals, kinds instead of resources, "core" for the core group.
//
// # Blind detections
//
// [Detections] lists the alerts that are shipped (manifests/loki/rules.yaml) with
// the events each one needs; the table is made from manifests/detections. A detection is blind if the
// policy does not log these events, or not with the body that it looks into. So is a query of
// manifests/queries, whose comments say what it needs.
//
// Sources: k8s.io/apiserver/pkg/audit/policy (checker.go, reader.go) and
// pkg/apis/audit/validation of Kubernetes 1.37.
//
// # Files
//
//	policy.go      the types of a policy
//	parse.go       a policy's YAML, with its positions
//	parserule.go   one rule of it
//	evaluate.go    the level of a request
//	finding.go     findings and their order
//	lint.go        rules that cannot match, and missing ones
//	unmatched.go   names that match nothing
//	secrets.go     rules that log secret values
//	volume.go      rules that log more than is used
//	witness.go     a request that reaches a rule, or that none does
//	blind.go       detections that the policy hides
//	compare.go     two policies by their findings
//	needs.go       the requests that each detection needs, queries.go: that each query needs
package policy
