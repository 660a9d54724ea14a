//go:build e2e

package controlplane

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/auditsidecar/auditsidecar/e2e/controlplane/cluster"
	"github.com/auditsidecar/auditsidecar/internal/doctor"
)

var update = flag.Bool("update", false, "record the static pods that kubeadm renders in testdata/")

const patchName = "kube-apiserver0+strategic.yaml"

// configurations are the forms of kubeadm's configuration that manifests/ has.
var configurations = []struct {
	version string
	kubeadm func(testing.TB) string
}{
	{"v1beta4", cluster.Kubeadm},
	{"v1beta3", cluster.KubeadmV1Beta3},
}

// kubeadm makes of our files the static pod that we think it does: the recorded
// one; and kube-apiserver in it is as without our patch.
func TestKubeadmRendersPatches(t *testing.T) {
	for _, c := range configurations {
		t.Run(c.version, func(t *testing.T) {
			audit := shipped(t, c.version, "cluster.yaml")
			patched, raw := render(t, c.kubeadm(t), c.version, audit, filepath.Join(manifestsDir, "kubeadm-patches"))
			golden(t, "kube-apiserver-"+c.version+".yaml", raw)
			plain, _ := render(t, c.kubeadm(t), c.version, audit, "")
			checkPatched(t, plain, patched)
			if !strings.Contains(strings.Join(patched.Spec.Containers[0].Command, " "), "--audit-log-path=/var/log/kubernetes/audit/audit.log") {
				t.Errorf("kube-apiserver's command has no audit log: %q", patched.Spec.Containers[0].Command)
			}
			// A user may have the patch and no audit volumes: the pod stays valid.
			bare, _ := render(t, c.kubeadm(t), c.version, nil, filepath.Join(manifestsDir, "kubeadm-patches"))
			checkVolumes(t, bare)
		})
	}
}

// The native variant, which manifests/ warns of: kube-apiserver unchanged, the
// sidecar an init container that is restarted.
func TestKubeadmRendersNativeSidecar(t *testing.T) {
	pod, raw := render(t, cluster.Kubeadm(t), "v1beta4", shipped(t, "v1beta4", "cluster.yaml"), filepath.Join(manifestsDir, "native-sidecar"))
	golden(t, "kube-apiserver-native.yaml", raw)
	checkVolumes(t, pod)
	if len(pod.Spec.Containers) != 1 || len(pod.Spec.InitContainers) != 1 || *pod.Spec.InitContainers[0].RestartPolicy != corev1.ContainerRestartPolicyAlways {
		t.Errorf("containers %d, init containers %+v", len(pod.Spec.Containers), pod.Spec.InitContainers)
	}
}

// The companion is a pod that kubelet can read, strictly.
func TestCompanionPod(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(manifestsDir, "companion", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no companion pod: %v", err)
	}
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var pod corev1.Pod
		if err := yaml.UnmarshalStrict(content, &pod); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		checkVolumes(t, &pod)
	}
}

// checkPatched compares the pod with the one that kubeadm makes by itself.
func checkPatched(t *testing.T, plain, patched *corev1.Pod) {
	t.Helper()
	if n := len(patched.Spec.Containers); n != 2 || patched.Spec.Containers[0].Name != "kube-apiserver" || patched.Spec.Containers[1].Name != "auditsidecar" {
		t.Fatalf("%d containers, the first is %s; want kube-apiserver, then auditsidecar", n, patched.Spec.Containers[0].Name)
	}
	if !reflect.DeepEqual(plain.Spec.Containers[0], patched.Spec.Containers[0]) {
		t.Error("the patch changes the container kube-apiserver")
	}
	checkVolumes(t, patched)
	rest := patched.DeepCopy()
	rest.Spec.Containers = rest.Spec.Containers[:1]
	rest.Spec.Volumes = slices.DeleteFunc(rest.Spec.Volumes, func(v corev1.Volume) bool { return strings.HasPrefix(v.Name, "auditsidecar-") })
	if !reflect.DeepEqual(plain, rest) {
		t.Error("the patch changes more of the pod than its own container and volumes")
	}
	paths := make(map[string]string)
	for _, c := range patched.Spec.Containers {
		for _, m := range c.VolumeMounts {
			for _, v := range patched.Spec.Volumes {
				if v.Name == m.Name && m.MountPath == "/var/log/kubernetes/audit" {
					paths[c.Name] = v.HostPath.Path
				}
			}
		}
	}
	if paths["kube-apiserver"] == "" || paths["kube-apiserver"] != paths["auditsidecar"] {
		t.Errorf("the audit directory of the containers: %q, want the same for both", paths)
	}
}

// checkVolumes reports volumes that make a pod invalid: a mount without a volume, a name
// that is there twice.
func checkVolumes(t *testing.T, pod *corev1.Pod) {
	t.Helper()
	volumes := make(map[string]bool)
	for _, v := range pod.Spec.Volumes {
		if volumes[v.Name] {
			t.Errorf("the volume %s is there twice", v.Name)
		}
		volumes[v.Name] = true
	}
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		for _, m := range c.VolumeMounts {
			if !volumes[m.Name] {
				t.Errorf("container %s mounts %s: there is no such volume", c.Name, m.Name)
			}
		}
	}
}

