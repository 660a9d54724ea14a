//go:build e2e

package kind

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
	"github.com/auditsidecar/auditsidecar/e2e/s3/s3server"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
)

// suite is the cluster with its node and sinks.
type suite struct {
	*cluster
	node         *node
	store        *s3server.Server
	storeURL     string // of the store, from the node
	loki         *lokitest.Receiver
	auditsidecar string // the binary on the host, which restores
	runs         int
}

// One cluster goes through its life: it starts while the sidecar's image is
// missing, gets it, loses the sidecar to SIGKILL, is drained, is upgraded with a
// missing image, with the image, and without the patches. kube-apiserver restarts only
// where its static pod was changed, and nothing that it wrote is lost.
func TestCluster(t *testing.T) {
	first, firstArchive := image(t, "v0.0.1-e2e")
	second, secondArchive := image(t, "v0.0.2-e2e")
	n := newNode(t)
	n.patch(first)
	s := &suite{node: n, store: s3server.Start(t), auditsidecar: filepath.Join(t.TempDir(), "auditsidecar")}
	if err := builds.AuditsidecarVersion(s.auditsidecar, "e2e"); err != nil {
		t.Fatal(err)
	}

	// The image is nowhere: the cluster comes up without the sidecar.
	s.cluster = create(t, n.kindConfig())
	all := s.waitPod("kube-apiserver is up, the sidecar's image missing", func(all map[string]container) bool {
		return all["kube-apiserver"].Ready && len(all) == 2 && !all["auditsidecar"].Ready
	})
	t.Logf("the sidecar: %+v", all["auditsidecar"].State)

	// The image and the settings come: the sidecar starts, kube-apiserver keeps running.
	server := all["kube-apiserver"]
	vkey := s.sign()
	s.configure("signing-key-file: /etc/kubernetes/auditsidecar/signing.key\n")
	s.load(firstArchive)
	all = s.waitPod("2/2 after the image was loaded", both)
	s.sameServer(server, all)
	s.traffic()
	s.check("with the patch")

	// The sidecar dies: kubelet starts it again, kube-apiserver keeps running.
	s.kill(all["auditsidecar"].ContainerID)
	before := all["auditsidecar"]
	all = s.waitPod("2/2 after kill -9 of the sidecar", func(all map[string]container) bool {
		return both(all) && all["auditsidecar"].ContainerID != before.ContainerID
	})
	s.sameServer(server, all)
	s.traffic()
	s.check("after kill -9 of the sidecar")

	// A drain leaves static pods alone: both containers keep running.
	before = all["auditsidecar"]
	s.drain()
	all = s.waitPod("2/2 on the drained node", both)
	s.sameServer(server, all)
	if after := all["auditsidecar"]; after.ContainerID != before.ContainerID {
		t.Errorf("the drain restarted the sidecar: %+v, before %+v", after, before)
	}
	s.traffic()
	s.check("on the drained node")
	s.uncordon()

	// An upgrade to an image that cannot be pulled: kube-apiserver serves, but the
	// pod stays in phase Pending. kubeadm waits, gives up and puts the old static
	// pod back; lines written meanwhile are there when the sidecar is.
	n.patch("ghcr.io/auditsidecar/auditsidecar:v0.0.3-missing")
	out, err := s.upgrade("with an image that is missing", true)
	if err == nil || !strings.Contains(err.Error(), "tried to recover everything into the earlier state") {
		t.Errorf("kubeadm upgrade apply with a missing image: %v\n%s", err, out)
	}
	s.waitPod("2/2 with the old image, put back by kubeadm", func(all map[string]container) bool {
		return both(all) && all["auditsidecar"].Image == first
	})
	s.traffic()
	s.check("after the upgrade that failed")

	n.patch(second)
	s.load(secondArchive)
	s.mustUpgrade("with the next image", true)
	all = s.waitPod("2/2 with the next image", func(all map[string]container) bool {
		return both(all) && all["auditsidecar"].Image == second
	})
	if all["kube-apiserver"].ContainerID == server.ContainerID {
		t.Error("kube-apiserver was not restarted with the sidecar's new image: docs/upgrade.md says that it is")
	}
	s.traffic()
	s.check("after the upgrade of the sidecar")

	// The archive is verified in the cluster, by the public key.
	s.verify(second, vkey)

	// kubeadm does not remember the patches.
	s.mustUpgrade("without patches", false)
	s.waitPod("the sidecar has vanished", func(all map[string]container) bool { return len(all) == 1 && all["kube-apiserver"].Ready })
}

