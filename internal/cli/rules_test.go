package cli

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/auditsidecar/auditsidecar/internal/detect"
	"github.com/auditsidecar/auditsidecar/internal/detect/detecttest"
)

func TestRulesPrint(t *testing.T) {
	for form, kind := range map[string]string{"loki": "", "prometheusrule": "PrometheusRule", "alertingrule": "AlertingRule", "configmap": "ConfigMap"} {
		out := ok(t, "rules", "print", "--format", form, "--job", "k8s", "--grafana", "https://grafana.example.org/").stdout
		var document struct{ Kind string }
		must(t, yaml.Unmarshal([]byte(out), &document))
		if keeps := strings.Contains(out, "keep_firing_for"); keeps == (form == "alertingrule") {
			t.Errorf("%s: keep_firing_for: %t", form, keeps)
		}
		if document.Kind != kind || strings.Contains(out, `{job="audit"`) || !strings.Contains(out, "https://grafana.example.org/d/auditsidecar-audit?var-cluster={{ $labels.cluster | urlquery }}") {
			t.Errorf("%s: kind %q, or the job or a link is not as asked for", form, document.Kind)
		}
	}
	for _, engine := range []string{"duckdb", "trino"} {
		if out := ok(t, "rules", "print", "--format", "sql", "--engine", engine).stdout; strings.Count(out, "FROM audit.audit") < 60 {
			t.Errorf("%s: too few statements", engine)
		}
	}
}

func TestRulesUsage(t *testing.T) {
	call(t, "rules", "print", "--format", "xml").refused(t, exitUsage, "xml", "configmap")
	call(t, "rules", "print", "--format", "sql", "--engine", "sqlite").refused(t, exitUsage, "sqlite", "trino")
	call(t, "rules", "print", "x").refused(t, exitUsage, "x")
	call(t, "rules", "check").refused(t, exitUsage, "at least 1")
	call(t, "rules", "print", "--allow", filepath.Join(t.TempDir(), "none.yaml")).refused(t, exitFailed, "none.yaml")
}

func TestRulesAllow(t *testing.T) {
	text, err := detecttest.ExampleAllow(time.Now())
	must(t, err)
	path := put(t, filepath.Join(t.TempDir(), "allow.yaml"), text)
	if out := ok(t, "rules", "check", path).stdout; !strings.Contains(out, "4 entries hold") {
		t.Errorf("check: %q", out)
	}
	out := ok(t, "rules", "print", "--allow", path).stdout
	if !strings.Contains(out, "user!=`system:serviceaccount:reports:nightly`") || !strings.Contains(out, "namespace!~`review-.*`") {
		t.Error("the rules have no exception for an entry")
	}
	if sql := ok(t, "rules", "print", "--format", "sql", "--allow", path).stdout; !strings.Contains(sql, "AND NOT (COALESCE(user_name, '') IN ('system:serviceaccount:reports:nightly'))") {
		t.Error("the SQL has no exception for an entry")
	}
	bad := put(t, filepath.Join(t.TempDir(), "bad.yaml"), []byte(strings.NewReplacer(
		"AuditNamespaceDeleted", "AuditNamespacesDeleted", "a report in Python, owned by the platform team", "' '").Replace(string(text))))
	r := call(t, "rules", "check", bad)
	for _, want := range []string{bad + ": entry 3 (AuditNamespacesDeleted, system:serviceaccount:ci:deployer): there is no alert of this name", "entry 2 (AuditServiceAccountByHand", "reason: expected why"} {
		if r.code != exitFindings || !strings.Contains(r.stdout, want) {
			t.Errorf("exit %d, no %q in\n%s", r.code, want, r.stdout)
		}
	}
	call(t, "rules", "print", "--allow", bad).refused(t, exitFailed, "entry 3")
}

// An entry expires after its last day; the clock is injected.
func TestRulesExpire(t *testing.T) {
	source, err := detections()
	must(t, err)
	const text = "allow:\n- {alert: AuditExec, user: ann@example.com, reason: support, until: 2030-05-31}\n"
	for now, expired := range map[string]bool{"2030-05-31T23:59:59Z": false, "2030-06-01T00:00:00Z": true} {
		at, err := time.Parse(time.RFC3339, now)
		must(t, err)
		_, err = detect.ParseAllow("allow.yaml", []byte(text), source, at)
		if (err != nil) != expired || expired && !strings.Contains(err.Error(), "it expired on 2030-05-31") {
			t.Errorf("at %s: %v", now, err)
		}
	}
}
