package policy

import (
	"slices"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/manifests"
)

func TestLint(t *testing.T) {
	const rest = "level: Metadata"
	secrets := "level: Metadata, resources: [{group: '', resources: [secrets, configmaps, serviceaccounts/token]}, {group: authentication.k8s.io}]"
	for _, test := range []struct {
		name   string
		policy []byte
		want   []string
	}{
		{"everything at Metadata", rules(rest), nil},
		{"values of secrets", rules("level: Request, resources: [{group: '', resources: [secrets]}]", rest), []string{"secret-values@1"}},
		{"reads of secrets with their answers", rules("level: RequestResponse, verbs: [get], resources: [{group: '', resources: [secrets]}]", rest), []string{"secret-values@1"}},
		{"reads of secrets without", rules("level: Request, verbs: [get, list], resources: [{group: '', resources: [secrets]}]", rest), nil},
		{"one secret by name", rules("level: Request, verbs: [patch], resources: [{group: '', resources: [secrets], resourceNames: [a]}]", rest), []string{"secret-values@1"}},
		{"secrets after a rule for them", rules(secrets, "level: Request"), nil},
		{"configmaps, tokens and reviews by a catch-all", rules("level: Metadata, resources: [{group: '', resources: [secrets]}]", "level: Request"), []string{"secret-values@2", "secret-values@2"}},
		{"a token by its answer only", rules("level: Request, resources: [{group: '', resources: [serviceaccounts/token]}]", rest), nil},
		{"a token", rules("level: RequestResponse, resources: [{group: '', resources: [serviceaccounts/token]}]", rest), []string{"secret-values@1"}},
		{"for administrators", rules("level: Request, verbs: [create], userGroups: ['system:masters']", rest), []string{"secret-values@1", "secret-values@1", "secret-values@1"}},
		{"only secrets of some", rules("level: None, userGroups: [x]", "level: Request, userGroups: [x], resources: [{group: '', resources: [secrets]}]", rest), []string{"dead-rule@2"}},
		{"bodies of lists", rules(secrets, "level: RequestResponse, resources: [{group: '', resources: [pods]}]", rest), []string{"list-bodies@2"}},
		{"bodies of writes", rules(secrets, "level: RequestResponse, verbs: [create], resources: [{group: '', resources: [pods]}]", rest), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, id := range ids(Lint(test.policy)) {
				if !strings.HasPrefix(id, "blind-detection") {
					got = append(got, id)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("findings %q, want %q\n%s", got, test.want, test.policy)
			}
		})
	}
}

// Faults of a whole policy, one mistake at a time.
func TestLintOfBrokenCopies(t *testing.T) {
	for _, test := range []struct {
		name, from, to string
		want           string
		line           bool // the finding names a line
		message        string
	}{
		{"an unknown field", "omitManagedFields: true", "omitManagedField: true", "unknown-field", true, `"omitManagedField"`},
		{"a field in a rule", "    verbs: [get, list, watch]\n", "    verb: [get, list, watch]\n", "unknown-field", true, `rule 4: kube-apiserver ignores the unknown field "verb"`},
		{"a field twice", "omitManagedFields: true", "omitManagedFields: true\nomitManagedFields: true", "unknown-field", true, "twice"},
		{"an unknown level", "level: RequestResponse", "level: Everything", "invalid", true, `"Everything"`},
		{"a level in lower case", "level: None", "level: none", "invalid", true, `rule 1: level "none"`},
		{"an unknown stage", "  - RequestReceived", "  - Received", "invalid", true, `"Received"`},
		{"an old version", "audit.k8s.io/v1\n", "audit.k8s.io/v1beta1\n", "api-version", true, "v1beta1"},
		{"a group with a version", "group: apps", "group: apps/v1", "invalid", true, `"apps/v1"`},
		{"text for a list", "verbs: [create]", "verbs: create", "invalid", true, "verbs: expected a list"},
		{"a number for text", "verbs: [create]", "verbs: [1]", "invalid", true, "verbs: expected text"},
		{"a path without a slash", "- /healthz*", "- healthz*", "invalid", true, "slash"},
		{"a star inside", "- /healthz*", "- /h*z", "invalid", true, "before its end"},
		{"broken YAML", "rules:", "rules: [", "syntax", false, "line"},
		{"a second document", "  # --- Everything else", "---\n  # --- Everything else", "syntax", true, "first YAML document"},
		{"no omitStages", "omitStages:\n  - RequestReceived\n", "", "request-received", true, "twice"},
		{"no omitManagedFields", "omitManagedFields: true\n", "", "managed-fields", true, "rule 1"},
		{"a stage that is needed", "  - RequestReceived", "  - RequestReceived\n  - ResponseComplete", "stage-omitted", true, "ResponseComplete"},
		{"a session is logged at its end", "  - RequestReceived", "  - RequestReceived\n  - ResponseStarted", "stage-omitted", true, "exec session"},
		{"no health rule", "- /livez*", "- /livezz*", "noise", true, "health checks"},
		{"everything else is dropped", "address and result.\n  - level: Metadata", "with what result.\n  - level: None", "unlogged-subresource", true, "pods/eviction"},
		{"exec is dropped", "- level: Metadata\n    resources:\n      - group: \"\"\n        resources:\n          - pods/exec", "- level: None\n    resources:\n      - group: \"\"\n        resources:\n          - pods/exec", "unlogged-subresource", true, "get/create of pods/exec"},
		{"a detection is blind", "resources: [secrets, configmaps, serviceaccounts/token]", "resources: [configmaps, serviceaccounts/token]", "secret-values", true, "create, update, patch"},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := strings.Replace(string(manifests.AuditPolicy()), test.from, test.to, 1)
			if text == string(manifests.AuditPolicy()) {
				t.Fatalf("the policy does not have %q", test.from)
			}
			found := Lint([]byte(text))
			i := slices.IndexFunc(found, func(f Finding) bool { return f.ID == test.want && strings.Contains(f.Message, test.message) })
			if i < 0 {
				t.Fatalf("no finding %s with %q in %+v", test.want, test.message, found)
			}
			if (found[i].Line > 0) != test.line || found[i].Fix == "" {
				t.Errorf("finding %+v", found[i])
			}
		})
	}
}

