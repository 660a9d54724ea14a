package doctor

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/hold"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// node is a control plane node in a directory: its host paths are below root.
type node struct {
	root string
	cfg  Config
}

const goodFlags = `    - --audit-policy-file=/etc/kubernetes/audit/audit-policy.yaml
    - --audit-log-path=/var/log/kubernetes/audit/audit.log
    - --audit-log-maxage=30
    - --audit-log-maxbackup=10
    - --audit-log-maxsize=100
`

// manifest is kube-apiserver's pod; @ stands for the node's root.
const manifest = `apiVersion: v1
kind: Pod
spec:
  containers:
  - name: kube-apiserver
    command:
    - kube-apiserver
` + goodFlags + `    volumeMounts:
    - {name: audit-log, mountPath: /var/log/kubernetes/audit}
    - {name: audit-policy, mountPath: /etc/kubernetes/audit, readOnly: true}
  - name: auditsidecar
    image: ghcr.io/auditsidecar/auditsidecar:v0.1.0
    imagePullPolicy: IfNotPresent
    args: [run]
    volumeMounts:
    - {name: auditsidecar-audit-dir, mountPath: @/audit}
  volumes:
  - {name: audit-log, hostPath: {path: @/audit, type: DirectoryOrCreate}}
  - {name: audit-policy, hostPath: {path: @/policy, type: Directory}}
  - {name: auditsidecar-audit-dir, hostPath: {path: @/audit, type: DirectoryOrCreate}}
`

// good is a node on which nothing is wrong.
func good(t *testing.T) *node {
	t.Helper()
	root := real(t.TempDir())
	n := &node{root: root}
	n.write(t, "audit/audit.log", "{}\n")
	for i := range 3 {
		name := time.Date(2026, 3, 1, i, 0, 0, 0, time.UTC).Format("audit-2006-01-02T15-04-05.000.log")
		n.write(t, "audit/"+name, strings.Repeat("x", 3600))
	}
	n.write(t, "policy/audit-policy.yaml", "good")
	n.write(t, "manifests/kube-apiserver.yaml", strings.ReplaceAll(manifest, "@", root))
	patch, err := os.ReadFile("../../manifests/kubeadm-patches/kube-apiserver0+strategic.yaml")
	must(t, err)
	n.write(t, "patches/kube-apiserver0+strategic.yaml", string(patch))
	n.write(t, "proc/self/mountinfo", "20 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n")
	n.write(t, "proc/sys/fs/inotify/max_user_watches", "1000\n")
	bucket, err := archive.Open(t.Context(), "file://"+filepath.Join(root, "archive"), archive.S3Config{})
	if err != nil {
		t.Fatal(err)
	}
	loki := fakeLoki(t, http.StatusUnprocessableEntity, "at least one stream")
	n.cfg = Config{
		Log: rotate.Log{Dir: filepath.Join(root, "audit"), Base: "audit", Ext: ".log"}, StateDir: filepath.Join(root, "audit/.auditsidecar"),
		Budget: hold.Budget{MaxBytes: 1 << 20, MinFree: 1}, Manifest: filepath.Join(root, "manifests/kube-apiserver.yaml"), Patches: filepath.Join(root, "patches"),
		Bucket: bucket, Cluster: "c", Node: "n", LokiURL: loki, LokiHTTP: http.DefaultClient,
		Lint: func(data []byte) []string { return strings.Fields(strings.TrimPrefix(string(data), "good")) },
		FS:   durable.OS(), Now: time.Now, Proc: filepath.Join(root, "proc"),
		ClockSynced: func() (bool, error) { return true, nil },
	}
	return n
}

