package cli

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/verify"
)

// metricsPage maps each metric of docs/metrics.md, which `make verify` holds
// against the running program, to its type.
func metricsPage(t *testing.T) map[string]string {
	t.Helper()
	types := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (\\w+) \\|").FindAllStringSubmatch(string(audittest.ReadFile(t, "../../docs/metrics.md")), -1) {
		types[m[1]] = m[2]
	}
	if len(types) < 20 {
		t.Fatalf("docs/metrics.md has only %d metrics", len(types))
	}
	return types
}

// The rules, the dashboards and the documents name no metric that the program
// does not have.
func TestNamedMetricsExist(t *testing.T) {
	types := metricsPage(t)
	ofVerify := filepath.Join(t.TempDir(), "verify.prom")
	must(t, writeMetrics(ofVerify, &verify.Report{Findings: []verify.Finding{{}}, Nodes: []verify.Node{{}}}))
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\w+) (\w+)$`).FindAllStringSubmatch(string(audittest.ReadFile(t, ofVerify)), -1) {
		types[m[1]] = m[2]
	}
	paths := texts(t)
	for _, pattern := range []string{"../../manifests/grafana/dashboards/*.json", "../../manifests/prometheus/*/*.yaml"} {
		found, err := filepath.Glob(pattern)
		must(t, err)
		if len(found) == 0 {
			t.Errorf("nothing is %s", pattern)
		}
		paths = append(paths, found...)
	}
	named := map[string]bool{}
	for _, path := range paths {
		for _, name := range metricName.FindAllString(string(audittest.ReadFile(t, path)), -1) {
			named[name] = true
			family := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count")
			if types[name] == "" && types[family] != "histogram" {
				t.Errorf("%s: there is no metric %s", path, name)
			}
		}
	}
	if len(named) < 20 {
		t.Errorf("only %d metrics are named", len(named))
	}
}

var metricName = regexp.MustCompile(`\bauditsidecar_[a-z0-9_]*[a-z0-9]`)
