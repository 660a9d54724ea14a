package loki

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// binary is the auditsidecar that is tested, set once by TestMain.
var binary string

// summary is what the suite found, printed at the end.
var summary figures

// figures collects lines "name  value" in the order in which they came.
type figures struct {
	mu    sync.Mutex
	lines []string
}

func (f *figures) add(name, format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lines = append(f.lines, fmt.Sprintf("  %-28s %s", name, fmt.Sprintf(format, args...)))
}

func (f *figures) print() {
	f.mu.Lock()
	defer f.mu.Unlock()
	fmt.Println("\nThe audit log in a real Loki 3.7:")
	for _, line := range f.lines {
		fmt.Println(line)
	}
}

func TestMain(m *testing.M) {
	code, err := withBinary(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	summary.print()
	os.Exit(code)
}

func withBinary(m *testing.M) (int, error) {
	if binary = os.Getenv("E2E_BINARY"); binary != "" {
		return m.Run(), nil
	}
	dir, err := os.MkdirTemp("", "auditsidecar-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "auditsidecar")
	build := exec.Command("go", "build", "-o", binary, "./cmd/auditsidecar")
	build.Dir = filepath.Join("..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the binary: %w\n%s", err, out)
	}
	return m.Run(), nil
}
