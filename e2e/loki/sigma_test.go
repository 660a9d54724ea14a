package loki

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
	"github.com/auditsidecar/auditsidecar/e2e/loki/lokiserver"
	"github.com/auditsidecar/auditsidecar/internal/detect/detecttest"
)

// sigmaLines are the lines that the rules of e2e/python/sigma must find, and one that none may.
var sigmaLines = map[string]detecttest.Event{
	"shell.yml":     {User: "eve@example.com", Verb: "get", Res: "pods/exec", NS: "shop", Name: "p", Code: 101, Query: "command=%2Fbin%2Fbash"},
	"host-path.yml": {User: "eve@example.com", Verb: "create", Res: "pods", NS: "shop", Name: "p", Body: map[string]any{"spec": map[string]any{"volumes": []map[string]any{{"hostPath": map[string]any{"path": "/"}}}}}},
	"webhook.yml":   {User: "eve@example.com", Verb: "patch", Res: "validatingwebhookconfigurations", Name: "w"},
	"tool.yml":      {User: "eve@example.com", Verb: "list", Res: "configmaps", Agent: "trufflehog/3.88.0"},
	"":              {User: "system:apiserver", Verb: "update", Res: "validatingwebhookconfigurations", Name: "w"},
}

// TestSigma converts Sigma rules as a user does and asks Loki the queries.
func TestSigma(t *testing.T) {
	root := builds.Repository(t)
	out, err := exec.Command(filepath.Join(root, "hack", "pip"), filepath.Join(root, "e2e", "python", "requirements.txt")).Output()
	if err != nil {
		t.Fatalf("install the tools of e2e/python: %v", err)
	}
	server := lokiserver.Start(t, lokiserver.Config{File: "manifests/loki/loki.yaml"})
	stream := newStream(t, server.URL, "sigma")
	for _, event := range sigmaLines {
		lines, err := event.Lines(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		stream.add(lines[0])
	}
	stream.flush()
	for rule, event := range sigmaLines {
		if rule == "" {
			continue
		}
		cmd := exec.Command("python3", "-m", "sigma.cli.main", "convert", "-t", "loki", "-p", "manifests/sigma/loki.yml", "e2e/python/sigma/"+rule)
		cmd.Dir, cmd.Env = root, append(os.Environ(), "PYTHONPATH="+strings.TrimSpace(string(out)))
		query, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", rule, err)
		}
		found, err := server.All(t.Context(), strings.TrimSpace(string(query)), time.Now().Add(-time.Hour), time.Now().Add(time.Minute))
		if err != nil || len(found) != 1 || found[0].Metadata["user"] != event.User || found[0].Metadata["verb"] != event.Verb {
			t.Errorf("%s: %v, %+v by %s", rule, err, found, query)
		}
	}
	summary.add("Sigma rules:", "%d converted by sigma-cli with manifests/sigma/loki.yml, each finds its line", len(sigmaLines)-1)
}
