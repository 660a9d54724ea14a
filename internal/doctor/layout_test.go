package doctor

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// laidOut is a node with the files of testdata/layouts/NAME below its root, and a log.
func laidOut(t *testing.T, name, log string) *node {
	t.Helper()
	n := &node{root: real(t.TempDir())}
	must(t, os.CopyFS(n.root, os.DirFS(filepath.Join("testdata/layouts", name))))
	n.write(t, log, "{}\n")
	n.write(t, "proc/self/mountinfo", "20 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n")
	parsed, err := rotate.ParsePath(filepath.Join(n.root, log))
	must(t, err)
	n.cfg = Config{
		Log: parsed, StateDir: filepath.Join(parsed.Dir, ".auditsidecar"), Manifest: AutoManifest, Patches: filepath.Join(n.root, "etc/kubernetes/patches"),
		FS: durable.OS(), Proc: filepath.Join(n.root, "proc"), Root: n.root,
		ClockSynced: func() (bool, error) { return true, nil },
		Lint: func(policy []byte) []string {
			if strings.Contains(string(policy), "level: None") {
				return []string{"nothing is logged"}
			}
			return nil
		},
	}
	return n
}

// Each layout is detected by its files, and has the findings that its defaults deserve.
func TestLayouts(t *testing.T) {
	for _, test := range []struct {
		name, log string
		manifest  string   // below the root, given as --manifest
		want      []string // "severity id: text", each of a result
		not       []string // "id: text", of no result
	}{
		{name: "kubeadm", log: "/var/log/kubernetes/audit/audit.log", want: []string{
			"ok layout: kubeadm", "ok manifest: first container", "ok sidecar: has the sidecar", "ok patches: has the patch", "ok audit-flags: as advised", "ok log-mount: directory of the host", "ok policy: nothing found",
		}},
		{name: "k3s", log: "/var/lib/rancher/k3s/server/logs/audit.log", want: []string{
			"ok layout: k3s", "ok manifest: from k3s's settings", "error sidecar: none answers", "warning audit-flags: --audit-log-maxbackup is 2", "ok policy: nothing found",
		}},
		{name: "k3s-unit", log: "/var/lib/rancher/k3s/server/logs/audit.log", want: []string{
			"ok layout: k3s", "warning audit-flags: --audit-log-maxbackup is 1", "ok policy: nothing found",
		}},
		{name: "k3s-dropin", log: "/var/lib/rancher/k3s/server/logs/audit.log", want: []string{
			"ok layout: k3s", "error audit-flags: no --audit-policy-file",
		}, not: []string{"audit-flags: --audit-log-maxbackup", "audit-flags: --audit-log-path"}},
		{name: "rke2-changed", log: "/var/lib/rancher/rke2/server/logs/audit.log", want: []string{
			"warning audit-flags: runs with --audit-log-maxbackup=10", "warning audit-flags: restart it: RKE2",
		}, not: []string{"audit-flags: --audit-log-maxsize"}},
		{name: "rke2-new", log: "/var/lib/rancher/rke2/server/logs/audit.log", want: []string{
			"ok layout: RKE2", "ok manifest: from RKE2's settings", "warning audit-flags: --audit-log-maxbackup is 2", "warning audit-flags: --audit-log-maxage is 1",
			"error sidecar: install the DaemonSet", "ok policy: /etc/rancher/rke2/policy.yaml",
		}, not: []string{"audit-flags: --audit-log-path"}},
		{name: "rke2", log: "/var/lib/rancher/rke2/server/logs/audit.log", want: []string{
			"ok layout: RKE2", "error sidecar: no sidecar is in a static pod", "ok audit-flags: as advised", "ok log-mount: /var/lib/rancher/rke2/server/logs/audit.log", "warning policy: nothing is logged",
		}},
		{name: "talos", log: "/var/log/audit/kube/kube-apiserver.log", want: []string{"ok layout: Talos", "info manifest: no manifest"}},
		{name: "talos", log: "/var/log/audit/kube/kube-apiserver.log", manifest: "mirror-pod.yaml", want: []string{
			"ok layout: Talos", "error sidecar: no sidecar", "ok audit-flags: as advised", "info user: user 65534", "ok policy: nothing found",
		}},
		{name: "kubespray", log: "/var/log/kubernetes/audit/kube-apiserver-audit.log", want: []string{
			"ok layout: kubespray", "ok sidecar: has the sidecar", "warning audit-flags: --audit-log-maxbackup is 1", "ok log-mount: kube-apiserver writes /var/log/kubernetes/audit/kube-apiserver-audit.log",
		}},
		{name: "cluster-api", log: "/var/log/kubernetes/audit/audit.log", want: []string{
			"ok layout: Cluster API", "error log-mount: single file", "error sidecar: neither",
		}},
		{name: "kops", log: "/var/log/kube-apiserver-audit.log", want: []string{
			"ok layout: kOps", "warning audit-flags: --audit-log-maxbackup is 1", "warning other-logs: in /var/log", "ok log-mount: /var/log/kube-apiserver-audit.log", "error sidecar: no sidecar",
		}},
		{name: "openshift", log: "/var/log/kube-apiserver/audit.log", want: []string{
			"ok layout: OpenShift", "ok audit-flags: as advised", "ok policy: nothing found", "info other-logs: /var/log/openshift-apiserver/audit.log, /var/log/oauth-apiserver/audit.log",
			"info user: SELinux", "error sidecar: install the DaemonSet",
		}},
		{name: "hosted", log: "/var/log/kube-apiserver/audit.log", manifest: "deployment.yaml", want: []string{
			"ok manifest: hosted control plane", "warning sidecar: readinessProbe", "ok audit-flags: as advised", "info log-mount: emptyDir", "info policy: hosted control plane",
		}},
		{name: "hand-made", log: "/var/log/audit.log", want: []string{
			"ok layout: hand-made", "error audit-flags: no --audit-policy-file", "error sidecar: install the DaemonSet or the package", "warning other-logs: in /var/log",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := laidOut(t, test.name, test.log)
			if test.manifest != "" {
				n.cfg.Manifest = filepath.Join(n.root, test.manifest)
			}
			results := Run(t.Context(), n.cfg)
			for _, want := range test.want {
				head, text, _ := strings.Cut(want, ": ")
				if !slices.ContainsFunc(results, func(r Result) bool {
					return string(r.Severity)+" "+r.ID == head && strings.Contains(r.Found+" "+r.Fix, text)
				}) {
					t.Errorf("no result %q in", want)
					for _, r := range results {
						t.Logf("%s %s: %s -> %s", r.Severity, r.ID, r.Found, r.Fix)
					}
				}
			}
			for _, r := range results {
				for _, not := range test.not {
					if id, text, _ := strings.Cut(not, ": "); r.ID == id && strings.Contains(r.Found, text) {
						t.Errorf("%s %s: %s -> %s", r.Severity, r.ID, r.Found, r.Fix)
					}
				}
			}
		})
	}
}

