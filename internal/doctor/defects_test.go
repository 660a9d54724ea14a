package doctor

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// defect is one thing that can be wrong with a node.
type defect struct {
	name     string
	breaking func(*testing.T, *node)
	id       string
	severity Severity
	found    string
}

// Each defect alone is named, by the check that it belongs to.
func TestDefects(t *testing.T) {
	for _, test := range slices.Concat(podDefects(), flagDefects(), hostDefects(), peerDefects()) {
		t.Run(test.name, func(t *testing.T) {
			n := good(t)
			test.breaking(t, n)
			results := Run(t.Context(), n.cfg)
			i := slices.IndexFunc(results, func(r Result) bool {
				return r.ID == test.id && r.Severity == test.severity && strings.Contains(r.Found, test.found)
			})
			if i < 0 {
				t.Fatalf("no %s of %s with %q in %+v", test.severity, test.id, test.found, bad(results))
			}
			if results[i].Fix == "" {
				t.Errorf("nothing to do about %+v", results[i])
			}
		})
	}
}

func podDefects() []defect {
	return []defect{
		{"no manifest", func(_ *testing.T, n *node) { n.cfg.Manifest += "x" }, "manifest", Error, "no such file"},
		{"a manifest that is none", func(t *testing.T, n *node) { n.edit(t, "kind: Pod", "kind: Node") }, "manifest", Error, "not Pod"},
		{"broken YAML", func(t *testing.T, n *node) { n.write(t, "manifests/kube-apiserver.yaml", "{") }, "manifest", Error, "parse"},
		{"no kube-apiserver", func(t *testing.T, n *node) {
			n.edit(t, "name: kube-apiserver", "name: x")
			n.edit(t, "    - kube-apiserver", "    - x")
		}, "manifest", Error, "no container"},
		{"the sidecar first", func(t *testing.T, n *node) {
			n.edit(t, "  containers:\n", "  containers:\n  - {name: first}\n")
		}, "manifest", Warning, "not the first container"},
		{"no sidecar", func(t *testing.T, n *node) {
			n.edit(t, "name: auditsidecar\n    image: ghcr.io/auditsidecar/auditsidecar:v0.1.0", "name: other\n    image: ghcr.io/x/y:v1")
		}, "sidecar", Error, "neither"},
		{"pulled always", func(t *testing.T, n *node) { n.edit(t, "IfNotPresent", "Always") }, "sidecar", Warning, "registry"},
		{"a readiness probe", func(t *testing.T, n *node) { n.edit(t, "    args: [run]", "    args: [run]\n    readinessProbe: {}") }, "sidecar", Warning, "readinessProbe"},
		{"a read-only mount of the sidecar", func(t *testing.T, n *node) { n.edit(t, "mountPath: @/audit}", "mountPath: @/audit, readOnly: true}") }, "sidecar", Error, "read-only"},
		{"a single file for the sidecar", func(t *testing.T, n *node) {
			n.edit(t, "auditsidecar-audit-dir, hostPath: {path: @/audit, type: DirectoryOrCreate", "auditsidecar-audit-dir, hostPath: {path: @/audit, type: File")
		}, "sidecar", Error, "single file"},
		{"no volume for the sidecar", func(t *testing.T, n *node) { n.edit(t, "mountPath: @/audit}", "mountPath: /elsewhere}") }, "sidecar", Error, "no hostPath volume"},
		{"a volume that blocks", func(t *testing.T, n *node) {
			n.edit(t, "auditsidecar-audit-dir, hostPath: {path: @/audit, type: DirectoryOrCreate", "auditsidecar-audit-dir, hostPath: {path: @/audit, type: Directory")
		}, "sidecar", Warning, "kube-apiserver does not start"},
		{"an init container", func(t *testing.T, n *node) {
			n.edit(t, "  - name: auditsidecar", "  initContainers:\n  - name: auditsidecar")
		}, "sidecar", Error, "never ends"},
		{"no patches", func(_ *testing.T, n *node) { n.cfg.Patches += "x" }, "patches", Warning, "next kubeadm upgrade removes"},
		{"a patch that kubeadm ignores", func(t *testing.T, n *node) {
			must(t, os.Rename(filepath.Join(n.cfg.Patches, "kube-apiserver0+strategic.yaml"), filepath.Join(n.cfg.Patches, "kube-apiserver.yml")))
		}, "patches", Warning, "ignores it"},
		{"two directories", func(t *testing.T, n *node) {
			n.edit(t, "audit-log, hostPath: {path: @/audit", "audit-log, hostPath: {path: @/audit2")
		}, "log-mount", Error, "sidecar reads the host's"},
		{"kube-apiserver's log on no volume", func(t *testing.T, n *node) {
			n.edit(t, "{name: audit-log, mountPath: /var/log", "{name: audit-log, mountPath: /srv/log")
		}, "log-mount", Error, "on no volume"},
		{"kube-apiserver's log as a file", func(t *testing.T, n *node) {
			n.edit(t, "audit-log, mountPath: /var/log/kubernetes/audit", "audit-log, mountPath: /var/log/kubernetes/audit/audit.log")
		}, "log-mount", Error, "single file"},
	}
}

