package loki

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
	"github.com/auditsidecar/auditsidecar/e2e/loki/lokiserver"
)

var fenced = regexp.MustCompile("(?ms)^```logql\n(.*?)\n```$")

// checkCookbook asks Loki each query of docs/loki.md.
func checkCookbook(t *testing.T, server *lokiserver.Server) {
	text, err := os.ReadFile(filepath.Join(builds.Repository(t), "docs", "loki.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := fenced.FindAllSubmatch(text, -1)
	if len(found) < 25 || len(found) != strings.Count(string(text), "```logql") {
		t.Errorf("%d queries found in docs/loki.md", len(found))
	}
	for _, f := range found {
		query := string(f[1])
		result, err := ask(t, server, query, !strings.HasPrefix(query, "{"))
		if err != nil || result.Empty() {
			t.Errorf("%d series, %d lines, %v: %s", result.Series, len(result.Rows), err, query)
		}
	}
	summary.add("docs/loki.md:", "%d queries, each with data", len(found))
}