// A path of kube-apiserver's container is not that of the host.
func TestPathInTheContainer(t *testing.T) {
	n := laidOut(t, "kubespray", "/var/log/audit/kube-apiserver-audit.log")
	n.cfg.Log.Dir = filepath.Join(n.root, "var/log/elsewhere")
	if all := n.resultsOf(t, "audit-flags"); len(all) == 0 || !strings.Contains(all[0].Found, "the sidecar's /var/log/elsewhere/kube-apiserver-audit.log") {
		t.Errorf("got %+v", all)
	}
}

// A DaemonSet is in no static pod: one that answers is enough.
func TestSidecarThatAnswers(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/livez" && r.URL.Path != "/readyz" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(s.Close)
	for _, name := range []string{"k3s", "rke2", "cluster-api"} {
		n := laidOut(t, name, "/var/log/kubernetes/audit/audit.log")
		n.cfg.Listen = strings.TrimPrefix(s.URL, "http://")
		if all := n.resultsOf(t, "sidecar"); len(all) != 1 || all[0].Severity != OK || !strings.Contains(all[0].Found, "answers at") {
			t.Errorf("%s: %+v", name, all)
		}
	}
}

// A container that has the manifests of the node alone, and a node without a control plane.
func TestLayoutOfLess(t *testing.T) {
	n := laidOut(t, "kubeadm", "/var/log/kubernetes/audit/audit.log")
	must(t, os.RemoveAll(filepath.Join(n.root, "var/lib/kubelet")))
	if all := n.resultsOf(t, "layout"); len(all) != 1 || !strings.HasPrefix(all[0].Found, "kubeadm ") {
		t.Errorf("got %+v", all)
	}
	must(t, os.RemoveAll(filepath.Join(n.root, "etc")))
	if all := n.resultsOf(t, "layout"); len(all) != 1 || all[0].Severity != Info || !strings.Contains(all[0].Found, "unknown") {
		t.Errorf("got %+v", all)
	}
}