func TestNoCatchAll(t *testing.T) {
	for name, r := range map[string]string{
		"only resources": "level: Metadata, resources: [{group: '*'}]",
		"only paths":     "level: Metadata, nonResourceURLs: ['*']",
		"one user":       "level: Metadata, users: [a]",
	} {
		if got := ids(Lint(rules(r))); !slices.Contains(got, "no-catch-all") {
			t.Errorf("%s: findings %q", name, got)
		}
	}
}

func TestBlindDetection(t *testing.T) {
	found := Lint(rules("level: None, resources: [{group: '', resources: [secrets]}]", "level: Metadata"))
	i := slices.IndexFunc(found, func(f Finding) bool { return f.ID == "blind-detection" && strings.Contains(f.Message, "secrets") })
	if i < 0 {
		t.Fatalf("no blind detection in %+v", found)
	}
	if !strings.Contains(found[i].Message, "blind") || !strings.Contains(found[i].Fix, "Metadata") {
		t.Errorf("finding %+v", found[i])
	}
}

// A candidate that drops events of a query is said to blind it; so is one that logs no bodies. Nothing
// that both policies lack is reported.
func TestCompareNamesBlindQueries(t *testing.T) {
	now := Lint(rules("level: None, resources: [{group: '', resources: [pods]}]", "level: Request"))
	c := Compare(now, Lint(rules("level: None, resources: [{group: '', resources: [pods, secrets]}]", "level: Metadata")))
	text := strings.Join(c.Queries, "\n")
	for query, want := range map[string]bool{
		"the query secret-reads is blind": true, "the query cluster-admin-grants is blind": true, "the query rbac-changes is partly blind": true,
		"the query deletions": false, "the query pod-deletions": false, "the query user-actions": false,
	} {
		if strings.Contains(text, query) != want {
			t.Errorf("%q: want %v in\n%s", query, want, text)
		}
	}
}

// YAML's own ways to write a policy.
func TestParseYAML(t *testing.T) {
	p, found, usable := Parse([]byte(`apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- &base {level: Metadata, verbs: &v [get, list]}
- {<<: *base, level: Request}
- {level: None, verbs: *v, resources: [{group: "", resources: [pods], resourceNames: null}]}
`))
	if !usable || len(found) > 0 {
		t.Fatalf("findings %+v", found)
	}
	if p.Rules[1].Level != Request || !slices.Equal(p.Rules[1].Verbs, []string{"get", "list"}) || p.Rules[2].Line != 6 {
		t.Errorf("rules %+v", p.Rules)
	}
	if _, found, usable := Parse([]byte("a: &a {<<: *a}\nrules: &r [*r]\n")); usable || len(found) == 0 {
		t.Errorf("a policy that contains itself: %+v", found)
	}
}

func FuzzLint(f *testing.F) {
	f.Add(manifests.AuditPolicy())
	f.Add(rules("level: None, users: [a], verbs: [get], nonResourceURLs: ['/a*']", "level: Metadata"))
	f.Add([]byte("a: &a [*a, *a]\nrules: *a"))
	f.Add([]byte(`{"apiVersion":"audit.k8s.io/v1","kind":"Policy","rules":[{"level":"Request","resources":[{"resources":["*/*","a/"]}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 64<<10 {
			return
		}
		for _, found := range Lint(data) {
			if found.ID == "" || found.Message == "" || found.Severity == "" || strings.Contains(found.Message, fresh) {
				t.Errorf("finding %+v", found)
			}
		}
	})
}
