package lokiserver

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

const command = "github.com/grafana/loki/v3/cmd/loki"

// Repository returns the root of the source tree.
func Repository(tb testing.TB) string {
	tb.Helper()
	_, self, _, ok := runtime.Caller(0)
	if !ok {
		tb.Fatal("find the source tree: no caller information")
	}
	return filepath.Join(filepath.Dir(self), "..", "..", "..")
}

// Binary returns the path of Loki and builds it where it is missing. There is
// one for each content of the server's go.mod and go.sum.
func Binary(tb testing.TB) string {
	tb.Helper()
	root := Repository(tb)
	module := filepath.Join(root, "e2e", "loki", "server")
	h := sha256.New()
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(module, name))
		if err != nil {
			tb.Fatalf("read Loki's module: %v", err)
		}
		_, _ = h.Write(content)
	}
	path := filepath.Join(root, ".cache", fmt.Sprintf("loki-%x", h.Sum(nil)[:8]))
	if _, err := os.Stat(path); err != nil {
		build(tb, module, path)
	}
	return path
}

func build(tb testing.TB, module, path string) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tb.Fatal(err)
	}
	// Two suites may build at once: each its own file, then a rename.
	temp := fmt.Sprintf("%s.%d", path, os.Getpid())
	began := time.Now()
	tb.Logf("building %s (once; 10 to 15 minutes on two cores)", command)
	// It is a big build beside other work: nice.
	cmd := exec.CommandContext(tb.Context(), "nice", "go", "build", "-ldflags=-s -w", "-o", temp, command)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("build Loki: %v\n%s", err, out)
	}
	if err := os.Rename(temp, path); err != nil {
		tb.Fatal(err)
	}
	tb.Logf("built in %v", time.Since(began).Round(time.Second))
}
