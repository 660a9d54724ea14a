//go:build e2e

package kind

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

// cluster is a running kind cluster of one node.
type cluster struct {
	t    *testing.T
	kind string
}

// create makes the cluster; it is deleted when the test ends.
func create(t *testing.T, config string) *cluster {
	t.Helper()
	c := &cluster{t, kindBinary(t)}
	args := []string{"create", "cluster", "--name", clusterName, "--config", config, "--wait", "180s", "--kubeconfig", t.TempDir() + "/kubeconfig"}
	if image := os.Getenv("KIND_NODE_IMAGE"); image != "" {
		args = append(args, "--image", image)
	}
	t.Cleanup(func() {
		if os.Getenv("KIND_KEEP") != "" {
			t.Logf("KIND_KEEP: the cluster %s stays", clusterName)
			return
		}
		// Not with the test's context, which has ended by now.
		if err := deleteCluster(c.kind); err != nil {
			t.Error(err)
		}
	})
	begin := time.Now()
	must(t, c.kind, args...)
	t.Logf("the cluster is there after %v", time.Since(begin).Round(time.Second))
	return c
}

// exec runs a program on the node.
func (c *cluster) exec(stdin string, args ...string) (string, error) {
	c.t.Helper()
	return run(c.t, stdin, "docker", append([]string{"exec", "-i", clusterName + "-control-plane"}, args...)...)
}

// kubectl runs kubectl on the node, as the administrator.
func (c *cluster) kubectl(stdin string, args ...string) (string, error) {
	c.t.Helper()
	return c.exec(stdin, append([]string{"kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf"}, args...)...)
}

// container is the state of one container of kube-apiserver's pod.
type container struct {
	Name, Image, ContainerID string
	Ready                    bool
	RestartCount             int
	State                    map[string]struct{ Reason, Message string }
}

// pod returns the containers of kube-apiserver's pod by name. A pod that cannot
// be asked for has none.
func (c *cluster) pod() map[string]container {
	c.t.Helper()
	out, err := c.kubectl("", "get", "pods", "-n", "kube-system", "-l", "component=kube-apiserver", "-o", "json", "--request-timeout=10s")
	if err != nil {
		return nil
	}
	var list struct {
		Items []struct {
			Status struct{ ContainerStatuses []container }
		}
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list.Items) != 1 {
		return nil
	}
	all := make(map[string]container)
	for _, s := range list.Items[0].Status.ContainerStatuses {
		all[s.Name] = s
	}
	return all
}

// waitPod waits until the pod is as wanted, for at most three minutes.
func (c *cluster) waitPod(what string, wanted func(map[string]container) bool) map[string]container {
	c.t.Helper()
	begin := time.Now()
	for {
		all := c.pod()
		if all != nil && wanted(all) {
			c.t.Logf("%s: after %v", what, time.Since(begin).Round(time.Second))
			return all
		}
		if time.Since(begin) > 3*time.Minute {
			log, _ := c.exec("", "sh", "-c", "tail -n 5 /var/log/pods/kube-system_kube-apiserver*/auditsidecar/*.log")
			c.t.Fatalf("%s: not after 3 minutes; the pod: %+v\nthe sidecar's log: %s", what, all, log)
		}
		time.Sleep(time.Second)
	}
}

// both are the containers of a pod that is 2/2.
func both(all map[string]container) bool {
	return len(all) == 2 && all["kube-apiserver"].Ready && all["auditsidecar"].Ready
}

// load puts an image into the node.
func (c *cluster) load(archive string) {
	c.t.Helper()
	must(c.t, c.kind, "load", "image-archive", archive, "--name", clusterName)
}

// kill kills the main process of a container.
func (c *cluster) kill(containerID string) {
	c.t.Helper()
	id := strings.TrimPrefix(containerID, "containerd://")
	if _, err := c.exec("", "ctr", "-n", "k8s.io", "task", "kill", "--signal", "SIGKILL", id); err != nil {
		c.t.Fatal(err)
	}
}
