//go:build e2e

package kind

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// clusterName is also the name of the Docker container with "-control-plane".
const clusterName = "auditsidecar-e2e"

// shippedImage is the image that the files of manifests/ name.
const shippedImage = "ghcr.io/auditsidecar/auditsidecar:v0.1.0-rc.1"

// node lists the host's directories on the node of the cluster, each directory being
// mounted where the documentation says that the file goes.
type node struct {
	t   *testing.T
	dir string
}

// mounts are the directories below node.dir and their places on the node.
var mounts = map[string]string{
	"patches": "/etc/kubernetes/patches",
	"audit":   "/etc/kubernetes/audit",
	"sidecar": "/etc/kubernetes/auditsidecar",
}

func newNode(t *testing.T) *node {
	t.Helper()
	n := &node{t, t.TempDir()}
	for dir := range mounts {
		if err := os.MkdirAll(filepath.Join(n.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	n.write("audit/audit-policy.yaml", n.shipped("audit-policy.yaml"))
	return n
}

// shipped reads a file of manifests/.
func (n *node) shipped(name string) string {
	n.t.Helper()
	content, err := os.ReadFile(filepath.Join(root, "manifests", name))
	if err != nil {
		n.t.Fatal(err)
	}
	return string(content)
}

func (n *node) write(name, content string) {
	n.t.Helper()
	if err := os.WriteFile(filepath.Join(n.dir, name), []byte(content), 0o600); err != nil {
		n.t.Fatal(err)
	}
}

// patch puts the shipped patch in place, with another image.
func (n *node) patch(image string) {
	n.t.Helper()
	content := n.shipped("kubeadm-patches/kube-apiserver0+strategic.yaml")
	if !strings.Contains(content, shippedImage) {
		n.t.Fatalf("the shipped patch does not name %s", shippedImage)
	}
	n.write("patches/kube-apiserver0+strategic.yaml", strings.ReplaceAll(content, shippedImage, image))
}

// kindConfig writes the configuration of the cluster: that of KIND_CONFIG, if
// any, with the shipped ClusterConfiguration (both versions: kind takes the one
// that fits the node image), patches.directory, and the mounts.
func (n *node) kindConfig() string {
	n.t.Helper()
	config := map[string]any{"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4"}
	if base := os.Getenv("KIND_CONFIG"); base != "" {
		content, err := os.ReadFile(base)
		if err != nil {
			n.t.Fatalf("KIND_CONFIG: %v", err)
		}
		if err := yaml.Unmarshal(content, &config); err != nil {
			n.t.Fatalf("KIND_CONFIG: %v", err)
		}
	}
	delete(config, "name") // --name says it
	server := map[string]any{"role": "control-plane"}
	if nodes, ok := config["nodes"].([]any); ok && len(nodes) > 0 {
		if first, ok := nodes[0].(map[string]any); ok {
			server = first
		}
	}
	patches, _ := server["kubeadmConfigPatches"].([]any)
	patches = append(patches, "kind: InitConfiguration\npatches:\n  directory: /etc/kubernetes/patches\n")
	for _, version := range []string{"v1beta4", "v1beta3"} {
		// The smallest files, so that a test sees rotation.
		small := strings.ReplaceAll(n.shipped("kubeadm/"+version+"/cluster.yaml"), `"100"`, `"1"`)
		small = strings.ReplaceAll(small, `"10"`, `"90"`) // no pruning: the files stay for the comparison
		patches = append(patches, small)
	}
	server["kubeadmConfigPatches"] = patches
	extra, _ := server["extraMounts"].([]any)
	for dir, location := range mounts {
		extra = append(extra, map[string]any{"hostPath": filepath.Join(n.dir, dir), "containerPath": location})
	}
	server["extraMounts"] = extra
	config["nodes"] = []any{server}
	content, err := yaml.Marshal(config)
	if err != nil {
		n.t.Fatal(err)
	}
	n.write("kind.yaml", string(content))
	return filepath.Join(n.dir, "kind.yaml")
}

// upgradeConfig is the shipped UpgradeConfiguration for a version. Settings that have
// nothing to do with the static pod are left out, and those that not every node image
// has (CoreDNS).
func (n *node) upgradeConfig(version string, patches bool) string {
	n.t.Helper()
	var config struct {
		APIVersion string         `yaml:"apiVersion"`
		Kind       string         `yaml:"kind"`
		Apply      map[string]any `yaml:"apply"`
		Timeouts   map[string]any `yaml:"timeouts"`
	}
	if err := yaml.Unmarshal([]byte(n.shipped("kubeadm/v1beta4/upgrade.yaml")), &config); err != nil {
		n.t.Fatal(err)
	}
	if config.Apply["patches"] == nil {
		n.t.Fatal("the shipped upgrade.yaml has no apply.patches")
	}
	if !patches {
		delete(config.Apply, "patches")
	}
	config.Apply["kubernetesVersion"] = version
	config.Apply["forceUpgrade"] = true // to the version that runs
	config.Apply["certificateRenewal"] = false
	config.Apply["etcdUpgrade"] = false
	config.Apply["skipPhases"] = []string{"preflight", "addon", "kubelet-config", "bootstrap-token"}
	config.Timeouts = map[string]any{"upgradeManifests": "90s"} // 5m by default
	content, err := yaml.Marshal(config)
	if err != nil {
		n.t.Fatal(err)
	}
	return string(content)
}
