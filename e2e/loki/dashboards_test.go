package loki

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
	"github.com/auditsidecar/auditsidecar/e2e/loki/lokiserver"
)

// panel has the fields of a panel that decide about its queries.
type panel struct {
	Title   string
	Targets []target
}

type target struct {
	Datasource struct{ Type string }
	Expr       string
	QueryType  string `json:"queryType"`
}

// variables stand for Grafana's values, over one hour.
var variables = []string{
	"$__range", "1h", "$__auto", "1m", "$__rate_interval", "5m", "$cluster", ".+", "$user", ".*", "$namespace", ".*", "$verb", ".*", "$instance", ".+",
}

// queries returns the queries of all dashboards of one kind of data source, by
// dashboard and panel.
func queries(t *testing.T, kind string) map[string]target {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(builds.Repository(t), "manifests", "grafana", "dashboards", "*.json"))
	if err != nil || len(files) < 2 {
		t.Fatalf("dashboards: %v, %v", files, err)
	}
	found := make(map[string]target)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var dashboard struct{ Panels []panel }
		if err := json.Unmarshal(content, &dashboard); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, p := range dashboard.Panels {
			if len(p.Targets) == 0 {
				t.Errorf("%s: %s has no query", file, p.Title)
			}
			for i, target := range p.Targets {
				if target.Datasource.Type == kind {
					target.Expr = strings.NewReplacer(variables...).Replace(target.Expr)
					found[filepath.Base(file)+" / "+p.Title+" / "+string(rune('A'+i))] = target
				}
			}
		}
	}
	return found
}

// checkDashboards asks Loki each query of each dashboard.
func checkDashboards(t *testing.T, server *lokiserver.Server) {
	all := queries(t, "loki")
	for name, q := range all {
		if strings.Contains(q.Expr, "$") {
			t.Errorf("%s: a variable is left in %s", name, q.Expr)
		}
		result, err := ask(t, server, q.Expr, q.QueryType == "instant")
		if err != nil || result.Empty() {
			t.Errorf("%s: %d series, %d lines, %v: %s", name, result.Series, len(result.Rows), err, q.Expr)
		}
	}
	summary.add("dashboards:", "%d queries to Loki, each with data", len(all))
}

// ask runs a query as Grafana does over the last hour.
func ask(t *testing.T, server *lokiserver.Server, query string, instant bool) (lokiserver.Result, error) {
	t.Helper()
	if instant {
		return server.Instant(t.Context(), query, time.Now())
	}
	return server.Range(t.Context(), query, time.Now().Add(-time.Hour), time.Now(), time.Minute)
}

// TestPrometheusDashboards parses the queries to Prometheus, and looks
// whether the binary has these metrics.
func TestPrometheusDashboards(t *testing.T) {
	known, all := binaryMetrics(t), queries(t, "prometheus")
	for name, q := range all {
		checkPromQL(t, name, q.Expr, known)
	}
	summary.add("dashboards:", "%d queries to Prometheus, of metrics that the binary has", len(all))
}

// checkPromQL parses an expression and looks up its metrics.
func checkPromQL(t *testing.T, name, query string, known map[string]bool) {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok && !known[selector.Name] {
			t.Errorf("%s: nobody has the metric %s", name, selector.Name)
		}
		return nil
	})
}