func flagDefects() []defect {
	return []defect{
		{"no log path", func(t *testing.T, n *node) {
			n.edit(t, "    - --audit-log-path=/var/log/kubernetes/audit/audit.log\n", "")
		}, "audit-flags", Error, "no --audit-log-path"},
		{"standard output", func(t *testing.T, n *node) { n.edit(t, "=/var/log/kubernetes/audit/audit.log", "=-") }, "audit-flags", Error, "standard output"},
		{"another path", func(t *testing.T, n *node) { n.edit(t, "audit/audit.log", "audit/other.log") }, "audit-flags", Error, "the sidecar's"},
		{"no policy flag", func(t *testing.T, n *node) {
			n.edit(t, "    - --audit-policy-file=/etc/kubernetes/audit/audit-policy.yaml\n", "")
		}, "audit-flags", Error, "no --audit-policy-file"},
		{"no rotation", func(t *testing.T, n *node) { n.edit(t, "maxsize=100", "maxsize=0") }, "audit-flags", Error, "never rotates"},
		{"tiny files", func(t *testing.T, n *node) { n.edit(t, "maxsize=100", "maxsize=1") }, "audit-flags", Warning, "1 MiB"},
		{"huge files", func(t *testing.T, n *node) { n.edit(t, "maxsize=100", "maxsize=9999") }, "audit-flags", Warning, "9999 MiB"},
		{"one backup", func(t *testing.T, n *node) { n.edit(t, "maxbackup=10", "maxbackup=1") }, "audit-flags", Warning, "pruned unseen after 1"},
		{"backups without end", func(t *testing.T, n *node) { n.edit(t, "maxbackup=10", "maxbackup=0") }, "audit-flags", Warning, "fill the disk"},
		{"backups not set", func(t *testing.T, n *node) { n.edit(t, "    - --audit-log-maxbackup=10\n", "") }, "audit-flags", Warning, "no --audit-log-maxbackup"},
		{"one day", func(t *testing.T, n *node) { n.edit(t, "maxage=30", "maxage=1") }, "audit-flags", Warning, "1 day"},
		{"compressed", func(t *testing.T, n *node) { n.edit(t, goodFlags, goodFlags+"    - --audit-log-compress\n") }, "audit-flags", Warning, "audit-log-compress is true"},
		{"batch mode", func(t *testing.T, n *node) { n.edit(t, goodFlags, goodFlags+"    - --audit-log-mode\n    - batch\n") }, "audit-flags", Warning, "dropped"},
		{"legacy format", func(t *testing.T, n *node) { n.edit(t, goodFlags, goodFlags+"    - --audit-log-format=legacy\n") }, "audit-flags", Error, "not JSON"},
		{"truncated events", func(t *testing.T, n *node) {
			n.edit(t, goodFlags, goodFlags+"    - --audit-log-truncate-enabled=true\n")
		}, "audit-flags", Warning, "removes the bodies"},
		{"no policy", func(t *testing.T, n *node) { n.edit(t, "hostPath: {path: @/policy", "hostPath: {path: @/policies") }, "policy", Error, "no such file"},
		{"a bad policy", func(t *testing.T, n *node) { n.write(t, "policy/audit-policy.yaml", "a b c d e f g") }, "policy", Warning, "2 more"},
	}
}

