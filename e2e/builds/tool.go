package builds

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Tool is a program that is built from a Go module of the tree.
type Tool struct {
	Module  string // directory of its go.mod, from the root of the tree
	Package string // import path of its main package
	Name    string // of the binary
	LDFlags string // beside -s -w
	Tags    string // build tags, separated by commas
}

// Root returns the root of the source tree, which the working directory is in.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the source tree: %w", err)
	}
	for {
		content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(content), "module github.com/auditsidecar/auditsidecar\n") {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("find the source tree: the working directory is not in it")
		}
		dir = filepath.Dir(dir)
	}
}

// Repository is Root for a test.
func Repository(tb testing.TB) string {
	tb.Helper()
	root, err := Root()
	if err != nil {
		tb.Fatal(err)
	}
	return root
}

// Path is Find for a test.
func (t Tool) Path(tb testing.TB) string {
	tb.Helper()
	path, err := t.Find(tb.Context(), tb.Logf)
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

// Find returns the path of the binary, and builds it where it is missing, which is printed.
func (t Tool) Find(ctx context.Context, printf func(format string, args ...any)) (string, error) {
	module, path, err := t.paths()
	if err != nil {
		return "", err
	}
	if _, err = os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		printf("building %s (once; minutes)", t.Package)
		began := time.Now()
		if err = t.build(ctx, module, path); err == nil {
			printf("built in %v", time.Since(began).Round(time.Second))
		}
	}
	return path, err
}

// Built returns the path of the binary, or nothing if it is not built.
func (t Tool) Built() (string, error) {
	_, path, err := t.paths()
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return path, nil
}

// paths are the directory of the module and the file of the binary.
func (t Tool) paths() (module, binary string, err error) {
	root, err := Root()
	if err != nil {
		return "", "", err
	}
	module = filepath.Join(root, filepath.FromSlash(t.Module))
	sum, err := sumOf(module)
	if err != nil {
		return "", "", fmt.Errorf("read the module of %s: %w", t.Name, err)
	}
	group := strings.ReplaceAll(strings.TrimPrefix(t.Module, "e2e/"), "/", "-")
	return module, filepath.Join(root, ".cache", group+"-"+sum, t.Name), nil
}

// sumOf is short for the versions that a module is built of, and for its own sources.
func sumOf(module string) (string, error) {
	h := sha256.New()
	names := []string{filepath.Join(module, "go.mod"), filepath.Join(module, "go.sum")}
	sources, err := filepath.Glob(filepath.Join(module, "*.go"))
	if err != nil {
		return "", err
	}
	for _, name := range append(names, sources...) {
		content, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		_, _ = h.Write(content)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8]), nil
}

// build builds into a file of its own and renames: several suites may build at
// once. It is much beside other work: nice.
func (t Tool) build(ctx context.Context, module, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("build %s: %w", t.Name, err)
	}
	temp := fmt.Sprintf("%s.%d", path, os.Getpid())
	cmd := exec.CommandContext(ctx, "nice", "go", "build", "-trimpath", "-buildvcs=false", "-tags", t.Tags, "-ldflags", "-s -w "+t.LDFlags, "-o", temp, t.Package)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-mod=readonly "+parallel())
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", t.Name, err, out)
	}
	return os.Rename(temp, path)
}

// parallel keeps the caller's wish for fewer jobs.
func parallel() string {
	for f := range strings.FieldsSeq(os.Getenv("GOFLAGS")) {
		if strings.HasPrefix(f, "-p=") {
			return f
		}
	}
	return ""
}
