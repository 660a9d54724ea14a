//go:build e2e

package kind

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
	"github.com/auditsidecar/auditsidecar/e2e/s3/s3server"
)

// The forms without a patch, one after another in one cluster and with one state: a static pod of its own, the
// DaemonSet of the kustomize base, and the service of systemd. Each is killed, the pods are upgraded and their node drained;
// kube-apiserver is never restarted, and everything that it wrote is in the archive and in Loki.
func TestForms(t *testing.T) {
	first, firstArchive := image(t, "v0.0.1-e2e")
	second, secondArchive := image(t, "v0.0.2-e2e")
	s := &suite{node: newNode(t), store: s3server.Start(t), auditsidecar: filepath.Join(t.TempDir(), "auditsidecar")}
	if err := builds.AuditsidecarVersion(s.auditsidecar, "e2e"); err != nil {
		t.Fatal(err)
	}
	s.cluster = create(t, s.node.kindConfig())
	server := s.waitPod("kube-apiserver is up, alone", func(all map[string]container) bool {
		return len(all) == 1 && all["kube-apiserver"].Ready
	})["kube-apiserver"]
	s.configure("")
	s.load(firstArchive)
	s.load(secondArchive)

	// A static pod of its own.
	s.companion(first)
	pod := s.waitSidecar("the static pod runs", first, "")
	s.step(server, "with a static pod of its own")
	s.kill(pod.ContainerID)
	pod = s.waitSidecar("the static pod's container runs after kill -9", first, pod.ContainerID)
	s.step(server, "after kill -9 of the static pod's container")
	s.companion(second)
	pod = s.waitSidecar("the static pod runs the next image", second, pod.ContainerID)
	s.step(server, "after the upgrade of the static pod")
	s.drain()
	if after := s.waitSidecar("the static pod runs on the drained node", second, ""); after.ContainerID != pod.ContainerID {
		t.Errorf("the drain restarted the static pod: %+v, before %+v", after, pod)
	}
	s.step(server, "with the static pod on the drained node")
	s.uncordon()
	s.put("", companionPath)
	s.waitNoSidecar()

	// The DaemonSet, which continues the static pod's state with the image before: a rollback.
	s.apply(first)
	pod = s.waitSidecar("the DaemonSet runs", first, "")
	s.step(server, "with the DaemonSet")
	s.kill(pod.ContainerID)
	pod = s.waitSidecar("the DaemonSet's container runs after kill -9", first, pod.ContainerID)
	s.step(server, "after kill -9 of the DaemonSet's container")
	s.apply(second)
	s.waitSidecar("the DaemonSet runs the next image", second, pod.ContainerID)
	s.step(server, "after the upgrade of the DaemonSet")
	s.drain()
	s.waitSidecar("the DaemonSet runs on the drained node", second, "")
	s.step(server, "with the DaemonSet on the drained node")
	if _, err := s.kubectl("", "delete", "daemonset", "auditsidecar", "-n", "auditsidecar"); err != nil {
		t.Fatal(err)
	}
	s.waitNoSidecar()

	// The service, as the package has it.
	must(t, "docker", "cp", s.auditsidecar, clusterName+"-control-plane:/usr/bin/auditsidecar")
	s.put(s.node.shipped("systemd/auditsidecar.service"), "/etc/systemd/system/auditsidecar.service")
	if out, err := s.exec("", "sh", "-c", "systemctl daemon-reload && systemctl start auditsidecar && sleep 3 && systemctl is-active auditsidecar"); err != nil {
		log, _ := s.exec("", "sh", "-c", "systemctl status auditsidecar; journalctl -u auditsidecar -n 30")
		t.Fatalf("%v %s\n%s", err, out, log)
	}
	s.step(server, "as a service of systemd")
	if out, err := s.exec("", "sh", "-c", "before=$(systemctl show -P MainPID auditsidecar) && kill -9 $before && "+
		"for i in $(seq 60); do sleep 1; now=$(systemctl show -P MainPID auditsidecar); [ $now != 0 ] && [ $now != $before ] && exit 0; done; exit 1"); err != nil {
		t.Fatalf("systemd does not start the service after kill -9: %v %s", err, out)
	}
	s.step(server, "after kill -9 of the service")
}

// companionPath is where kubelet finds the static pod.
const companionPath = "/etc/kubernetes/manifests/auditsidecar.yaml"