func (n *node) write(t *testing.T, name, content string) {
	t.Helper()
	path := filepath.Join(n.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// edit replaces text in the manifest.
func (n *node) edit(t *testing.T, from, to string) {
	t.Helper()
	path := "manifests/kube-apiserver.yaml"
	data, err := os.ReadFile(filepath.Join(n.root, path))
	if err != nil {
		t.Fatal(err)
	}
	from, to = strings.ReplaceAll(from, "@", n.root), strings.ReplaceAll(to, "@", n.root)
	if !strings.Contains(string(data), from) {
		t.Fatalf("the manifest does not have %q", from)
	}
	n.write(t, path, strings.Replace(string(data), from, to, 1))
}

// fakeLoki answers pushes with a status and a text.
func fakeLoki(t *testing.T, status int, text string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/loki/api/v1/push" {
			if r.Header.Get("Content-Type") != "application/json" {
				status = http.StatusUnsupportedMediaType
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// bad are the results that are warnings or errors.
func bad(results []Result) (all []Result) {
	for _, r := range results {
		if Bad([]Result{r}) {
			all = append(all, r)
		}
	}
	return all
}

func TestGoodNode(t *testing.T) {
	n := good(t)
	results := Run(t.Context(), n.cfg)
	if found := bad(results); len(found) > 0 {
		t.Errorf("a node in order: %+v", found)
	}
	for _, id := range []string{"manifest", "sidecar", "patches", "audit-flags", "log-mount", "policy", "audit-dir", "mount", "filesystem", "hold", "inotify", "rotation", "disk", "clock", "clock-skew", "archive", "loki"} {
		if !slices.ContainsFunc(results, func(r Result) bool { return r.ID == id && r.Severity != Info }) {
			t.Errorf("no result of the check %s in %+v", id, results)
		}
	}
	// Nothing is left behind but the probe, and a second look is as good.
	entries, err := os.ReadDir(n.cfg.Log.Dir)
	if err != nil || len(entries) != 4 {
		t.Errorf("the audit directory has %v, %v", entries, err)
	}
	if found := bad(Run(t.Context(), n.cfg)); len(found) > 0 {
		t.Errorf("the second time: %+v", found)
	}
}

// mounted adds a mount to those that are seen.
func (n *node) mounted(t *testing.T, point, options, kind, root string) {
	t.Helper()
	n.write(t, "proc/self/mountinfo", "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"+
		fmt.Sprintf("21 20 8:2 %s %s %s,noatime shared:1 master:2 - %s /dev/x rw\n", root, point, options, kind))
}

// busy makes the log one of 100 MiB a second.
func (n *node) busy(t *testing.T) {
	t.Helper()
	for i := range 3 {
		path := filepath.Join(n.cfg.Log.Dir, fmt.Sprintf("audit-2026-03-01T00-00-0%d.000.log", i+1))
		must(t, os.WriteFile(path, nil, 0o600))
		must(t, os.Truncate(path, 100<<20)) // a hole
	}
	old, err := filepath.Glob(filepath.Join(n.cfg.Log.Dir, "audit-*-00-00.000.log"))
	must(t, err)
	for _, f := range old {
		must(t, os.Remove(f))
	}
}

// A node with many defects names each of them at once.
func TestBrokenNode(t *testing.T) {
	n := good(t)
	n.edit(t, "maxsize=100", "maxsize=0")
	n.edit(t, "IfNotPresent", "Always")
	n.write(t, "policy/audit-policy.yaml", "good one")
	n.mounted(t, n.cfg.StateDir, "rw", "ext4", "/x")
	n.cfg.ClockSynced = func() (bool, error) { return false, nil }
	n.cfg.LokiURL = "http://127.0.0.1:1"
	var ids []string
	for _, r := range bad(Run(t.Context(), n.cfg)) {
		ids = append(ids, r.ID)
	}
	if want := []string{"sidecar", "audit-flags", "policy", "mount", "clock", "loki"}; !slices.Equal(ids, want) {
		t.Errorf("bad: %q, want %q", ids, want)
	}
}

// A part that cannot be checked is not a defect.
func TestUnknown(t *testing.T) {
	n := good(t)
	n.cfg.Manifest, n.cfg.Proc, n.cfg.LokiURL, n.cfg.Bucket = "", "/nowhere", "", nil
	n.cfg.ClockSynced = func() (bool, error) { return false, errors.New("not permitted") }
	if found := bad(Run(t.Context(), n.cfg)); len(found) > 0 {
		t.Errorf("%+v", found)
	}
}

// The sidecar may be a static pod of its own.
func TestCompanion(t *testing.T) {
	n := good(t)
	n.edit(t, "name: auditsidecar\n    image: ghcr.io/auditsidecar/auditsidecar:v0.1.0", "name: other\n    image: ghcr.io/x/y:v1")
	n.write(t, "manifests/.hidden.yaml", "kind: Pod")
	n.write(t, "manifests/broken.yaml", "{")
	n.write(t, "manifests/auditsidecar.yaml", strings.ReplaceAll(`kind: Pod
spec:
  containers:
  - name: x
    image: registry.local:5000/a/auditsidecar:v1
    volumeMounts: [{name: a, mountPath: @/audit}]
  volumes: [{name: a, hostPath: {path: @/audit, type: Directory}}]
`, "@", n.root))
	if found := bad(Run(t.Context(), n.cfg)); len(found) > 0 {
		t.Errorf("%+v", found)
	}
}

// A sidecar that runs is asked, one that does not is no defect.
func TestRunning(t *testing.T) {
	n := good(t)
	status := http.StatusOK
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" || !r.URL.Query().Has("verbose") || r.Header.Get("X-Scope-OrgID") != "" {
			status = http.StatusNotFound
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "archive: waiting for S3\n")
	}))
	t.Cleanup(s.Close)
	n.cfg.Listen, n.cfg.LokiTenant = strings.TrimPrefix(s.URL, "http://"), "secret"
	for _, test := range []struct {
		status int
		want   Severity
		found  string
	}{{200, OK, "ready"}, {503, Warning, "waiting for S3"}} {
		status = test.status
		if got := checkRunning(t.Context(), &n.cfg); len(got) != 1 || got[0].Severity != test.want || !strings.Contains(got[0].Found, test.found) {
			t.Errorf("%d: %+v", test.status, got)
		}
	}
	s.Close()
	if got := checkRunning(t.Context(), &n.cfg); len(got) != 1 || got[0].Severity != Info {
		t.Errorf("none: %+v", got)
	}
}

func TestSecretFiles(t *testing.T) {
	n := good(t)
	n.write(t, "key", "")
	path := filepath.Join(n.root, "key")
	for mode, want := range map[os.FileMode]Severity{0o600: OK, 0o400: OK, 0o640: Warning, 0o604: Warning} {
		must(t, os.Chmod(path, mode))
		n.cfg.Secrets = []SecretFile{{Setting: "--signing-key-file", Path: path}, {Setting: "not set"}}
		if got := checkSecretFiles(t.Context(), &n.cfg); len(got) != 1 || got[0].Severity != want {
			t.Errorf("mode %o: %+v, want %s", mode, got, want)
		}
	}
	for optional, want := range map[bool]Severity{true: Info, false: Error} {
		n.cfg.Secrets = []SecretFile{{Setting: "x", Path: path + "x", Optional: optional}}
		if got := checkSecretFiles(t.Context(), &n.cfg); len(got) != 1 || got[0].Severity != want {
			t.Errorf("missing, optional %v: %+v", optional, got)
		}
	}
	n.cfg.Secrets = []SecretFile{{Setting: "--signing-key-file", Unset: "auditsidecar keygen"}}
	if got := checkSecretFiles(t.Context(), &n.cfg); len(got) != 1 || got[0].Severity != Warning || got[0].Fix != "auditsidecar keygen" {
		t.Errorf("no key: %+v", got)
	}
}

var must = audittest.Must
