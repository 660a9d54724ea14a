package sql

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
	"github.com/auditsidecar/auditsidecar/internal/detect"
)

// sigmaSQL converts rules of Sigma as a user does, by title.
func sigmaSQL(t *testing.T, rules ...string) map[string]string {
	t.Helper()
	root := builds.Repository(t)
	packages, err := exec.Command(filepath.Join(root, "hack", "pip"), filepath.Join(root, "e2e", "python", "requirements.txt")).Output()
	if err != nil {
		t.Fatalf("install the tools of e2e/python: %v", err)
	}
	cmd := exec.Command("python3", append([]string{"-m", "sigma.cli.main", "convert", "-t", "sqlite", "-p", "manifests/sigma/sql.yml"}, rules...)...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "PYTHONPATH="+strings.TrimSpace(string(packages)))
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("sigma convert: %v", err)
	}
	found := make(map[string]string)
	for _, text := range strings.Split(string(out), "-- ")[1:] {
		title, query, _ := strings.Cut(text, "\n")
		title, _, _ = strings.Cut(title, ":")
		found[title] = strings.TrimRight(strings.TrimSpace(query), ";")
	}
	return found
}

// TestSigmaInDuckDB runs the detections as Sigma, converted by sigma-cli, over all cases,
// and compares them with the evaluator; and rules as users have them.
func TestSigmaInDuckDB(t *testing.T) {
	s, dir := detectionSource(t), t.TempDir()
	content, want, names := detectionLog(t, s)
	archive(t, []*logFile{{node: "cp-1", name: "audit-" + time.Now().UTC().Format("2006-01-02T15-04-05.000") + ".log", content: content}}, "file://"+dir, nil)
	db := inDuckDB(t, "file://"+dir)
	text, err := s.Sigma(nil)
	if err != nil {
		t.Fatal(err)
	}
	ours := filepath.Join(t.TempDir(), "detections.yml")
	if err := os.WriteFile(ours, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	addresses := func(query string) (all []string) {
		found, err := ask(t, db, strings.Replace(query, "SELECT * FROM", "SELECT DISTINCT source_ip FROM", 1))
		if err != nil {
			t.Errorf("%v: %s", err, query)
		}
		for _, row := range found.cells {
			all = append(all, row[0])
		}
		return all
	}
	queries, compared := sigmaSQL(t, ours), 0
	for _, d := range s.All() {
		query, ok := queries[d.Alert]
		if !ok || hasStub(d) {
			continue
		}
		compared++
		found := addresses(query)
		for address, name := range names {
			if slices.Contains(found, address) != slices.Contains(want[address], d.Alert) {
				t.Errorf("%s: Sigma finds %s: %t, the evaluator the opposite", d.Alert, name, slices.Contains(found, address))
			}
		}
	}
	if compared < 40 {
		t.Errorf("only %d detections were compared", compared)
	}
	users := sigmaSQL(t, "e2e/python/sigma")
	for title, query := range users {
		if len(addresses(query)) == 0 {
			t.Errorf("%s finds nothing: %s", title, query)
		}
	}
	t.Logf("%d detections as Sigma find what the evaluator finds, %d rules of users find lines", compared, len(users))
}

func hasStub(d *detect.Detection) bool {
	return slices.ContainsFunc(d.When, func(c detect.Condition) bool { _, ok := c["stub"]; return ok })
}
