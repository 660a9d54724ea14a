//go:build e2e

package controlplane

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/e2e/controlplane/cluster"
)

// Every file that manifests/ has for kubeadm is one that kubeadm takes, strictly.
func TestKubeadmTakesEveryFile(t *testing.T) {
	for _, c := range configurations {
		files, err := filepath.Glob(filepath.Join(manifestsDir, "kubeadm", c.version, "*.yaml"))
		if err != nil || len(files) < 3 {
			t.Fatalf("%s: %d files, %v", c.version, len(files), err)
		}
		for _, f := range files {
			t.Run(c.version+"/"+filepath.Base(f), func(t *testing.T) {
				content, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				if out, err := validate(t, c.kubeadm(t), c.version, string(content)); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
}

// The check above can fail.
func TestKubeadmRefusesAMistake(t *testing.T) {
	content := "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\npatchs:\n  directory: /etc/kubernetes/patches\n"
	if out, err := validate(t, cluster.Kubeadm(t), "v1beta4", content); err == nil || !strings.Contains(out, "patchs") {
		t.Errorf("%v\n%s", err, out)
	}
}

// validate adds the version of Kubernetes, which kubeadm would ask the internet
// for.
func validate(t *testing.T, binary, version, content string) (string, error) {
	t.Helper()
	number := "kubernetesVersion: " + versionOf(t, binary) + "\n"
	switch {
	case strings.Contains(content, "kind: ClusterConfiguration"):
		content = strings.Replace(content, "kind: ClusterConfiguration\n", "kind: ClusterConfiguration\n"+number, 1)
	case strings.Contains(content, "kind: InitConfiguration"):
		content += fmt.Sprintf("---\napiVersion: kubeadm.k8s.io/%s\nkind: ClusterConfiguration\n%s", version, number)
	}
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), binary, "config", "validate", "--config", path).CombinedOutput()
	return string(out), err
}

// Whoever moves from v1beta3 to v1beta4 keeps the same audit flags.
func TestKubeadmVersionsAgree(t *testing.T) {
	var flags [][]string
	for _, c := range configurations {
		pod, _ := render(t, c.kubeadm(t), c.version, shipped(t, c.version, "cluster.yaml"), "")
		audit := slices.DeleteFunc(pod.Spec.Containers[0].Command, func(f string) bool { return !strings.HasPrefix(f, "--audit-") })
		slices.Sort(audit)
		flags = append(flags, audit)
	}
	if len(flags[0]) == 0 || !slices.Equal(flags[0], flags[1]) {
		t.Errorf("audit flags: %q and %q", flags[0], flags[1])
	}
}
