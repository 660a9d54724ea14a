package manifests

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/yaml"
)

const (
	shipped   = "../../manifests/"
	patchFile = shipped + "kubeadm-patches/kube-apiserver0+strategic.yaml"
	native    = shipped + "native-sidecar/kube-apiserver0+strategic.yaml"
	companion = shipped + "companion/auditsidecar.yaml"
)

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func pod(t *testing.T, data []byte) corev1.Pod {
	t.Helper()
	var p corev1.Pod
	if err := yaml.UnmarshalStrict(data, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// patched is kubeadm's result for a manifest and a patch with the type
// "strategic" (k8s.io/kubernetes/cmd/kubeadm/app/util/patches).
func patched(t *testing.T, manifest, patch []byte) corev1.Pod {
	t.Helper()
	original, err := yaml.YAMLToJSON(manifest)
	if err != nil {
		t.Fatal(err)
	}
	change, err := yaml.YAMLToJSON(patch)
	if err != nil {
		t.Fatal(err)
	}
	merged, err := strategicpatch.StrategicMergePatch(original, change, corev1.Pod{})
	if err != nil {
		t.Fatal(err)
	}
	return pod(t, merged)
}

// wrong lists faults of kube-apiserver's pod with the sidecar in it,
// beside the pod without.
func wrong(before, after corev1.Pod) (all []string) {
	report := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if len(after.Spec.Containers) == 0 || after.Spec.Containers[0].Name != "kube-apiserver" {
		report("kube-apiserver is not the first container")
	}
	for _, c := range after.Spec.Containers {
		if c.Name == "kube-apiserver" && fmt.Sprint(c) != fmt.Sprint(before.Spec.Containers[0]) {
			report("kube-apiserver's container was changed")
		}
	}
	if i := slices.IndexFunc(after.Spec.Containers, isSidecar); i < 0 {
		report("no container auditsidecar")
	} else {
		all = append(all, wrongContainer(after.Spec.Containers[i])...)
	}
	return append(all, wrongVolumes(after)...)
}

func isSidecar(c corev1.Container) bool { return c.Name == "auditsidecar" }

func wrongContainer(c corev1.Container) (all []string) {
	check := func(ok bool, what string) {
		if !ok {
			all = append(all, what)
		}
	}
	s := c.SecurityContext
	if s == nil || s.RunAsUser == nil || s.Capabilities == nil || s.ReadOnlyRootFilesystem == nil || s.AllowPrivilegeEscalation == nil || s.SeccompProfile == nil {
		return []string{"the security context is not complete"}
	}
	check(*s.RunAsUser == 0, "it does not run as root, who owns the files")
	check(slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) && len(s.Capabilities.Add) == 0, "it has capabilities")
	check(*s.ReadOnlyRootFilesystem, "its root filesystem is writable")
	check(!*s.AllowPrivilegeEscalation, "it may gain privileges")
	check(s.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault, "it has no seccomp profile")
	check(c.ImagePullPolicy == corev1.PullIfNotPresent, "it needs the registry at each start")
	check(c.ReadinessProbe == nil && c.StartupProbe == nil, "a probe of the sidecar decides about kube-apiserver")
	check(c.Resources.Limits.Memory().Value() == 128<<20 && c.Resources.Limits.Cpu().IsZero(), "limits")
	check(c.LivenessProbe != nil && c.LivenessProbe.HTTPGet != nil && c.LivenessProbe.HTTPGet.Host == "127.0.0.1" && c.LivenessProbe.HTTPGet.Path == "/livez",
		"no livenessProbe on 127.0.0.1 /livez")
	check(len(c.Command) == 0 && len(c.Args) > 0 && c.Args[0] == "run", "it does not run the image's program")
	for _, m := range c.VolumeMounts {
		check(m.ReadOnly || m.MountPath == "/var/log/kubernetes/audit", "it may write to "+m.MountPath)
	}
	for _, flag := range []string{"--audit-policy-file=/etc/kubernetes/audit/", "--apiserver-manifest=/etc/kubernetes/manifests/"} {
		name, dir, _ := strings.Cut(flag, "=")
		mounted := slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath+"/" == dir })
		check(mounted && slices.ContainsFunc(c.Args, func(arg string) bool { return strings.HasPrefix(arg, flag) }), "its records do not have the file of "+name)
	}
	check(strings.HasPrefix(c.Image, "ghcr.io/auditsidecar/auditsidecar:v"), "image")
	return all
}

func wrongVolumes(p corev1.Pod) (all []string) {
	seen := map[string]bool{}
	for _, v := range p.Spec.Volumes {
		if seen[v.Name] {
			all = append(all, "volume "+v.Name+" is there twice")
		}
		seen[v.Name] = true
		if strings.HasPrefix(v.Name, "auditsidecar") && (v.HostPath == nil || v.HostPath.Type == nil || *v.HostPath.Type != corev1.HostPathDirectoryOrCreate) {
			all = append(all, "volume "+v.Name+" can keep the pod from starting")
		}
	}
	for _, c := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
		for _, m := range c.VolumeMounts {
			if !seen[m.Name] {
				all = append(all, "container "+c.Name+" mounts "+m.Name+", which the pod does not have")
			}
		}
	}
	return all
}

