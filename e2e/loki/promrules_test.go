package loki

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// TestPrometheusRules reads the rules as Prometheus does, templates included,
// and looks up their metrics.
func TestPrometheusRules(t *testing.T) {
	file := filepath.Join(builds.Repository(t), "manifests", "prometheus", "auditsidecar.rules.yaml")
	groups, errs := rulefmt.ParseFile(file, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	for _, err := range errs {
		t.Error(err)
	}
	known := binaryMetrics(t)
	known["up"], known["apiserver_audit_error_total"] = true, true
	n := 0
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			n++
			checkPromQL(t, r.Alert, r.Expr, known)
			if r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["runbook"] == "" {
				t.Errorf("%s: a severity, a summary or a runbook is missing", r.Alert)
			}
		}
	}
	summary.add("alerts on the sidecar:", "%d, of metrics that the binary has", n)
}

// binaryMetrics returns the names in /metrics of the binary.
func binaryMetrics(t *testing.T) map[string]bool {
	t.Helper()
	r := newFixture(t, nil, "metrics", "http://127.0.0.1:1", audittest.Config{})
	p := r.launch()
	values := r.waitMetrics(p, "auditsidecar_loki_pushes_total")
	p.Kill()
	names := make(map[string]bool)
	for name := range values {
		names[name] = true
	}
	if len(names) < 30 {
		t.Errorf("only %d metrics", len(names))
	}
	for name := range names {
		if strings.HasPrefix(name, "auditsidecar_") && name != strings.ToLower(name) {
			t.Errorf("the metric %s is not in lower case", name)
		}
	}
	return names
}
