package policy

import (
	"slices"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/manifests"
)

// Names that no request can have are findings of their rule.
func TestNamesThatNeverMatch(t *testing.T) {
	for _, test := range []struct {
		name, rule, message, fix string
	}{
		{"a star in a user", "level: None, users: ['system:serviceaccount:kube-system:*']", `"system:serviceaccount:kube-system:*" matches nothing`, "userGroups"},
		{"a star in a node", "level: None, users: ['system:node:*']", "compared exactly", "system:nodes"},
		{"a star in a group", "level: None, userGroups: ['system:serviceaccounts:kube-*']", "userGroups", "name each group"},
		{"a star in a namespace", "level: None, namespaces: ['kube-*']", "namespaces", "name each namespace"},
		{"a namespace in capitals", "level: None, namespaces: [Shop]", "lower case", "shop"},
		{"a star in the name of an object", "level: None, resources: [{group: '', resources: [configmaps], resourceNames: ['a*']}]", "resourceNames", "name each object"},
		{"an account without its namespace", "level: None, users: ['system:serviceaccount:api']", "a namespace and a name", "NAMESPACE:NAME"},
		{"a verb in capitals", "level: None, verbs: [GET]", `"GET" matches nothing: verbs are lower case`, "write get"},
		{"a verb in title case", "level: None, verbs: [Watch]", "lower case", "write watch"},
		{"a verb that is none", "level: None, verbs: [read]", `"read" matches nothing: no request has this verb`, "deletecollection"},
		{"a star for all verbs", "level: None, verbs: ['*']", "compared exactly", "leave verbs out"},
		{"a method of HTTP for a resource", "level: None, verbs: [post], resources: [{group: ''}]", `"post" matches nothing`, "create"},
		{"a kind", "level: None, resources: [{group: '', resources: [Secret]}]", "this is a kind", "write secrets"},
		{"a kind with a subresource", "level: None, resources: [{group: '', resources: [Pod/exec]}]", "this is a kind", "write pods/exec"},
		{"a kind that is not ours", "level: None, resources: [{group: a.b, resources: [Widget]}]", "this is a kind", "write widgets"},
		{"a singular", "level: None, resources: [{group: '', resources: [configmap]}]", "plural", "write configmaps"},
		{"a short name", "level: None, resources: [{group: apps, resources: [deploy]}]", "plural", "write deployments"},
		{"core", "level: None, resources: [{group: core, resources: [pods]}]", `group "core" matches nothing`, `""`},
		{"a version for a group", "level: None, resources: [{group: v1, resources: [pods]}]", `group "v1" matches nothing`, `""`},
		{"a resource in the core group that is not there", "level: None, resources: [{group: '', resources: [deployments]}]", "in the core group", "group: apps"},
	} {
		t.Run(test.name, func(t *testing.T) {
			found := Lint(rules(test.rule, "level: Metadata"))
			i := slices.IndexFunc(found, func(f Finding) bool { return f.ID == "never-matches" })
			if i < 0 || found[i].Rule != 1 || !strings.Contains(found[i].Message, test.message) || !strings.Contains(found[i].Fix, test.fix) {
				t.Errorf("findings %+v", found)
			}
		})
	}
}

// A correct name is not a finding, in the shipped policy and in these rules.
func TestNamesThatMatch(t *testing.T) {
	for _, text := range [][]byte{manifests.AuditPolicy(), rules(
		"level: None, verbs: [post, head], nonResourceURLs: ['/x*']", "level: None, verbs: [put]",
		"level: None, resources: [{group: '*', resources: ['*/scale', pods]}, {group: a.b, resources: [widget]}]",
		"level: None, resources: [{group: events.k8s.io, resources: [events]}, {group: '', resources: [events, 'pods/*', '*']}]",
		"level: None, namespaces: ['']", "level: Metadata")} {
		for _, f := range Lint(text) {
			if f.ID == "never-matches" {
				t.Errorf("%+v", f)
			}
		}
	}
}

// The policy from the field: each of its first four rules has names that never match.
func TestPolicyFromTheField(t *testing.T) {
	found := Lint([]byte(`apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
omitManagedFields: true
rules:
- level: None
  users: ["system:serviceaccount:kube-system:*", "system:node:*"]
- level: None
  userGroups: ["system:serviceaccounts:kube-*"]
- level: None
  namespaces: ["kube-*"]
- level: None
  verbs: ["GET", "Watch", "read"]
- level: Metadata
`))
	n := map[int]int{}
	for _, f := range found {
		if f.ID == "never-matches" {
			n[f.Rule]++
		}
	}
	if n[1] != 2 || n[2] != 1 || n[3] != 1 || n[4] != 3 || n[5] != 0 {
		t.Errorf("findings by rule %v of %+v", n, found)
	}
}
