//go:build e2e

package kind

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
)

// root is the root of the tree.
const root = "../.."

// run runs a program to its end and returns its standard output.
func run(t *testing.T, stdin string, program string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var stderr strings.Builder
	cmd.Stdin, cmd.Stderr = strings.NewReader(stdin), &stderr
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(program), strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out), nil
}

// must is run where a failure ends the test.
func must(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := run(t, "", program, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// kindBinary is kind: that of the PATH, or one built from its module.
func kindBinary(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("kind"); err == nil {
		return path
	}
	return builds.Tool{Module: "e2e/kind/tool", Package: "sigs.k8s.io/kind", Name: "kind"}.Path(t)
}

// image builds the container image with a version, for this machine, and
// returns its name and the path of its docker archive.
func image(t *testing.T, version string) (name, archive string) {
	t.Helper()
	out := t.TempDir()
	absolute, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	arch := strings.TrimSpace(must(t, "go", "env", "GOARCH"))
	cmd := exec.CommandContext(t.Context(), "go", "run", ".", "-source", absolute, "-out", out, "-version", version, "-arch", arch)
	cmd.Dir = filepath.Join(root, "hack", "image")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the image: %v\n%s", err, text)
	}
	return "ghcr.io/auditsidecar/auditsidecar:" + version, filepath.Join(out, "auditsidecar-linux-"+arch+".tar")
}
