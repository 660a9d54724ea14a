//go:build e2e

package rules

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const command = "github.com/prometheus/prometheus/cmd/promtool"

// manifests is the directory with the rules.
const manifests = "../../manifests/prometheus"

// promtool returns the tool's path and builds it where it is missing. There is
// one for each content of its go.mod and go.sum.
func promtool(t *testing.T) string {
	t.Helper()
	h := sha256.New()
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join("promtool", name))
		if err != nil {
			t.Fatalf("read promtool's module: %v", err)
		}
		_, _ = h.Write(content)
	}
	path, err := filepath.Abs(filepath.Join("..", "..", ".cache", fmt.Sprintf("promtool-%x", h.Sum(nil)[:8])))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		build(t, path)
	}
	return path
}

func build(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	temp := fmt.Sprintf("%s.%d", path, os.Getpid())
	began := time.Now()
	t.Logf("building %s (once; some minutes on two cores)", command)
	// Without the service discoveries, which are most of it and find nothing here.
	cmd := exec.CommandContext(t.Context(), "nice", "go", "build", "-tags", "remove_all_sd", "-ldflags=-s -w", "-o", temp, command)
	cmd.Dir = "promtool"
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build promtool: %v\n%s", err, out)
	}
	if err := os.Rename(temp, path); err != nil {
		t.Fatal(err)
	}
	t.Logf("built in %v", time.Since(began).Round(time.Second))
}
