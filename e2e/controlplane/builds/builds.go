// Package builds makes the servers that the suite runs, from their Go modules.
//
// Each group of tools has a module of its own beside this package (kubernetes/,
// etcd/): one go.mod for each, so that one tool's dependencies do not move
// another's. The binaries are in .cache/<group>-<hash of go.mod and go.sum>/ at
// the root of the tree. The first build of Kubernetes takes about ten minutes on
// two cores; E2E_KUBERNETES names a directory with a kube-apiserver and a kubeadm
// to use instead, for example those of another version.
package builds

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// KubeAPIServer returns the path of kube-apiserver.
func KubeAPIServer(tb testing.TB) string { return kubernetes(tb, "kube-apiserver") }

// Kubeadm returns the path of kubeadm.
func Kubeadm(tb testing.TB) string { return kubernetes(tb, "kubeadm") }

// KubeadmV1Beta3 returns the path of the last kubeadm that reads v1beta3.
func KubeadmV1Beta3(tb testing.TB) string {
	tb.Helper()
	return binary(tb, "kubeadm-v1beta3", "kubeadm", "k8s.io/kubernetes/cmd/kubeadm", kubernetesFlags(tb, "kubeadm-v1beta3"))
}

// Etcd returns the path of etcd.
func Etcd(tb testing.TB) string {
	tb.Helper()
	return binary(tb, "etcd", "etcd", "go.etcd.io/etcd/server/v3", "-s -w")
}

func kubernetes(tb testing.TB, tool string) string {
	tb.Helper()
	if dir := os.Getenv("E2E_KUBERNETES"); dir != "" {
		return filepath.Join(dir, tool)
	}
	return binary(tb, "kubernetes", tool, "k8s.io/kubernetes/cmd/"+tool, kubernetesFlags(tb, "kubernetes"))
}

// kubernetesFlags tells the binaries their version, which they report, and by
// which kubeadm judges what it may install.
func kubernetesFlags(tb testing.TB, module string) string {
	tb.Helper()
	content, err := os.ReadFile(filepath.Join(here(tb), "..", module, "go.mod"))
	if err != nil {
		tb.Fatal(err)
	}
	v := regexp.MustCompile(`(?m)^require k8s\.io/kubernetes (v(\d+)\.(\d+)\.\S+)$`).FindSubmatch(content)
	if v == nil {
		tb.Fatalf("find the version of Kubernetes: no such line in %s/go.mod", module)
	}
	flags := "-s -w"
	for _, p := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		flags += fmt.Sprintf(" -X %[1]s.gitVersion=%[2]s -X %[1]s.gitMajor=%[3]s -X %[1]s.gitMinor=%[4]s -X %[1]s.gitTreeState=clean", p, v[1], v[2], v[3])
	}
	return flags
}

// here is the directory of this package.
func here(tb testing.TB) string {
	tb.Helper()
	_, self, _, ok := runtime.Caller(0)
	if !ok {
		tb.Fatal("find the sources of the servers: no caller information")
	}
	return filepath.Dir(self)
}

// binary returns the path of a tool, and builds it where it is missing.
func binary(tb testing.TB, module, tool, pkg, ldflags string) string {
	tb.Helper()
	dir := filepath.Join(here(tb), "..", module)
	h := sha256.New()
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			tb.Fatalf("read the module of %s: %v", tool, err)
		}
		_, _ = h.Write(content)
	}
	path := filepath.Join(here(tb), "..", "..", "..", ".cache", fmt.Sprintf("%s-%x", module, h.Sum(nil)[:8]), tool)
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = build(tb, dir, path, pkg, ldflags)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

// build builds into a file of its own and renames: several suites may build
// at once.
func build(tb testing.TB, dir, path, pkg, ldflags string) error {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	temp := fmt.Sprintf("%s.%d", path, os.Getpid())
	tb.Logf("building %s (some minutes, once)", pkg)
	cmd := exec.CommandContext(tb.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", ldflags, "-o", temp, pkg)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-mod=readonly "+parallel())
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
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
