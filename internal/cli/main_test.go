package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// asProgram in the environment makes the test binary the program itself.
const asProgram = "AUDITSIDECAR_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(Main("v1.2.3"))
	}
	testscript.Main(leakless{m}, map[string]func(){"auditsidecar": func() { os.Exit(Main("v1.2.3")) }})
}

// leakless runs tests that must leave no goroutine behind.
type leakless struct{ *testing.M }

// Run implements [testscript.TestingM].
func (l leakless) Run() int {
	code := l.M.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// program is the program as a process of its own, for the effects that only a process has:
// signals and pipes.
func program(t *testing.T, args ...string) (cmd *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd = exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	stderr = new(bytes.Buffer)
	cmd.Stderr = stderr
	return cmd, stderr
}

// result is the result of a call of the program.
type result struct {
	code           int
	stdout, stderr string
	err            error
}

// call runs the program in this process.
func call(t *testing.T, args ...string) result {
	t.Helper()
	return callWith(t.Context(), strings.NewReader(""), args...)
}

func callWith(ctx context.Context, stdin io.Reader, args ...string) result {
	var stdout, stderr bytes.Buffer
	root := NewRoot("v1.2.3")
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	err := root.ExecuteContext(ctx)
	return result{exitCode(err), stdout.String(), stderr.String(), err}
}

// ok is call for commands that must succeed.
func ok(t *testing.T, args ...string) result {
	t.Helper()
	r := call(t, args...)
	if r.err != nil {
		t.Fatalf("%q: exit %d: %v", args, r.code, r.err)
	}
	return r
}

// refused holds a failure against its exit code and message.
func (r result) refused(t *testing.T, code int, wants ...string) {
	t.Helper()
	if r.err == nil {
		t.Fatalf("no error; standard output:\n%.500s", r.stdout)
	}
	if r.code != code {
		t.Errorf("exit %d, want %d: %v", r.code, code, r.err)
	}
	for _, want := range wants {
		if !strings.Contains(r.err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, r.err)
		}
	}
}

var must = audittest.Must

// same compares bytes with the expected ones, without printing megabytes.
func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	n := 0
	for n < min(len(got), len(want)) && got[n] == want[n] {
		n++
	}
	t.Errorf("%s: %d bytes, want %d; they differ from byte %d on", what, len(got), len(want), n)
}

// put writes a file, with its directory, and returns its path.
func put(t testing.TB, path string, content []byte) string {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.WriteFile(path, content, 0o600))
	return path
}

// files lists the files below a directory, hidden names included, sorted; a
// directory that is empty, or not there, lists nothing.
func files(t testing.TB, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && !strings.HasPrefix(d.Name(), ".") {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		all = append(all, rel)
		return err
	})
	if !os.IsNotExist(err) {
		must(t, err)
	}
	slices.Sort(all)
	return all
}