// companion puts the shipped static pod in place, with an image.
func (s *suite) companion(image string) {
	s.t.Helper()
	s.put(strings.ReplaceAll(s.node.shipped("companion/auditsidecar.yaml"), shippedImage, image), companionPath)
}

// step has kube-apiserver write, waits until everything is archived, and fails if kube-apiserver was restarted.
func (s *suite) step(server container, when string) {
	s.t.Helper()
	s.traffic()
	s.check(when)
	s.sameServer(server, s.pod())
}

// put writes a file of the node; without content the file is removed.
func (s *suite) put(content, path string) {
	s.t.Helper()
	command := "cat > " + path + ".new && mv " + path + ".new " + path
	if content == "" {
		command = "rm " + path
	}
	if strings.Contains(path, "/manifests/") {
		command = strings.ReplaceAll(command, path+".new", "/tmp/new.yaml") // kubelet reads every file there
	}
	if _, err := s.exec(content, "sh", "-c", command); err != nil {
		s.t.Fatal(err)
	}
}

// apply installs the kustomize base with an image, the settings of the node and a Secret.
func (s *suite) apply(image string) {
	s.t.Helper()
	settings, err := os.ReadFile(filepath.Join(s.node.dir, "sidecar/config.yaml"))
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.exec("", "mkdir", "-p", "/tmp/overlay/base"); err != nil {
		s.t.Fatal(err)
	}
	for _, name := range []string{"config.yaml", "daemonset.yaml", "kustomization.yaml", "namespace.yaml", "serviceaccount.yaml"} {
		s.put(s.node.shipped("kustomize/base/"+name), "/tmp/overlay/base/"+name)
	}
	s.put(string(settings), "/tmp/overlay/config.yaml")
	name, tag, _ := strings.Cut(image, ":")
	s.put(fmt.Sprintf(`apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: auditsidecar
resources: [base]
images:
  - {name: %s, newTag: %s}
configMapGenerator:
  - {name: auditsidecar, behavior: replace, files: [config.yaml]}
secretGenerator:
  - {name: auditsidecar, files: [aws-credentials], options: {disableNameSuffixHash: true}}
`, name, tag), "/tmp/overlay/kustomization.yaml")
	credentials, err := os.ReadFile(filepath.Join(s.node.dir, "sidecar/aws-credentials"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.put(string(credentials), "/tmp/overlay/aws-credentials")
	if _, err := s.kubectl("", "apply", "-k", "/tmp/overlay"); err != nil {
		s.t.Fatal(err)
	}
}

// sidecars are the containers of the sidecar in pods of its own.
func (s *suite) sidecars() (all []container, err error) {
	s.t.Helper()
	out, err := s.kubectl("", "get", "pods", "-A", "-l", "app.kubernetes.io/name=auditsidecar", "-o", "json", "--request-timeout=10s")
	if err != nil {
		return nil, err
	}
	var list struct {
		Items []struct {
			Status struct{ ContainerStatuses []container }
		}
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		return nil, err
	}
	for _, p := range list.Items {
		all = append(all, p.Status.ContainerStatuses...)
	}
	return all, nil
}

// waitSidecar waits until one container of an image is ready that is not the one before.
func (s *suite) waitSidecar(what, image, before string) container {
	s.t.Helper()
	begin := time.Now()
	for {
		all, err := s.sidecars()
		if err == nil && len(all) == 1 && all[0].Ready && all[0].Image == image && all[0].ContainerID != before {
			s.t.Logf("%s: after %v", what, time.Since(begin).Round(time.Second))
			return all[0]
		}
		if time.Since(begin) > 3*time.Minute {
			log, _ := s.exec("", "sh", "-c", "tail -n 5 /var/log/pods/*/auditsidecar/*.log; kubectl --kubeconfig /etc/kubernetes/admin.conf get pods,events -A")
			s.t.Fatalf("%s: not after 3 minutes: %+v, %v\n%s", what, all, err, log)
		}
		time.Sleep(time.Second)
	}
}

// waitNoSidecar waits until no pod of the sidecar is left: two at a time would contend for the directory.
func (s *suite) waitNoSidecar() {
	s.t.Helper()
	for begin := time.Now(); ; time.Sleep(time.Second) {
		if all, err := s.sidecars(); err == nil && len(all) == 0 {
			return
		}
		if time.Since(begin) > 2*time.Minute {
			s.t.Fatal("the sidecar's pod is still there")
		}
	}
}
