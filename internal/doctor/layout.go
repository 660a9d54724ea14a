package doctor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// layout is how a distribution lays out a control plane node.
type layout struct {
	name     string
	marks    []string // paths of the host; one that exists says that the node is of this layout
	manifest string   // kube-apiserver's static pod; empty: it has none
	// source reads the flags that kube-apiserver gets at its next start, of a layout that has them outside of the static pod.
	source func(*Config) (*staticPod, error)
	flags  string // where kube-apiserver's flags are set
	notes  string // differences of this layout
}

// kubeadmManifest is where kubeadm, and all that use it, write the static pod.
const kubeadmManifest = "/etc/kubernetes/manifests/kube-apiserver.yaml"

// layouts are those that doctor knows, the more particular ones first; docs/layouts.md has a section on each.
func layouts() []layout {
	return []layout{
		{name: "OpenShift", marks: []string{"/etc/kubernetes/static-pod-resources"}, manifest: "/etc/kubernetes/manifests/kube-apiserver-pod.yaml",
			flags: "by the operator: oc edit apiserver cluster, spec.audit",
			notes: "the operator writes the static pod again: use the DaemonSet"},
		{name: "Talos", marks: []string{"/system/config/kubernetes/kube-apiserver", "/system/secrets/kubernetes/kube-apiserver"},
			flags: "in the machine config: cluster.apiServer.extraArgs and .auditPolicy",
			notes: "kubelet gets the static pods from Talos, not from files: use the DaemonSet, as the user that owns the log"},
		{name: "RKE2", marks: []string{"/var/lib/rancher/rke2/server", "/etc/rancher/rke2"}, manifest: "/var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml", source: rke2Flags,
			flags: "in /etc/rancher/rke2/config.yaml, config.yaml.d or rke2-server.service: kube-apiserver-arg, audit-policy-file", notes: "RKE2 writes the static pod again at each start: use the DaemonSet"},
		{name: "k3s", marks: []string{"/var/lib/rancher/k3s/server", "/etc/rancher/k3s"}, source: k3sFlags,
			flags: "in /etc/rancher/k3s/config.yaml, config.yaml.d or k3s.service: kube-apiserver-arg", notes: "kube-apiserver is a part of the k3s process: use the DaemonSet or the package"},
		{name: "kOps", marks: []string{"/etc/kubernetes/manifests/kube-apiserver.manifest", "/opt/kops"}, manifest: "/etc/kubernetes/manifests/kube-apiserver.manifest",
			flags: "in the cluster spec: spec.kubeAPIServer", notes: "nodeup writes the static pod: use the DaemonSet or a static pod of its own"},
		{name: "kubespray", marks: []string{"/etc/kubernetes/kubeadm-config.yaml"}, manifest: kubeadmManifest,
			flags: "in the inventory: kubernetes_audit and audit_log_*", notes: "the log's path in the container is not that of the host; the patch goes into kubeadm_patches"},
		{name: "Cluster API", marks: []string{"/run/cluster-api"}, manifest: kubeadmManifest,
			flags: "in KubeadmControlPlane: spec.kubeadmConfigSpec.clusterConfiguration.apiServer", notes: "a change replaces the machine, and the held files with it"},
		{name: "kubeadm", marks: []string{"/var/lib/kubelet/kubeadm-flags.env"}, manifest: kubeadmManifest,
			flags: "in ClusterConfiguration: apiServer.extraArgs", notes: "the patch, a static pod of its own or the DaemonSet"},
		{name: "hand-made", marks: []string{kubeServiceUnit}, source: unitFlags,
			flags: "in " + kubeServiceUnit, notes: "kube-apiserver is a service of systemd: use the package"},
		{name: "hand-made", marks: []string{kubeadmManifest}, manifest: kubeadmManifest,
			flags: "in " + kubeadmManifest, notes: "nothing writes the static pod again: a static pod of its own, or a container in it"},
	}
}

// AutoManifest has doctor look for kube-apiserver where the node's layout has it.
const AutoManifest = "auto"

// host is a path of the node, where this process sees it.
func (cfg *Config) host(path string) string { return filepath.Join(cfg.Root, path) }

// onHost is a path that this process sees, as the node has it.
func (cfg *Config) onHost(path string) string {
	if rest, below := strings.CutPrefix(path, filepath.Clean(cfg.Root)+"/"); cfg.Root != "" && below {
		return "/" + rest
	}
	return path
}