// Our own check of a patches directory agrees with kubeadm.
func TestWrongPatchesAreFound(t *testing.T) {
	shippedPatch, err := os.ReadFile(filepath.Join(manifestsDir, "kubeadm-patches", patchName))
	if err != nil {
		t.Fatal(err)
	}
	alone := strings.Replace(string(shippedPatch), "    - name: kube-apiserver\n", "", 1)
	for _, test := range []struct {
		name, file, content string
		containers          []string // those that kubeadm renders; nil: it stops
		finding             string   // of our check; "" for none
	}{
		{"as shipped", patchName, string(shippedPatch), []string{"kube-apiserver", "auditsidecar"}, ""},
		{"strategic by default", "kube-apiserver0.yaml", string(shippedPatch), []string{"kube-apiserver", "auditsidecar"}, ""},
		{"yml", "kube-apiserver0+strategic.yml", string(shippedPatch), []string{"kube-apiserver"}, "ignores it"},
		{"unknown target", "apiserver0+strategic.yaml", string(shippedPatch), []string{"kube-apiserver"}, "ignores it"},
		{"unknown type", "kube-apiserver0+stratgic.yaml", string(shippedPatch), nil, "stops at it"},
		{"merge", "kube-apiserver0+merge.yaml", string(shippedPatch), []string{"", "auditsidecar"}, "replaces spec.containers"},
		{"the sidecar alone", patchName, alone, []string{"auditsidecar", "kube-apiserver"}, "first container"},
		{"empty", patchName, "", []string{"kube-apiserver"}, "empty"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, test.file), []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := rendered(t, dir); !reflect.DeepEqual(got, test.containers) {
				t.Errorf("kubeadm renders the containers %q, want %q", got, test.containers)
			}
			findings, err := doctor.CheckPatches(os.DirFS(dir))
			if err != nil {
				t.Fatal(err)
			}
			if text := strings.Join(findings, "\n"); (test.finding == "") != (text == "") || !strings.Contains(text, test.finding) {
				t.Errorf("our check says %q, want %q", text, test.finding)
			}
		})
	}
}

// rendered names the containers; one without an image, which is no container
// that could run, is "".
func rendered(t *testing.T, patches string) (names []string) {
	t.Helper()
	raw, err := tryRender(t, cluster.Kubeadm(t), "v1beta4", nil, patches)
	if err != nil {
		return nil
	}
	var pod corev1.Pod
	if err := yaml.Unmarshal(raw, &pod); err != nil {
		t.Fatal(err)
	}
	for _, c := range pod.Spec.Containers {
		if c.Image == "" {
			c.Name = ""
		}
		names = append(names, c.Name)
	}
	return names
}

// manifestsDir has the shipped files.
const manifestsDir = "../../manifests"

func shipped(t *testing.T, version, file string) map[string]any {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(manifestsDir, "kubeadm", version, file))
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := yaml.UnmarshalStrict(content, &m); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return m
}

// render has kubeadm write the static pod of kube-apiserver.
func render(t *testing.T, binary, version string, cluster map[string]any, patches string) (*corev1.Pod, []byte) {
	t.Helper()
	raw, err := tryRender(t, binary, version, cluster, patches)
	if err != nil {
		t.Fatal(err)
	}
	pod := new(corev1.Pod)
	if err := yaml.UnmarshalStrict(raw, pod); err != nil {
		t.Fatalf("read the static pod: %v", err)
	}
	return pod, raw
}

// tryRender merges a user's manifest with the shipped patch.
func tryRender(t *testing.T, binary, version string, cluster map[string]any, patches string) ([]byte, error) {
	t.Helper()
	initial := shipped(t, version, "init.yaml")
	initial["localAPIEndpoint"] = map[string]any{"advertiseAddress": "192.0.2.10"}
	initial["nodeRegistration"] = map[string]any{"name": "cp1", "criSocket": "unix:///run/containerd/containerd.sock"}
	if patches == "" {
		delete(initial, "patches")
	} else {
		initial["patches"] = map[string]any{"directory": absolute(t, patches)}
	}
	if cluster == nil {
		cluster = map[string]any{"apiVersion": "kubeadm.k8s.io/" + version, "kind": "ClusterConfiguration"}
	}
	cluster["kubernetesVersion"] = versionOf(t, binary)
	var config []byte
	for _, part := range []map[string]any{initial, cluster} {
		content, err := yaml.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		config = append(append(config, "---\n"...), content...)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(path, config, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, "init", "phase", "control-plane", "apiserver", "--config", path, "--dry-run")
	cmd.Env = append(os.Environ(), "KUBEADM_INIT_DRYRUN_DIR="+dir)
	out, err := cmd.CombinedOutput()
	t.Logf("kubeadm: %s", bytes.TrimSpace(out))
	if err != nil {
		return nil, err
	}
	return fs.ReadFile(os.DirFS(dir), "kube-apiserver.yaml")
}

func versionOf(t *testing.T, binary string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), binary, "version", "-o", "short").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

// golden compares with the recorded one: `go test -tags e2e -run Kubeadm . -update`.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("kubeadm renders another pod than %s has:\n%s", path, got)
	}
}
