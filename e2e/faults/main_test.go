//go:build e2e

package faults

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// underTest is the auditsidecar that is tested, set once by TestMain.
var underTest string

func TestMain(m *testing.M) {
	code, err := withBinary(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	fmt.Print(report)
	os.Exit(code)
}

func withBinary(m *testing.M) (int, error) {
	if underTest = os.Getenv("E2E_BINARY"); underTest != "" {
		return m.Run(), nil
	}
	dir, err := os.MkdirTemp("", "auditsidecar-faults-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	underTest = filepath.Join(dir, "auditsidecar")
	if err := build(underTest, "faults"); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// build makes the binary with the given version in it, with the flags of `make
// build`, so that only the linker has work to do.
func build(path, version string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X main.version="+version, "-o", path,
		"github.com/auditsidecar/auditsidecar/cmd/auditsidecar")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the binary: %w\n%s", err, out)
	}
	return nil
}