// configure writes the files that the sidecar reads at its start, with more settings.
func (s *suite) configure(more string) {
	s.t.Helper()
	var lokiAddress string
	s.loki, lokiAddress = loki(s.t)
	host := gateway(s.t)
	s.storeURL = "http://" + forward(s.t, host, strings.TrimPrefix(s.store.Endpoint, "http://"))
	s.node.write("sidecar/config.yaml", fmt.Sprintf(`audit-log-path: /var/log/kubernetes/audit/audit.log
cluster: kind
archive-url: %s
s3-endpoint: %s
s3-region: %s
s3-path-style: true
loki-url: http://%s
redact: "off"
%s`, s.store.URL("audit-logs"), s.storeURL, s.store.Region, forward(s.t, host, lokiAddress), more))
	s.node.write("sidecar/aws-credentials", fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", s.store.AccessKey, s.store.SecretKey))
}

// drain empties the node of what a drain evicts, with the flags of every cluster that has DaemonSets.
func (s *suite) drain() {
	s.t.Helper()
	if _, err := s.kubectl("", "drain", clusterName+"-control-plane", "--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=120s"); err != nil {
		s.t.Fatal(err)
	}
}

// uncordon takes the drain back.
func (s *suite) uncordon() {
	s.t.Helper()
	if _, err := s.kubectl("", "uncordon", clusterName+"-control-plane"); err != nil {
		s.t.Fatal(err)
	}
}

// sameServer fails where kube-apiserver is another container than before.
func (s *suite) sameServer(before container, now map[string]container) {
	s.t.Helper()
	if after := now["kube-apiserver"]; after.ContainerID != before.ContainerID || after.RestartCount != before.RestartCount {
		s.t.Errorf("kube-apiserver was restarted: %+v, before %+v", after, before)
	}
}

// upgrade runs kubeadm upgrade to the same version, which renders the static
// pod again; kube-apiserver is restarted where it differs.
func (s *suite) upgrade(what string, patches bool) (string, error) {
	s.t.Helper()
	version, err := s.exec("", "kubeadm", "version", "-o", "short")
	if err != nil {
		s.t.Fatal(err)
	}
	config := s.node.upgradeConfig(strings.TrimSpace(version), patches)
	if _, err := s.exec(config, "sh", "-c", "cat >/tmp/upgrade.yaml"); err != nil {
		s.t.Fatal(err)
	}
	begin := time.Now()
	out, err := s.exec("", "kubeadm", "upgrade", "apply", "--config", "/tmp/upgrade.yaml")
	s.t.Logf("kubeadm upgrade apply %s: %v, error: %v", what, time.Since(begin).Round(time.Second), err)
	return out, err
}

// mustUpgrade is an upgrade that must not fail.
func (s *suite) mustUpgrade(what string, patches bool) {
	s.t.Helper()
	if out, err := s.upgrade(what, patches); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
}

// traffic has kube-apiserver write some megabytes: roles with many rules, which
// the policy logs with their bodies.
func (s *suite) traffic() {
	s.t.Helper()
	s.runs++
	var objects strings.Builder
	for i := range 40 {
		fmt.Fprintf(&objects, "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: e2e-%d-%d, namespace: default}\nrules:\n", s.runs, i)
		for rule := range 200 {
			fmt.Fprintf(&objects, "- {apiGroups: [\"e2e.example.org\"], resources: [\"things-%d\"], verbs: [get, list, watch]}\n", rule)
		}
		objects.WriteString("---\n")
	}
	if _, err := s.kubectl(objects.String(), "create", "-f", "-"); err != nil {
		s.t.Fatal(err)
	}
}

// check waits until the archive has every finished file of the node, byte for
// byte, and Loki every line of theirs.
func (s *suite) check(when string) {
	s.t.Helper()
	written := s.finished()
	if len(written) == 0 {
		s.t.Fatalf("%s: kube-apiserver has not rotated its log", when)
	}
	deadline := time.Now().Add(2 * time.Minute)
	for {
		missing := s.compare(written)
		if missing == "" {
			break
		}
		if time.Now().After(deadline) {
			log, _ := s.exec("", "sh", "-c", "tail -n 20 /var/log/pods/kube-system_kube-apiserver*/auditsidecar/*.log")
			s.t.Fatalf("%s: %s\n%s", when, missing, log)
		}
		time.Sleep(2 * time.Second)
	}
	lines, size := 0, 0
	for _, content := range written {
		lines, size = lines+bytes.Count(content, []byte("\n")), size+len(content)
	}
	s.t.Logf("%s: %d finished files, %d lines, %d bytes: all in the archive, byte for byte, and all in Loki", when, len(written), lines, size)
}

// finished are the files of the node that kube-apiserver has rotated.
func (s *suite) finished() map[string][]byte {
	s.t.Helper()
	const dir = "/var/log/kubernetes/audit/"
	names, err := s.exec("", "sh", "-c", "cd "+dir+" && ls | grep -E '^audit-.*[.]log$' || true")
	if err != nil {
		s.t.Fatal(err)
	}
	files := make(map[string][]byte)
	for name := range strings.FieldsSeq(names) {
		content, err := s.exec("", "cat", dir+name)
		if err != nil {
			s.t.Fatal(err)
		}
		files[name] = []byte(content)
	}
	return files
}

// compare lists the missing lines; "" when nothing is missing.
func (s *suite) compare(written map[string][]byte) string {
	s.t.Helper()
	out := filepath.Join(s.t.TempDir(), "restored")
	cmd := exec.CommandContext(s.t.Context(), s.auditsidecar, "restore", s.store.URL("audit-logs"), "--out", out,
		"--s3-endpoint", s.store.Endpoint, "--s3-region", s.store.Region, "--s3-path-style")
	cmd.Env = append(s.store.Env(), "PATH="+os.Getenv("PATH"))
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Sprintf("restore: %v: %s", err, text)
	}
	have := make(map[string]bool)
	for _, line := range s.loki.Lines() {
		have[line] = true
	}
	for name, want := range written {
		found, err := filepath.Glob(filepath.Join(out, "*", "*", name))
		if direct, e := filepath.Glob(filepath.Join(out, name)); e == nil {
			found = append(found, direct...)
		}
		if err != nil || len(found) != 1 {
			return fmt.Sprintf("%s is restored %d times", name, len(found))
		}
		got, err := os.ReadFile(found[0])
		if err != nil || !bytes.Equal(got, want) {
			return fmt.Sprintf("%s is restored with %d bytes, written were %d (%v)", name, len(got), len(want), err)
		}
		for line := range bytes.Lines(want) {
			if text := string(bytes.TrimSuffix(line, []byte("\n"))); len(text) <= lokitest.DefaultMaxLine && !have[text] {
				return fmt.Sprintf("a line of %s is not in Loki", name)
			}
		}
	}
	return ""
}
