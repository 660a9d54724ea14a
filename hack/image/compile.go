package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// target is the platform of a binary.
type target struct{ OS, Arch string }

// String is the form that names of files have: "linux-amd64".
func (t target) String() string { return t.OS + "-" + t.Arch }

// compile builds the static binary for one target. Settings that could differ
// from machine to machine are fixed here: Go's own variables that change the
// output, the paths, and whether version control is asked.
func compile(ctx context.Context, o *options, t target, path string) error {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("build for %s: %w", t, err)
	}
	args := []string{"build", "-trimpath", "-buildvcs=false", "-mod=readonly"}
	args = append(args, "-ldflags", "-s -w -buildid= -X main.version="+o.Version, "-o", absolute, "./cmd/auditsidecar")
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = o.Source
	cmd.Env = append(environ("GOFLAGS", "GOEXPERIMENT", "GOWORK", "GODEBUG", "GOAMD64", "GOARM64", "GOOS", "GOARCH", "CGO_ENABLED"),
		"GOFLAGS="+parallel(), "GOWORK=off", "CGO_ENABLED=0", "GOOS="+t.OS, "GOARCH="+t.Arch, "GOAMD64=v1", "GOARM64=v8.0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build for %s: %w\n%s", t, err, out)
	}
	return nil
}

// environ is the environment without the variables that are set on purpose.
func environ(without ...string) []string {
	var kept []string
next:
	for _, v := range os.Environ() {
		for _, name := range without {
			if strings.HasPrefix(v, name+"=") {
				continue next
			}
		}
		kept = append(kept, v)
	}
	return kept
}

// parallel keeps of GOFLAGS only the part that cannot change the binary: -p=N.
func parallel() string {
	for f := range strings.FieldsSeq(os.Getenv("GOFLAGS")) {
		if strings.HasPrefix(f, "-p=") {
			return f
		}
	}
	return ""
}
