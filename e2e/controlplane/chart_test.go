//go:build e2e

package controlplane

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"

	"github.com/auditsidecar/auditsidecar/e2e/builds"
	"github.com/auditsidecar/auditsidecar/e2e/controlplane/cluster"
	"github.com/auditsidecar/auditsidecar/manifests"
)

// The module whose example directory has the operator's CRDs.
const prometheusOperator = "github.com/prometheus-operator/prometheus-operator@v0.85.0"

// resources are the paths of the chart's kinds in the Kubernetes API; %s is the
// namespace.
var resources = map[string]string{
	"Namespace":          "/api/v1/namespaces",
	"ConfigMap":          "/api/v1/namespaces/%s/configmaps",
	"ServiceAccount":     "/api/v1/namespaces/%s/serviceaccounts",
	"DaemonSet":          "/apis/apps/v1/namespaces/%s/daemonsets",
	"ClusterRole":        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
	"ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
	"PodMonitor":         "/apis/monitoring.coreos.com/v1/namespaces/%s/podmonitors",
	"PrometheusRule":     "/apis/monitoring.coreos.com/v1/namespaces/%s/prometheusrules",
}

// TestChartDryRun sends every object of the chart, with everything switched on,
// to a real kube-apiserver that has the Prometheus Operator's CRDs: a server-side
// dry run in which unknown fields are errors.
func TestChartDryRun(t *testing.T) {
	home := filepath.Join(t.TempDir(), "kube-apiserver")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	api, err := cluster.New(cluster.Config{
		Binary: cluster.KubeAPIServer(t), EtcdURL: etcd(t), Prefix: "/" + t.Name(), Dir: home,
		AuditDir: filepath.Join(home, "audit"), Policy: manifests.AuditPolicy(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := api.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer api.Kill()
	client, err := api.Client("")
	if err != nil {
		t.Fatal(err)
	}
	installCRDs(t, client)
	namespace := `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"auditsidecar"}}`
	if err := post(t, client, resources["Namespace"], []byte(namespace), ""); err != nil {
		t.Fatal(err)
	}
	for _, object := range chart(t) {
		var head struct {
			Kind     string
			Metadata struct{ Name, Namespace string }
		}
		if err := json.Unmarshal(object, &head); err != nil {
			t.Fatal(err)
		}
		path, ok := resources[head.Kind]
		if !ok {
			t.Errorf("%s %s: unknown kind", head.Kind, head.Metadata.Name)
			continue
		}
		if strings.Contains(path, "%s") {
			path = fmt.Sprintf(path, head.Metadata.Namespace)
		}
		if err := post(t, client, path, object, "All"); err != nil {
			t.Errorf("%s %s: %v", head.Kind, head.Metadata.Name, err)
		}
		wrong := strings.Replace(string(object), `"metadata":`, `"unknownField":1,"metadata":`, 1)
		if err := post(t, client, path, []byte(wrong), "All"); err == nil {
			t.Errorf("%s %s: an unknown field is no error: the dry run proves nothing", head.Kind, head.Metadata.Name)
		}
	}
}

// chart returns the objects of the chart as JSON.
func chart(t *testing.T) (all [][]byte) {
	t.Helper()
	root := builds.Repository(t)
	cmd := exec.CommandContext(t.Context(), "go", "run", "./render", "../../manifests/helm/auditsidecar", "testdata/everything.yaml")
	cmd.Dir = filepath.Join(root, "e2e", "chart")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("render the chart: %v", err)
	}
	for _, text := range strings.Split(string(out), "\n---\n") {
		object, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if string(object) != "null" {
			all = append(all, object)
		}
	}
	if len(all) < len(resources) {
		t.Fatalf("the chart has %d objects:\n%s", len(all), out)
	}
	return all
}

// installCRDs creates the CRDs that the chart's objects need, from the
// operator's own module, and waits until the server has them.
func installCRDs(t *testing.T, client *kubernetes.Clientset) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", prometheusOperator).Output()
	if err != nil {
		t.Fatalf("download %s: %v", prometheusOperator, err)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"podmonitors", "prometheusrules"} {
		text, err := os.ReadFile(filepath.Join(module.Dir, "example/prometheus-operator-crd/monitoring.coreos.com_"+name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		crd, err := yaml.YAMLToJSON(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := post(t, client, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd, ""); err != nil {
			t.Fatalf("CRD %s: %v", name, err)
		}
		for path := "/apis/monitoring.coreos.com/v1/" + name; ; time.Sleep(100 * time.Millisecond) {
			err := client.RESTClient().Get().AbsPath(path).Do(t.Context()).Error()
			if err == nil {
				break
			}
			if !apierrors.IsNotFound(err) {
				t.Fatalf("CRD %s: %v", name, err)
			}
		}
	}
}

// post creates an object, or tries to if dryRun is "All".
func post(t *testing.T, client *kubernetes.Clientset, path string, object []byte, dryRun string) error {
	t.Helper()
	request := client.RESTClient().Post().AbsPath(path).SetHeader("Content-Type", "application/json").Param("fieldValidation", "Strict").Body(object)
	if dryRun != "" {
		request = request.Param("dryRun", dryRun)
	}
	return request.Do(t.Context()).Error()
}
