package s3server

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

const command = "github.com/versity/versitygw/cmd/versitygw"

// binary returns the server's path and builds it where it is missing. There is
// one for each content of its go.mod and go.sum.
func binary(tb testing.TB) string {
	tb.Helper()
	_, self, _, ok := runtime.Caller(0)
	if !ok {
		tb.Fatal("find the source of the S3 server: no caller information")
	}
	module := filepath.Join(filepath.Dir(self), "..", "versitygw")
	cache := filepath.Join(filepath.Dir(self), "..", "..", "..", ".cache")
	h := sha256.New()
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(module, name))
		if err != nil {
			tb.Fatalf("read the S3 server's module: %v", err)
		}
		_, _ = h.Write(content)
	}
	path := filepath.Join(cache, fmt.Sprintf("versitygw-%x", h.Sum(nil)[:8]))
	if _, err := os.Stat(path); err == nil {
		return path
	}
	build(tb, module, path)
	return path
}

func build(tb testing.TB, module, path string) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tb.Fatal(err)
	}
	// Tests of several packages may build at once: each its own file, then a
	// rename.
	temp := fmt.Sprintf("%s.%d", path, os.Getpid())
	tb.Logf("building %s (a minute or two, once)", command)
	cmd := exec.CommandContext(tb.Context(), "go", "build", "-trimpath", "-o", temp, command)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("build the S3 server: %v\n%s", err, out)
	}
	if err := os.Rename(temp, path); err != nil {
		tb.Fatal(err)
	}
}