func hostDefects() []defect {
	return []defect{
		{"no audit directory", func(_ *testing.T, n *node) { n.cfg.Log.Dir += "x" }, "audit-dir", Error, "does not exist"},
		{"a file for the directory", func(_ *testing.T, n *node) { n.cfg.Log.Dir = n.cfg.Log.Path() }, "audit-dir", Error, "not a directory"},
		{"another log", func(_ *testing.T, n *node) { n.cfg.Log.Base = "other" }, "audit-dir", Warning, "no file of the log"},
		{"no open file", func(t *testing.T, n *node) { must(t, os.Remove(n.cfg.Log.Path())) }, "audit-dir", Warning, "no audit.log"},
		{"a directory for the file", func(t *testing.T, n *node) {
			must(t, os.Remove(n.cfg.Log.Path()))
			must(t, os.Mkdir(n.cfg.Log.Path(), 0o700))
		}, "audit-dir", Error, "directory"},
		{"a mount of the file", func(t *testing.T, n *node) { n.mounted(t, n.cfg.Log.Path(), "rw", "ext4", "/x") }, "mount", Error, "single file"},
		{"a read-only mount", func(t *testing.T, n *node) { n.mounted(t, n.cfg.Log.Dir, "ro", "ext4", "/x") }, "mount", Error, "read-only"},
		{"state on another mount", func(t *testing.T, n *node) { n.mounted(t, n.cfg.StateDir, "rw", "ext4", "/x") }, "mount", Error, "cannot be linked"},
		{"a deleted directory", func(t *testing.T, n *node) { n.mounted(t, n.cfg.Log.Dir, "rw", "ext4", "/x//deleted") }, "mount", Error, "deleted on the host"},
		{"in memory", func(t *testing.T, n *node) { n.mounted(t, n.cfg.Log.Dir, "rw", "tmpfs", "/") }, "filesystem", Warning, "memory"},
		{"on NFS", func(t *testing.T, n *node) { n.mounted(t, n.cfg.Log.Dir, "rw", "nfs4", "/") }, "filesystem", Warning, "inotify"},
		{"no volume at all", func(t *testing.T, n *node) {
			n.write(t, "proc/self/mountinfo", "20 1 0:1 / / rw - overlay overlay rw\n")
		}, "filesystem", Warning, "container's own"},
		{"no room for state", func(_ *testing.T, n *node) { n.cfg.Copy, n.cfg.StateDir = true, "/proc/nowhere/state" }, "hold", Error, "make a directory"},
		{"a short outage only", func(t *testing.T, n *node) { n.edit(t, "maxsize=100", "maxsize=10"); n.busy(t) }, "rotation", Warning, "an outage of the archive of"},
		{"a small disk", func(_ *testing.T, n *node) { n.cfg.Budget.MaxBytes = 1 << 60 }, "disk", Warning, "free"},
		{"a full disk", func(_ *testing.T, n *node) { n.cfg.Budget.MinFree = 1 << 60 }, "disk", Error, "free"},
		{"a clock that nobody keeps", func(_ *testing.T, n *node) { n.cfg.ClockSynced = func() (bool, error) { return false, nil } }, "clock", Warning, "NTP"},
	}
}

func peerDefects() []defect {
	return []defect{
		{"a clock that is off", func(_ *testing.T, n *node) { n.cfg.Now = func() time.Time { return time.Now().Add(-30 * time.Second) } }, "clock-skew", Warning, "30s"},
		{"a clock that is far off", func(_ *testing.T, n *node) { n.cfg.Now = func() time.Time { return time.Now().Add(time.Hour) } }, "clock-skew", Error, "1h0m"},
		{"Loki in the cluster's DNS", func(_ *testing.T, n *node) { n.cfg.LokiURL = "http://loki.monitoring.svc:3100" }, "loki", Error, "cluster's DNS"},
		{"Loki in the cluster's domain", func(_ *testing.T, n *node) { n.cfg.LokiURL = "http://loki.monitoring.svc.Cluster.Local.:3100" }, "loki", Error, "cluster's DNS"},
		{"Loki is away", func(_ *testing.T, n *node) { n.cfg.LokiURL = "http://127.0.0.1:1" }, "loki", Error, "refused"},
		{"Loki wants a tenant", func(t *testing.T, n *node) { n.cfg.LokiURL = fakeLoki(t, 401, "no org id") }, "loki", Error, "no org id"},
		{"not Loki", func(t *testing.T, n *node) { n.cfg.LokiURL = fakeLoki(t, 404, "404 page not found") }, "loki", Error, "404 page not found"},
		{"Loki is ill", func(t *testing.T, n *node) { n.cfg.LokiURL = fakeLoki(t, 500, "ring") }, "loki", Warning, "ring"},
		{"Loki redirects", func(t *testing.T, n *node) { n.cfg.LokiURL = fakeLoki(t, 302, "") }, "loki", Error, "302"},
	}
}