func TestPatch(t *testing.T) {
	for _, name := range []string{"kube-apiserver-bare.yaml", "kube-apiserver-audit.yaml"} {
		manifest := read(t, "testdata/"+name)
		before, after := pod(t, manifest), patched(t, manifest, read(t, patchFile))
		if got := wrong(before, after); len(got) > 0 {
			t.Errorf("%s: %q", name, got)
		}
		if len(after.Spec.Containers) != 2 || len(after.Spec.Volumes) != len(before.Spec.Volumes)+4 {
			t.Errorf("%s: %d containers, %d volumes", name, len(after.Spec.Containers), len(after.Spec.Volumes))
		}
		again := patched(t, []byte(mustYAML(t, after)), read(t, patchFile))
		if mustYAML(t, again) != mustYAML(t, after) {
			t.Errorf("%s: a second patch changes something", name)
		}
	}
}

func mustYAML(t *testing.T, v any) string {
	t.Helper()
	data, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The mistakes that the patch must not make are found by the check above.
func TestPatchMistakes(t *testing.T) {
	manifest, good := read(t, "testdata/kube-apiserver-bare.yaml"), string(read(t, patchFile))
	for _, test := range []struct{ name, from, to, want string }{
		{"the sidecar alone", "    - name: kube-apiserver\n", "", "kube-apiserver is not the first container"},
		{"a command", "    - name: kube-apiserver\n", "    - name: kube-apiserver\n      command: [kube-apiserver, --audit-log-path=/x]\n", "kube-apiserver's container was changed"},
		{"no volumes", "  volumes:\n", "  volumesFrom:\n", "mounts auditsidecar-audit-dir, which the pod does not have"},
		{"a strict volume", "type: DirectoryOrCreate", "type: Directory", "can keep the pod from starting"},
		{"capabilities", "            - ALL\n", "            - KILL\n", "it has capabilities"},
		{"a policy that is not mounted", "mountPath: /etc/kubernetes/audit\n", "mountPath: /etc/kubernetes/x\n", "do not have the file of --audit-policy-file"},
		{"a writable mount", "mountPath: /etc/kubernetes/manifests\n          readOnly: true\n", "mountPath: /etc/kubernetes/manifests\n", "it may write to /etc/kubernetes/manifests"},
		{"always pull", "IfNotPresent", "Always", "needs the registry"},
		{"a readiness probe", "livenessProbe:", "readinessProbe:", "a probe of the sidecar decides about kube-apiserver"},
		{"another address", "host: 127.0.0.1", "host: 0.0.0.0", "no livenessProbe"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bad := strings.Replace(good, test.from, test.to, 1)
			if bad == good {
				t.Fatalf("the patch does not have %q", test.from)
			}
			original, _ := yaml.YAMLToJSON(manifest)
			change, _ := yaml.YAMLToJSON([]byte(bad))
			merged, err := strategicpatch.StrategicMergePatch(original, change, corev1.Pod{})
			if err != nil {
				t.Fatal(err)
			}
			var after corev1.Pod
			if err := yaml.Unmarshal(merged, &after); err != nil {
				t.Fatal(err)
			}
			got := strings.Join(wrong(pod(t, manifest), after), "; ")
			if !strings.Contains(got, test.want) {
				t.Errorf("found %q, want %q", got, test.want)
			}
		})
	}
}

func TestNativeSidecar(t *testing.T) {
	manifest := read(t, "testdata/kube-apiserver-bare.yaml")
	before, after := pod(t, manifest), patched(t, manifest, read(t, native))
	if len(after.Spec.Containers) != 1 || fmt.Sprint(after.Spec.Containers[0]) != fmt.Sprint(before.Spec.Containers[0]) {
		t.Error("kube-apiserver's container was changed")
	}
	if len(after.Spec.InitContainers) != 1 {
		t.Fatalf("%d init containers", len(after.Spec.InitContainers))
	}
	c := after.Spec.InitContainers[0]
	if c.RestartPolicy == nil || *c.RestartPolicy != corev1.ContainerRestartPolicyAlways {
		t.Error("without restartPolicy Always kube-apiserver never starts")
	}
	if got := append(wrongContainer(c), wrongVolumes(after)...); len(got) > 0 {
		t.Errorf("%q", got)
	}
}

// The variants differ in nothing but where the container stands.
func TestVariantsAgree(t *testing.T) {
	manifest := read(t, "testdata/kube-apiserver-bare.yaml")
	inPod := patched(t, manifest, read(t, patchFile))
	alone := pod(t, read(t, companion))
	asInit := patched(t, manifest, read(t, native)).Spec.InitContainers[0]
	asInit.RestartPolicy = nil
	want := fmt.Sprint(inPod.Spec.Containers[1])
	if got := fmt.Sprint(alone.Spec.Containers[0]); got != want {
		t.Errorf("companion\n%s\npatch\n%s", got, want)
	}
	if got := fmt.Sprint(asInit); got != want {
		t.Errorf("native\n%s\npatch\n%s", got, want)
	}
	if got := append(wrongContainer(alone.Spec.Containers[0]), wrongVolumes(alone)...); len(got) > 0 {
		t.Errorf("companion: %q", got)
	}
	if !alone.Spec.HostNetwork || alone.Namespace != "kube-system" || alone.Spec.PriorityClassName != "system-node-critical" {
		t.Errorf("companion: %+v", alone)
	}
}
