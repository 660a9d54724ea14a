package manifests

import (
	"bytes"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

// The objects around kube-rbac-proxy are valid by Kubernetes' types, and the
// proxy has the PodMonitor's labels and port.
func TestScrapeManifests(t *testing.T) {
	var proxy appsv1.DaemonSet
	into := map[string]any{
		"ServiceAccount": &corev1.ServiceAccount{}, "ClusterRole": &rbacv1.ClusterRole{},
		"ClusterRoleBinding": &rbacv1.ClusterRoleBinding{}, "DaemonSet": &proxy,
	}
	documents := bytes.Split(read(t, shipped+"prometheus/scrape/kube-rbac-proxy.yaml"), []byte("\n---\n"))
	if len(documents) != 5 {
		t.Errorf("%d documents", len(documents))
	}
	for _, document := range documents {
		var kind struct{ Kind string }
		if err := yaml.Unmarshal(document, &kind); err != nil {
			t.Fatal(err)
		}
		if into[kind.Kind] == nil {
			t.Fatalf("an object of kind %q", kind.Kind)
		}
		if err := yaml.UnmarshalStrict(document, into[kind.Kind]); err != nil {
			t.Errorf("%s: %v", kind.Kind, err)
		}
	}

	var monitor struct {
		Spec struct {
			Selector            struct{ MatchLabels map[string]string }
			PodMetricsEndpoints []struct{ Port string }
		}
	}
	if err := yaml.Unmarshal(read(t, shipped+"prometheus/scrape/podmonitor.yaml"), &monitor); err != nil {
		t.Fatal(err)
	}
	for name, value := range monitor.Spec.Selector.MatchLabels {
		if proxy.Spec.Template.Labels[name] != value || proxy.Spec.Selector.MatchLabels[name] != value {
			t.Errorf("the pods do not have the label %s=%s", name, value)
		}
	}
	ports := proxy.Spec.Template.Spec.Containers[0].Ports
	if len(monitor.Spec.PodMetricsEndpoints) != 1 || len(ports) != 1 || ports[0].Name != monitor.Spec.PodMetricsEndpoints[0].Port {
		t.Errorf("ports %v, endpoints %v", ports, monitor.Spec.PodMetricsEndpoints)
	}
}
