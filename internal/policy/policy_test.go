package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/manifests"
)

const head = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nomitManagedFields: true\nrules:\n"

// rules makes a policy of rules in flow form, one in each line from line 6 on.
func rules(all ...string) []byte {
	return []byte(head + "- {" + strings.Join(all, "}\n- {") + "}\n")
}

// ids returns the IDs of findings that are no mere information, with their rules.
func ids(findings []Finding) (all []string) {
	for _, f := range findings {
		if f.Severity == SeverityInfo {
			continue
		}
		id := f.ID
		if f.Rule > 0 {
			id += fmt.Sprintf("@%d", f.Rule)
		}
		all = append(all, id)
	}
	return all
}

func TestShippedPolicyIsClean(t *testing.T) {
	for _, f := range Lint(manifests.AuditPolicy()) {
		t.Errorf("line %d: %s: %s (%s)", f.Line, f.Severity, f.Message, f.ID)
	}
}

func TestEvaluate(t *testing.T) {
	p, _, _ := Parse(manifests.AuditPolicy())
	user := func(verb, group, resource, sub string) Query {
		return Query{User: "jane", Groups: []string{"dev", "system:authenticated"}, Verb: verb, Group: group, Resource: resource, Subresource: sub, Namespace: "shop", Name: "x"}
	}
	as := func(q Query, user string, groups ...string) Query {
		q.User, q.Groups = user, groups
		return q
	}
	for _, test := range []struct {
		what string
		q    Query
		want Level
	}{
		{"read a secret", user("get", "", "secrets", ""), Metadata},
		{"write a secret", user("update", "", "secrets", ""), Metadata},
		{"an administrator writes a secret", as(user("create", "", "secrets", ""), "root", "system:masters"), Metadata},
		{"the controller manager reads secrets", as(user("list", "", "secrets", ""), "system:kube-controller-manager", "system:authenticated"), Metadata},
		{"make a token", user("create", "", "serviceaccounts", "token"), Metadata},
		{"review a token", user("create", "authentication.k8s.io", "tokenreviews", ""), Metadata},
		{"exec over a websocket", user("get", "", "pods", "exec"), Metadata},
		{"debug container", user("patch", "", "pods", "ephemeralcontainers"), Request},
		{"create a pod", user("create", "", "pods", ""), Request},
		{"read a pod", user("get", "", "pods", ""), Metadata},
		{"a pod's status", as(user("patch", "", "pods", "status"), "system:node:n1", "system:nodes"), Metadata},
		{"a node reads a pod", as(user("get", "", "pods", ""), "system:node:n1", "system:nodes"), None},
		{"a node reads a secret", as(user("get", "", "secrets", ""), "system:node:n1", "system:nodes"), Metadata},
		{"heartbeat", as(user("update", "coordination.k8s.io", "leases", ""), "system:node:n1", "system:nodes"), None},
		{"a lease is deleted", as(user("delete", "coordination.k8s.io", "leases", ""), "system:node:n1", "system:nodes"), Metadata},
		{"an event is deleted", as(user("delete", "", "events", ""), "system:node:n1", "system:nodes"), Metadata},
		{"bind a role", user("create", "rbac.authorization.k8s.io", "clusterrolebindings", ""), RequestResponse},
		{"delete roles", user("deletecollection", "rbac.authorization.k8s.io", "roles", ""), RequestResponse},
		{"read roles", user("list", "rbac.authorization.k8s.io", "roles", ""), Metadata},
		{"health", Query{User: "system:anonymous", Groups: []string{"system:unauthenticated"}, Verb: "get", Path: "/livez/etcd"}, None},
		{"anonymous version", Query{User: "system:anonymous", Groups: []string{"system:unauthenticated"}, Verb: "get", Path: "/version"}, Metadata},
		{"no user at all", Query{Verb: "get", Group: "", Resource: "pods"}, Metadata},
		{"an administrator writes anything", as(user("create", "example.com", "things", ""), "root", "kubeadm:cluster-admins"), Request},
	} {
		if got, _ := p.Evaluate(test.q); got != test.want {
			t.Errorf("%s: %s, want %s", test.what, got, test.want)
		}
	}
}

