package manifests

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"k8s.io/apiserver/pkg/apis/audit"
	kube "k8s.io/apiserver/pkg/audit/policy"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"

	"github.com/auditsidecar/auditsidecar/internal/policy"
	shippedfiles "github.com/auditsidecar/auditsidecar/manifests"
)

// kube-apiserver's own answer for a request.
func kubeLevel(p *audit.Policy, q policy.Query) audit.Level {
	return kube.NewPolicyRuleEvaluator(p).EvaluatePolicyRule(authorizer.AttributesRecord{
		User: &user.DefaultInfo{Name: q.User, Groups: q.Groups}, Verb: q.Verb,
		APIGroup: q.Group, Resource: q.Resource, Subresource: q.Subresource, Namespace: q.Namespace, Name: q.Name,
		ResourceRequest: q.Path == "", Path: q.Path,
	}).Level
}

// Small alphabets, so that rules and requests meet.
type dice struct{ *rand.Rand }

func (d dice) one(from ...string) string { return from[d.IntN(len(from))] }

// some returns none, or up to three of them.
func (d dice) some(from ...string) []string {
	if d.IntN(2) == 0 {
		return nil
	}
	var all []string
	for range 1 + d.IntN(3) {
		all = append(all, d.one(from...))
	}
	return all
}

func users() []string {
	return []string{"jane", "system:anonymous", "system:node:n1", "system:serviceaccount:a:x", "system:serviceaccount:b:y"}
}
func groups() []string {
	return []string{"dev", "system:nodes", "system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated", "system:unauthenticated"}
}
func verbs() []string { return []string{"get", "list", "create", "delete"} }

func (d dice) policy() string {
	var b strings.Builder
	b.WriteString("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n")
	list := func(key string, values []string) {
		if len(values) > 0 {
			fmt.Fprintf(&b, "  %s: ['%s']\n", key, strings.Join(values, "', '"))
		}
	}
	for range 1 + d.IntN(6) {
		fmt.Fprintf(&b, "- level: %s\n", d.one("None", "Metadata", "Request", "RequestResponse"))
		list("users", d.some(users()...))
		list("userGroups", d.some(groups()...))
		list("verbs", d.some(verbs()...))
		switch d.IntN(4) {
		case 0:
			list("nonResourceURLs", d.some("/livez", "/livez*", "/*", "*", "/version"))
		case 1:
			list("namespaces", d.some("a", "b", ""))
		default:
			list("namespaces", d.some("a", "b", ""))
			b.WriteString("  resources:\n")
			for range 1 + d.IntN(2) {
				fmt.Fprintf(&b, "  - group: '%s'\n", d.one("", "apps", "*"))
				if resources := d.some("pods", "pods/exec", "pods/*", "*/exec", "*", "secrets", "*/*"); resources != nil {
					list("  resources", resources)
					list("  resourceNames", d.some("x", "y"))
				}
			}
		}
	}
	return b.String()
}

// query has the groups that kube-apiserver gives.
func (d dice) query() policy.Query {
	q := policy.Query{User: d.one(append(users(), "", "other")...), Verb: d.one(append(verbs(), "watch")...)}
	switch rest, account := strings.CutPrefix(q.User, "system:serviceaccount:"); {
	case q.User == "":
	case q.User == "system:anonymous":
		q.Groups = []string{"system:unauthenticated"}
	case account:
		namespace, _, _ := strings.Cut(rest, ":")
		q.Groups = []string{"system:authenticated", "system:serviceaccounts", "system:serviceaccounts:" + namespace}
	case strings.HasPrefix(q.User, "system:node:"):
		q.Groups = []string{"system:authenticated", "system:nodes"}
	default:
		q.Groups = append([]string{"system:authenticated"}, d.some(groups()[:2]...)...)
	}
	if d.IntN(4) == 0 {
		q.Path = d.one("/livez", "/livez/etcd", "/version", "/")
		return q
	}
	q.Group, q.Resource, q.Subresource = d.one("", "apps", "other"), d.one("pods", "secrets", "other"), d.one("", "", "exec", "log")
	q.Namespace, q.Name = d.one("", "a", "b", "c"), d.one("", "x", "y", "z")
	return q
}

// Our matching is kube-apiserver's, on generated policies and requests; and no
// request ever reaches a rule that lint calls dead.
func TestMatchingIsKubes(t *testing.T) {
	d := dice{rand.New(rand.NewPCG(1, 2))}
	dead, compared := 0, 0
	for range 1500 {
		text := d.policy()
		theirs, err := kube.LoadPolicyFromBytes([]byte(text))
		ours, findings, usable := policy.Parse([]byte(text))
		if err != nil || !usable {
			t.Fatalf("%v, %+v:\n%s", err, findings, text)
		}
		killed := map[int]bool{}
		for _, f := range policy.Lint([]byte(text)) {
			if f.ID == "dead-rule" {
				killed[f.Rule-1] = true
				dead++
			}
		}
		for range 200 {
			q := d.query()
			level, rule := ours.Evaluate(q)
			compared++
			if want := kubeLevel(theirs, q); level.String() != string(want) {
				t.Fatalf("%+v: %s, kube-apiserver says %s:\n%s", q, level, want, text)
			}
			if killed[rule] {
				t.Fatalf("%+v reaches rule %d, which is called dead:\n%s", q, rule+1, text)
			}
		}
	}
	t.Logf("%d requests compared, %d dead rules", compared, dead)
	if dead < 200 {
		t.Errorf("only %d dead rules: the test shows nothing", dead)
	}
}

// We refuse the same policies as kube-apiserver.
func TestRefusedAsByKube(t *testing.T) {
	good := string(shippedfiles.AuditPolicy())
	for _, change := range [][2]string{
		{"level: None", "level: none"}, {"kind: Policy", "kind: Rules"}, {"audit.k8s.io/v1", "audit.k8s.io/v1beta1"},
		{"- RequestReceived", "- Received"}, {"group: apps", "group: apps/v1"}, {"group: apps", "group: Apps"},
		{"- /healthz*", "- healthz*"}, {"- /healthz*", "- /h*z"}, {"verbs: [create]", "verbs: create"}, {"verbs: [create]", "verbs: [1]"},
		{"verbs: [create]", "verbs: {create: 1}"}, {"omitManagedFields: true", "omitManagedFields: 1"}, {"rules:", "rules: ["},
		{"omitManagedFields: true", "omitManagedField: true"}, {"omitManagedFields: true", "metadata: {name: x}"},
		{"verbs: [create]", "verbs: [create]\n    resourceNames: [x]"}, {"verbs: [create]", "verbs: null"},
		{"verbs: [create]", "verbs: [null]"}, {"group: apps", "group: ''"}, {"group: apps", "group: null"},
		{"resources: [daemonsets, deployments, deployments/scale, replicasets, replicasets/scale, statefulsets, statefulsets/scale]", "resourceNames: [x]"},
		{"- level: RequestResponse", "- level: RequestResponse\n    nonResourceURLs: [/x]"},
	} {
		text := strings.Replace(good, change[0], change[1], 1)
		if text == good {
			t.Fatalf("the policy does not have %q", change[0])
		}
		_, err := kube.LoadPolicyFromBytes([]byte(text))
		_, findings, usable := policy.Parse([]byte(text))
		if usable != (err == nil) {
			t.Errorf("%q for %q: we say %v %+v, kube-apiserver says %v", change[1], change[0], usable, findings, err)
		}
	}
}

func TestShippedPolicyLoads(t *testing.T) {
	if _, err := kube.LoadPolicyFromBytes(shippedfiles.AuditPolicy()); err != nil {
		t.Error(err)
	}
}
