//go:build e2e

package rules

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// ruleFile is a rule file, as far as the suite looks into it.
type ruleFile struct {
	Groups []struct {
		Name  string           `yaml:"name"`
		Rules []map[string]any `yaml:"rules"`
	} `yaml:"groups"`
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err == nil {
		err = yaml.Unmarshal(content, into)
	}
	if err != nil {
		t.Fatalf("read %s: %v", path, err)
	}
}

func rules(t *testing.T) (file ruleFile, alerts []string) {
	t.Helper()
	read(t, filepath.Join(manifests, "auditsidecar.rules.yaml"), &file)
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			alerts = append(alerts, fmt.Sprint(r["alert"]))
		}
	}
	if len(alerts) < 15 {
		t.Fatalf("only %d alerts: %q", len(alerts), alerts)
	}
	return file, alerts
}

func tests(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(manifests, "tests", "*.test.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests (%v)", err)
	}
	return files
}

// promtool itself reads the rules, with its lints, and runs the tests.
func TestPromtool(t *testing.T) {
	tool := promtool(t)
	for _, args := range [][]string{
		append([]string{"test", "rules"}, tests(t)...),
		{"check", "config", "--syntax-only", "--lint=all", "--lint-fatal", filepath.Join(manifests, "scrape", "agent.yaml")},
		{"check", "config", "--syntax-only", "--lint=all", "--lint-fatal", filepath.Join(manifests, "scrape", "tls.yaml")},
		{"check", "rules", "--lint=all", "--lint-fatal", filepath.Join(manifests, "auditsidecar.rules.yaml")},
	} {
		out, err := exec.CommandContext(t.Context(), tool, args...).CombinedOutput()
		t.Logf("promtool %s\n%s", strings.Join(args, " "), out)
		if err != nil {
			t.Errorf("promtool %s: %v", args[0], err)
		}
	}
}

// Every alert has a test in which it fires and one in which it is quiet.
func TestEveryAlertIsTested(t *testing.T) {
	_, alerts := rules(t)
	names := map[string]int{}
	for _, path := range tests(t) {
		var file struct {
			Tests []struct {
				Name string `yaml:"name"`
				Expr []struct {
					Samples []struct {
						Labels string `yaml:"labels"`
					} `yaml:"exp_samples"`
				} `yaml:"promql_expr_test"`
			} `yaml:"tests"`
		}
		read(t, path, &file)
		for _, test := range file.Tests {
			what, _, ok := strings.Cut(test.Name, ": ")
			if !ok {
				t.Errorf("%s: %q does not say of which alert it is", path, test.Name)
			}
			names[what]++
			fired := false
			for _, e := range test.Expr {
				for _, s := range e.Samples {
					fired = fired || strings.Contains(s.Labels, `alertname="`+strings.Fields(what)[0]+`"`)
				}
			}
			if fires := strings.HasSuffix(what, " fires"); fires != fired {
				t.Errorf("%s: %q: expects it to fire: %v", path, test.Name, fired)
			}
		}
	}
	for _, a := range alerts {
		if names[a+" fires"] == 0 || names[a+" is quiet"] == 0 {
			t.Errorf("%s has no test in which it fires, or none in which it is quiet", a)
		}
	}
}

// An alert that never fires, and one that always does, is found by the tests:
// they do look at each of them.
func TestABrokenAlertIsFound(t *testing.T) {
	tool := promtool(t)
	file, alerts := rules(t)
	for _, alert := range alerts {
		for _, expr := range []string{"vector(0) > 1", "vector(1)"} {
			t.Run(alert+"="+expr, func(t *testing.T) {
				args := broken(t, file, alert, expr)
				out, err := exec.CommandContext(t.Context(), tool, append([]string{"test", "rules"}, args...)...).CombinedOutput()
				if err == nil || !strings.Contains(string(out), alert) {
					t.Errorf("promtool: %v\n%s", err, out)
				}
			})
		}
	}
}

// broken copies the rules, with one alert's condition replaced, and its tests; it
// returns the paths of these.
func broken(t *testing.T, file ruleFile, alert, expr string) (copies []string) {
	t.Helper()
	dir := t.TempDir()
	var changed ruleFile
	text, err := yaml.Marshal(file)
	if err == nil {
		err = yaml.Unmarshal(text, &changed)
	}
	for _, g := range changed.Groups {
		for _, r := range g.Rules {
			if r["alert"] == alert {
				r["expr"] = expr
			}
		}
	}
	if err == nil {
		text, err = yaml.Marshal(changed)
	}
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "auditsidecar.rules.yaml"), text)
	for _, path := range tests(t) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(content), alert+" fires") {
			copies = append(copies, filepath.Join(dir, "tests", filepath.Base(path)))
			put(t, copies[len(copies)-1], content)
		}
	}
	return copies
}

func put(t *testing.T, path string, content []byte) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, content, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