// detect finds the layout by its marks; an empty one if none is there.
func (cfg *Config) detect() layout {
	if cfg.Root == "" {
		return layout{}
	}
	all := layouts()
	if i := slices.IndexFunc(all, func(l layout) bool {
		return slices.ContainsFunc(l.marks, func(mark string) bool {
			_, err := os.Lstat(cfg.host(mark))
			return err == nil
		})
	}); i >= 0 {
		if data, err := readSmall(cfg.host(kubeadmManifest)); err == nil && all[i].marks[0] == kubeadmManifest && strings.Contains(string(data), "kubeadm.kubernetes.io/") {
			i = slices.IndexFunc(all, func(l layout) bool { return l.name == "kubeadm" }) // seen from a container that has the manifests alone
		}
		return all[i]
	}
	return layout{}
}

// checkLayout says which layout the node has, and resolves the manifest that the checks after it read.
func checkLayout(_ context.Context, cfg *Config) []Result {
	if cfg.Root == "" {
		return nil
	}
	cfg.layout = cfg.detect()
	l := cfg.layout
	auto := cfg.Manifest == AutoManifest
	if auto {
		cfg.Manifest = ""
		if l.manifest != "" {
			cfg.Manifest = cfg.host(l.manifest)
		}
	}
	if l.name == "" {
		return one(Info, "run doctor on the node or give --host-root; docs/layouts.md has the files of each layout",
			"the layout is unknown: below %s are no files of a control plane", cfg.Root)
	}
	if auto && l.source != nil {
		pod, err := l.source(cfg)
		if err != nil {
			return one(Error, "let doctor read it", "%s: %s", l.name, err)
		}
		if _, err := os.Stat(cfg.Manifest); err == nil {
			cfg.settings = pod // the static pod has those of the last start
		} else {
			cfg.pod = pod
		}
	}
	return one(OK, "", "%s (docs/layouts.md): kube-apiserver's flags are set %s; %s", l.name, l.flags, l.notes)
}

// knownLogs are the audit logs that distributions write.
func knownLogs() []string {
	return []string{
		"/var/log/kubernetes/audit/audit.log", "/var/log/kubernetes/audit/kube-apiserver-audit.log", "/var/log/audit/kube/kube-apiserver.log",
		"/var/lib/rancher/k3s/server/logs/audit.log", "/var/lib/rancher/rke2/server/logs/audit.log",
		"/var/log/kube-apiserver/audit.log", "/var/log/openshift-apiserver/audit.log", "/var/log/oauth-apiserver/audit.log", "/var/log/oauth-server/audit.log",
	}
}

// checkOtherLogs names audit logs of this node that this sidecar does not read.
func checkOtherLogs(_ context.Context, cfg *Config) []Result {
	if cfg.Root == "" {
		return nil
	}
	var others []string
	for _, log := range knownLogs() {
		if _, err := os.Stat(cfg.host(log)); err == nil && log != cfg.onHost(cfg.Log.Path()) {
			others = append(others, log)
		}
	}
	return first(
		finding{len(others) > 0, result(Info, "run a sidecar for each (docs/layouts.md, Several logs on one node)", "this node has audit logs that this sidecar does not read: %s", strings.Join(others, ", "))},
		finding{cfg.onHost(cfg.Log.Dir) == "/var/log", result(Warning, "give the log a directory of its own, such as /var/log/kubernetes/audit",
			"the log is in /var/log: whoever mounts its directory sees every log of the node, and the sidecar writes to it")},
	)
}

// checkUser says under which user the sidecar has to run, and the needs of SELinux.
func checkUser(_ context.Context, cfg *Config) []Result {
	if cfg.pod.apiserver() == nil {
		return nil
	}
	user := cfg.pod.user()
	enforcing, _ := os.ReadFile(cfg.host("/sys/fs/selinux/enforce"))
	return every(
		finding{user != 0 && !cfg.Copy, result(Info, fmt.Sprintf("run the sidecar as user %d (chart: runAsUser), or with --hold=copy and read access", user),
			"kube-apiserver runs as user %d: others cannot read or link its files", user)},
		finding{cfg.Root != "" && strings.TrimSpace(string(enforcing)) == "1", result(Info, "seLinuxOptions: {type: spc_t} for the sidecar (chart: seLinuxOptions)",
			"SELinux is enforcing: a container with the usual label cannot read %s", cfg.onHost(cfg.Log.Dir))},
	)
}
