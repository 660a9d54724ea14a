package detect_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/detect/detecttest"
)

// The five alerts of the pipelines that this replaces keep counterparts of the same
// meaning: the events that fired them, as far as that was meant, fires these.
func TestClassicAlerts(t *testing.T) {
	s := source(t)
	for classic, test := range map[string]struct {
		event detecttest.Event
		ours  string
	}{
		"UnauthorizedAPIAccess, 403":                  {detecttest.Event{User: "dev-1", Verb: "list", Res: "pods", NS: "x", Code: 403, Times: 30}, "AuditUnauthorizedAccess"},
		"UnauthorizedAPIAccess, 401":                  {detecttest.Event{Verb: "list", Res: "pods", NS: "x", Code: 401, Times: 60}, "AuditAuthenticationFailures"},
		"SecretAccessed, get":                         {detecttest.Event{User: "dev-1", Verb: "get", Res: "secrets", NS: "x", Name: "s"}, "AuditSecretRead"},
		"SecretAccessed, list":                        {detecttest.Event{User: "dev-1", Verb: "list", Res: "secrets", NS: "x"}, "AuditSecretRead"},
		"RBACModification, roles":                     {detecttest.Event{User: "dev-1", Verb: "create", Res: "roles", NS: "x", Name: "r"}, "AuditRBACChanged"},
		"RBACModification, rolebindings":              {detecttest.Event{User: "dev-1", Verb: "update", Res: "rolebindings", NS: "x", Name: "r"}, "AuditRBACChanged"},
		"RBACModification, clusterroles":              {detecttest.Event{User: "dev-1", Verb: "patch", Res: "clusterroles", Name: "r"}, "AuditRBACChanged"},
		"RBACModification, clusterrolebindings":       {detecttest.Event{User: "dev-1", Verb: "delete", Res: "clusterrolebindings", Name: "r"}, "AuditRBACChanged"},
		"PodExecDetected":                             {detecttest.Event{User: "dev-1", Verb: "create", Res: "pods/exec", NS: "x", Name: "p", Code: 101}, "AuditExec"},
		"ServiceAccountTokenCreated":                  {detecttest.Event{User: "dev-1", Verb: "create", Res: "serviceaccounts/token", NS: "x", Name: "a"}, "AuditTokenCreated"},
		"ServiceAccountTokenCreated, by an account":   {detecttest.Event{User: "system:serviceaccount:x:b", Verb: "create", Res: "serviceaccounts/token", NS: "x", Name: "a"}, "AuditTokenOfAnotherAccount"},
		"ServiceAccountTokenCreated, of a controller": {detecttest.Event{User: "dev-1", Verb: "create", Res: "serviceaccounts/token", NS: "kube-system", Name: "job-controller"}, "AuditControllerTokenCreated"},
	} {
		lines, err := test.event.Lines(noon)
		if err != nil {
			t.Fatal(err)
		}
		if detecttest.Activations(s.Find(test.ours), parse(t, lines), nil) != 1 {
			t.Errorf("%s: %s does not fire", classic, test.ours)
		}
	}
}

// The four panels and the four investigations have theirs.
func TestClassicPanelsAndInvestigations(t *testing.T) {
	for file, texts := range map[string][]string{
		"grafana/dashboards/kubernetes-audit.json": {"Top", "401", "create", "namespace"},
		"queries/01-user-actions.sql":              {"user_name ="},
		"queries/03-secrets-in-namespace.sql":      {"object_namespace ="},
		"queries/04-forbidden.sql":                 {"response_code = 403"},
		"queries/07-pod-deletions.sql":             {"'delete', 'deletecollection'"},
	} {
		content, err := os.ReadFile("../../manifests/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range texts {
			if !strings.Contains(string(content), text) {
				t.Errorf("%s has no %q", file, text)
			}
		}
	}
}

// Each panel has a description, and values of an alert's link are variables.
func TestDashboards(t *testing.T) {
	for file, variables := range map[string][]string{"kubernetes-audit.json": {"cluster", "namespace", "user", "verb"}, "auditsidecar.json": {"instance"}} {
		content, err := os.ReadFile("../../manifests/grafana/dashboards/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var d struct {
			UID        string
			Panels     []struct{ Title, Description string }
			Templating struct{ List []struct{ Name string } }
		}
		if err := json.Unmarshal(content, &d); err != nil {
			t.Fatal(err)
		}
		for _, p := range d.Panels {
			if p.Description == "" {
				t.Errorf("%s: %s has no description", file, p.Title)
			}
		}
		for _, name := range variables {
			if !slices.ContainsFunc(d.Templating.List, func(v struct{ Name string }) bool { return v.Name == name }) {
				t.Errorf("%s has no variable %s", file, name)
			}
		}
	}
}
