package sql

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The commands that `make demo KEEP=DIR` prints run as they are pasted. The last two of them
// need DuckDB's program.
func TestDemoCommandsWithDuckDB(t *testing.T) {
	root := "../.."
	packages, err := exec.Command(filepath.Join(root, "hack", "pip"), filepath.Join(root, "e2e", "python", "requirements.txt")).Output()
	if err != nil {
		t.Fatal(err)
	}
	python := strings.TrimSpace(string(packages))
	env := append(os.Environ(), "PYTHONPATH="+python, "PATH="+filepath.Join(python, "bin")+":"+os.Getenv("PATH"))
	work := t.TempDir()
	run := func(dir, name string, args ...string) string {
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir, cmd.Env = dir, env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		return string(out)
	}
	if err := os.Mkdir(filepath.Join(work, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	program, err := filepath.Abs(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(work, "bin", "auditsidecar")); err != nil {
		t.Fatal(err)
	}
	demo := filepath.Join(work, "bin", "demo")
	run(root, "go", "build", "-o", demo, "./hack/demo")
	_, printed, _ := strings.Cut(run(work, demo, "-keep", "try/demo"), "Next, for example")
	commands := regexp.MustCompile(`(?m)^  .*$`).FindAllString(printed, -1)
	if len(commands) < 7 {
		t.Fatalf("the demo prints %d commands:\n%s", len(commands), printed)
	}
	out := run(work, "bash", "-c", "set -eu -o pipefail\n"+strings.Join(commands, "\n"))
	for _, want := range []string{"8,294", "secrets", "identical", "OK: nothing is missing", "events", "reads"} {
		if !strings.Contains(out, want) {
			t.Errorf("the commands do not print %q:\n%s", want, out)
		}
	}
}
