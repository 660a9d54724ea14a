package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
)

// The modules of the binaries, from the root of the tree.
const (
	etcdModule       = "e2e/controlplane/etcd"
	kubernetesModule = "e2e/controlplane/kubernetes"
	v1beta3Module    = "e2e/controlplane/kubeadm-v1beta3"
	olderModules     = "e2e/controlplane/versions"
)

// KubeAPIServer returns the path of kube-apiserver. E2E_KUBERNETES names a
// directory with a kube-apiserver and a kubeadm to use instead of those that
// are built, for example of another version.
func KubeAPIServer(tb testing.TB) string {
	tb.Helper()
	return found(tb, "kube-apiserver")
}

// Find is KubeAPIServer outside of a test, for every program of Kubernetes and for etcd.
func Find(ctx context.Context, name string, printf func(format string, args ...any)) (string, error) {
	if name == "etcd" {
		return builds.Tool{Module: etcdModule, Package: "go.etcd.io/etcd/server/v3", Name: "etcd"}.Find(ctx, printf)
	}
	if dir := os.Getenv("E2E_KUBERNETES"); dir != "" {
		return filepath.Join(dir, name), nil
	}
	tool, err := ofKubernetes(kubernetesModule, name)
	if err != nil {
		return "", err
	}
	return tool.Find(ctx, printf)
}

// Older lists the minor versions before the one of KubeAPIServer that have a module: v1.33, v1.34.
func Older(tb testing.TB) (minors []string) {
	tb.Helper()
	modules, err := filepath.Glob(filepath.Join(builds.Repository(tb), olderModules, "*", "go.mod"))
	if err != nil || len(modules) == 0 {
		tb.Fatalf("list the modules of %s: %d, %v", olderModules, len(modules), err)
	}
	for _, module := range modules {
		minors = append(minors, filepath.Base(filepath.Dir(module)))
	}
	return minors
}

// OlderAPIServer returns the path of kube-apiserver of one of these versions.
func OlderAPIServer(tb testing.TB, minor string) string {
	tb.Helper()
	return built(tb, olderModules+"/"+minor, "kube-apiserver")
}

// Kubeadm returns the path of kubeadm, as KubeAPIServer does.
func Kubeadm(tb testing.TB) string {
	tb.Helper()
	return found(tb, "kubeadm")
}

// KubeadmV1Beta3 returns the path of the last kubeadm that reads v1beta3.
func KubeadmV1Beta3(tb testing.TB) string {
	tb.Helper()
	return built(tb, v1beta3Module, "kubeadm")
}

// EtcdBinary returns the path of etcd.
func EtcdBinary(tb testing.TB) string {
	tb.Helper()
	return found(tb, "etcd")
}

// found is Find for a test.
func found(tb testing.TB, name string) string {
	tb.Helper()
	path, err := Find(tb.Context(), name, tb.Logf)
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

func built(tb testing.TB, module, name string) string {
	tb.Helper()
	tool, err := ofKubernetes(module, name)
	if err != nil {
		tb.Fatal(err)
	}
	return tool.Path(tb)
}

// ofKubernetes is a program with the version in it that it reports, and by which
// kubeadm judges the versions it may install.
func ofKubernetes(module, name string) (t builds.Tool, err error) {
	root, err := builds.Root()
	if err != nil {
		return t, err
	}
	content, err := os.ReadFile(filepath.Join(root, module, "go.mod"))
	if err != nil {
		return t, fmt.Errorf("find the version of Kubernetes: %w", err)
	}
	v := regexp.MustCompile(`(?m)^require k8s\.io/kubernetes (v(\d+)\.(\d+)\.\S+)$`).FindSubmatch(content)
	if v == nil {
		return t, fmt.Errorf("find the version of Kubernetes: no such line in %s/go.mod", module)
	}
	flags := ""
	for _, p := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		flags += fmt.Sprintf(" -X %[1]s.gitVersion=%[2]s -X %[1]s.gitMajor=%[3]s -X %[1]s.gitMinor=%[4]s -X %[1]s.gitTreeState=clean", p, v[1], v[2], v[3])
	}
	return builds.Tool{Module: module, Package: "k8s.io/kubernetes/cmd/" + name, Name: name, LDFlags: flags}, nil
}