func TestDeadRules(t *testing.T) {
	const rest = "level: Metadata"
	for _, test := range []struct {
		name  string
		rules []string
		want  []string // dead-rule and dead-part only
	}{
		{"a catch-all first", []string{rest, "level: None, users: [a]", rest}, []string{"dead-rule@2", "dead-rule@3"}},
		{"the order is right", []string{"level: None, users: [a]", rest}, nil},
		{"two users one by one", []string{"level: None, users: [a]", "level: None, users: [b]", "level: Request, users: [a, b]", rest}, []string{"dead-rule@3"}},
		{"one user is left", []string{"level: None, users: [a]", "level: Request, users: [a, b]", rest}, nil},
		{"two halves by verb", []string{"level: None, verbs: [get]", "level: None, verbs: [list]", "level: Metadata, verbs: [list, get], users: [a]", rest}, []string{"dead-rule@3"}},
		{"a service account is in its groups", []string{"level: None, userGroups: ['system:serviceaccounts:x']", "level: Request, users: ['system:serviceaccount:x:y']", rest}, []string{"dead-rule@2"}},
		{"a group of one namespace", []string{"level: None, userGroups: ['system:serviceaccounts']", "level: Request, userGroups: ['system:serviceaccounts:y']", rest}, []string{"dead-rule@2"}},
		{"every user is authenticated", []string{"level: None, userGroups: ['system:authenticated']", "level: Request, users: [jane]", rest}, []string{"dead-rule@2"}},
		{"but who fails to authenticate has no group", []string{"level: None, userGroups: ['system:authenticated', 'system:unauthenticated']", rest}, nil},
		{"all resources of a group", []string{"level: None, resources: [{group: ''}]", "level: Request, resources: [{group: '', resources: [pods, pods/exec]}]", rest}, []string{"dead-rule@2"}},
		{"another group", []string{"level: None, resources: [{group: ''}]", "level: Request, resources: [{group: apps, resources: [deployments]}]", rest}, nil},
		{"pods do not have pods/exec", []string{"level: None, resources: [{group: '', resources: [pods]}]", "level: Request, resources: [{group: '', resources: [pods/exec]}]", rest}, nil},
		{"pods/* has both", []string{"level: None, resources: [{group: '', resources: ['pods/*']}]", "level: Request, resources: [{group: '', resources: [pods/exec, pods]}]", rest}, []string{"dead-rule@2"}},
		{"pods and pods/exec are not pods/*", []string{"level: None, resources: [{group: '', resources: [pods, pods/exec]}]", "level: Request, resources: [{group: '', resources: ['pods/*']}]", rest}, nil},
		{"*/scale", []string{"level: None, resources: [{group: apps, resources: ['*/scale']}]", "level: Request, resources: [{group: apps, resources: [deployments/scale]}]", rest}, []string{"dead-rule@2"}},
		{"any group", []string{"level: None, resources: [{group: '*', resources: [pods]}]", "level: Request, resources: [{group: '', resources: [pods]}]", rest}, []string{"dead-rule@2"}},
		{"names", []string{"level: None, resources: [{group: '', resources: [pods], resourceNames: [a]}]", "level: Request, resources: [{group: '', resources: [pods], resourceNames: [a]}]", "level: Request, resources: [{group: '', resources: [pods]}]", rest}, []string{"dead-rule@2"}},
		{"namespaces", []string{"level: None, namespaces: [a, b]", "level: Request, namespaces: [b], resources: [{group: '', resources: [pods]}]", rest}, []string{"dead-rule@2"}},
		{"a namespace is no other", []string{"level: None, namespaces: [a]", "level: Request, namespaces: [b]", rest}, nil},
		{"paths", []string{"level: None, nonResourceURLs: ['/healthz*']", "level: Request, nonResourceURLs: ['/healthz/etcd', '/healthzz']", rest}, []string{"dead-rule@2"}},
		{"a longer path", []string{"level: None, nonResourceURLs: ['/healthz/etcd']", "level: Request, nonResourceURLs: ['/healthz*']", rest}, nil},
		{"resources are no paths", []string{"level: None, resources: [{group: '*'}]", "level: Request, nonResourceURLs: ['*']"}, nil},
		{"both together are everything", []string{"level: None, resources: [{group: '*'}]", "level: Request, nonResourceURLs: ['*']", rest}, []string{"dead-rule@3"}},
		{"what matches nothing", []string{"level: Metadata, resources: [{group: '', resources: ['*/*']}]", rest}, []string{"dead-rule@1"}},
		{"one resource of two", []string{"level: Metadata, resources: [{group: '', resources: [secrets]}]", "level: Request, verbs: [create], resources: [{group: '', resources: [secrets, pods]}]", rest}, []string{"dead-part@2"}},
		{"one verb of two", []string{"level: None, verbs: [get]", "level: Request, verbs: [get, create]", rest}, []string{"dead-part@2"}},
		{"one path of two", []string{"level: None, nonResourceURLs: ['/a*']", "level: Request, nonResourceURLs: [/ab, /b]", rest}, []string{"dead-part@2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, id := range ids(Lint(rules(test.rules...))) {
				if strings.HasPrefix(id, "dead-") || strings.HasPrefix(id, idInvalid) || strings.HasPrefix(id, idSyntax) {
					got = append(got, id)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("findings %q, want %q", got, test.want)
			}
		})
	}
}

// The number of combinations is bounded; beyond, nothing is claimed.
func TestSearchIsBounded(t *testing.T) {
	many := func(what string, n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("%s%d", what, i))
		}
		return strings.Join(all, ", ")
	}
	huge := make([]string, 800)
	for i := range huge {
		huge[i] = "level: Metadata, users: [" + many("u", 20) + "], verbs: [" + many("v", 20) + "]"
	}
	if found := Lint(rules(huge...)); !slices.ContainsFunc(found, func(f Finding) bool { return f.ID == "too-large" }) {
		t.Errorf("no finding of %d says that the policy is too large", len(found))
	}
	p, _, _ := Parse(rules(huge...))
	p.left = 1000
	for i := range p.Rules {
		over := p.left < 0
		if s := p.reach(i, &p.Rules[i], target{}); over && (s.given || !s.stopped) {
			t.Fatalf("rule %d is compared after 1000 comparisons", i)
		}
	}
	if p.left >= 0 {
		t.Error("comparisons are not counted")
	}
	r := "users: [" + many("u", 230) + "], verbs: [" + many("v", 230) + "]"
	found := Lint(rules("level: None, "+r, "level: Metadata, "+r, "level: Metadata"))
	if got := ids(found); slices.Contains(got, "dead-rule@2") {
		t.Errorf("findings %q after too many combinations", got)
	}
}