// Settings that cannot be read are an error with the file's name, not an absent flag.
func TestLayoutWithBadSettings(t *testing.T) {
	for name, file := range map[string]string{"k3s": "etc/rancher/k3s/config.yaml", "rke2": "etc/rancher/rke2/config.yaml", "hand-made": "etc/systemd/system/kube-apiserver.service"} {
		for _, text := range []string{"kube-apiserver-arg: {a: b}", strings.Repeat("x", maxSettings+1)} {
			n := laidOut(t, name, "/var/log/kubernetes/audit/audit.log")
			n.write(t, file, text)
			if all := n.resultsOf(t, "layout"); len(all) != 1 || all[0].Severity != Error || !strings.Contains(all[0].Found, file) {
				t.Errorf("%s: %+v", name, all)
			}
		}
	}
	n := laidOut(t, "k3s-unit", "/var/log/kubernetes/audit/audit.log")
	n.write(t, "etc/systemd/system/k3s.service.d/a.conf", strings.Repeat("x", maxSettings+1))
	if all := n.resultsOf(t, "layout"); len(all) != 1 || all[0].Severity != Error || !strings.Contains(all[0].Found, "k3s.service.d/a.conf") {
		t.Errorf("got %+v", all)
	}
	n = laidOut(t, "openshift", "/var/log/kube-apiserver/audit.log")
	n.write(t, "etc/kubernetes/static-pod-resources/kube-apiserver-pod-7/configmaps/config/config.yaml", "[")
	if all := n.resultsOf(t, "manifest"); len(all) != 1 || all[0].Severity != Info || !strings.Contains(all[0].Found, "configmaps/config/config.yaml") {
		t.Errorf("got %+v", all)
	}
	if all := n.resultsOf(t, "audit-flags"); len(all) != 0 {
		t.Errorf("flags that are unknown: %+v", all)
	}
}

func FuzzFlags(f *testing.F) {
	f.Add("kube-apiserver-arg: [audit-log-path=/a, --b]\nkube-apiserver-arg+: c", "ExecStart=kube-apiserver \\\n --a='b' --kube-apiserver-arg --c --profile=cis --config")
	f.Fuzz(func(t *testing.T, settings, unit string) {
		n := &node{root: t.TempDir()}
		n.cfg.Root = n.root
		n.write(t, "etc/rancher/k3s/config.yaml", settings)
		n.write(t, "etc/rancher/rke2/config.yaml.d/a.yaml", settings)
		for _, file := range []string{kubeServiceUnit, "etc/systemd/system/k3s.service", "usr/lib/systemd/system/rke2-server.service"} {
			n.write(t, file, unit)
		}
		for _, read := range []func(*Config) (*staticPod, error){k3sFlags, rke2Flags, unitFlags} {
			if p, err := read(&n.cfg); err == nil && p.apiserver() == nil {
				t.Error("a pod without kube-apiserver")
			}
		}
	})
}
