package chart

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/auditsidecar/auditsidecar/e2e/chart/helm"
	"github.com/auditsidecar/auditsidecar/internal/config"
)

const (
	shipped  = "../../manifests/"
	chartDir = shipped + "helm/auditsidecar"
	base     = shipped + "kustomize/base"
	patch    = shipped + "kubeadm-patches/kube-apiserver0+strategic.yaml"
	least    = "config: {cluster: prod, archive-url: s3://audit-archive/audit-logs}\n"
)

var release = helm.Release{Name: "auditsidecar", Namespace: "auditsidecar"}

// objects are Kubernetes objects by kind and name, as YAML.
type objects map[string]string

func (o objects) add(t *testing.T, text string) {
	t.Helper()
	for _, doc := range strings.Split(text, "\n---\n") {
		var head struct {
			Kind     string
			Metadata struct{ Name string }
		}
		if err := yaml.Unmarshal([]byte(doc), &head); err != nil {
			t.Fatalf("%v in\n%s", err, doc)
		}
		if head.Kind == "" {
			continue
		}
		id := head.Kind + "/" + head.Metadata.Name
		if _, ok := o[id]; ok {
			t.Errorf("%s is there twice", id)
		}
		o[id] = doc
	}
}

// rendered returns the objects of the chart, which Helm 3 and 4 must agree about.
func rendered(t *testing.T, values string) objects {
	t.Helper()
	three, err := helm.Render3(chartDir, release, values)
	if err != nil {
		t.Fatal(err)
	}
	four, err := helm.Render4(chartDir, release, values)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(three, four) {
		t.Errorf("Helm 3 renders\n%s\nHelm 4\n%s", three, four)
	}
	all := objects{}
	for name, text := range four {
		if filepath.Ext(name) == ".yaml" {
			all.add(t, text)
		}
	}
	return all
}

// kustomized returns the objects of manifests/kustomize/base.
func kustomized(t *testing.T) objects {
	t.Helper()
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), base)
	if err != nil {
		t.Fatal(err)
	}
	text, err := made.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	all := objects{}
	all.add(t, string(text))
	return all
}

func decode[T any](t *testing.T, text string) (v T) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), &v); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return v
}

// strict decodes every object whose type is Kubernetes' own.
func strict(t *testing.T, all objects) {
	t.Helper()
	for id, text := range all {
		switch kind, _, _ := strings.Cut(id, "/"); kind {
		case "DaemonSet":
			decode[appsv1.DaemonSet](t, text)
		case "ConfigMap":
			decode[corev1.ConfigMap](t, text)
		case "ServiceAccount":
			decode[corev1.ServiceAccount](t, text)
		case "Namespace":
			decode[corev1.Namespace](t, text)
		case "ClusterRole":
			decode[rbacv1.ClusterRole](t, text)
		case "ClusterRoleBinding":
			decode[rbacv1.ClusterRoleBinding](t, text)
		case "PodMonitor", "PrometheusRule": // see e2e/controlplane
		default:
			t.Errorf("%s: unknown kind", id)
		}
	}
}

func TestChart(t *testing.T) {
	everything, err := os.ReadFile("testdata/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		values string
		want   []string
	}{
		"least": {least, []string{"ConfigMap/auditsidecar", "DaemonSet/auditsidecar", "ServiceAccount/auditsidecar"}},
		"everything": {string(everything), []string{
			"ClusterRole/auditsidecar-metrics", "ClusterRoleBinding/auditsidecar-metrics", "ClusterRoleBinding/auditsidecar-metrics-auth",
			"ConfigMap/auditsidecar", "ConfigMap/auditsidecar-dashboard-auditsidecar", "ConfigMap/auditsidecar-dashboard-kubernetes-audit",
			"ConfigMap/auditsidecar-loki-rules", "DaemonSet/auditsidecar", "PodMonitor/auditsidecar",
			"PrometheusRule/auditsidecar", "ServiceAccount/auditsidecar",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			all := rendered(t, c.values)
			strict(t, all)
			if got := slices.Sorted(maps.Keys(all)); !slices.Equal(got, c.want) {
				t.Errorf("objects %q, want %q", got, c.want)
			}
			checkPod(t, decode[appsv1.DaemonSet](t, all["DaemonSet/auditsidecar"]).Spec.Template.Spec)
			checkSettings(t, decode[corev1.ConfigMap](t, all["ConfigMap/auditsidecar"]).Data["config.yaml"])
		})
	}
}

// The files that the chart has are those of manifests/, in full.
func TestChartFiles(t *testing.T) {
	all := rendered(t, least+"lokiRules: {enabled: true}\ndashboards: {enabled: true}\nmetrics: {prometheusRule: {enabled: true}}\n")
	for id, file := range map[string]string{
		"ConfigMap/auditsidecar-loki-rules/auditsidecar.yaml":                     "loki/rules.yaml",
		"ConfigMap/auditsidecar-dashboard-auditsidecar/auditsidecar.json":         "grafana/dashboards/auditsidecar.json",
		"ConfigMap/auditsidecar-dashboard-kubernetes-audit/kubernetes-audit.json": "grafana/dashboards/kubernetes-audit.json",
	} {
		want, err := os.ReadFile(shipped + file)
		if err != nil {
			t.Fatal(err)
		}
		got := decode[corev1.ConfigMap](t, all[filepath.Dir(id)]).Data[filepath.Base(id)]
		if strings.TrimSpace(got) != strings.TrimSpace(string(want)) {
			t.Errorf("%s differs from %s", id, file)
		}
	}
	content, err := os.ReadFile(shipped + "prometheus/auditsidecar.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := decode[map[string]any](t, string(content))
	if got := decode[map[string]any](t, all["PrometheusRule/auditsidecar"])["spec"]; !reflect.DeepEqual(got, any(want)) {
		t.Error("PrometheusRule differs from prometheus/auditsidecar.rules.yaml")
	}
}

// Values that cannot work are refused with a message that names them.
func TestChartRefuses(t *testing.T) {
	for name, c := range map[string]struct{ values, want string }{
		"no cluster":              {"config: {archive-url: s3://a/b}\n", "cluster"},
		"no archive":              {"config: {cluster: c}\n", "archive-url"},
		"another store":           {"config: {cluster: c, archive-url: gs://a/b}\n", "archive-url"},
		"unknown key":             {least + "imagePullPolicy: Always\n", "imagePullPolicy"},
		"short digest":            {least + "image: {digest: sha256:12}\n", "digest"},
		"relative log":            {"config: {cluster: c, archive-url: s3://a/b, audit-log-path: audit.log}\n", "audit-log-path"},
		"log elsewhere":           {"config: {cluster: c, archive-url: s3://a/b, audit-log-path: /var/log/audit/audit.log}\n", "not in auditLogDir"},
		"signing without Secret":  {least + "signing: {enabled: true}\n", "secret.name"},
		"capabilities of no root": {least + "runAsUser: 65534\ncapabilities: [DAC_OVERRIDE]\n", "runAsUser"},
		"any capability":          {least + "capabilities: [SYS_ADMIN]\n", "capabilities"},
		"suffix that is no name":  {least + "nodeSuffix: /x\n", "nodeSuffix"},
		"monitor without a proxy": {least + "metrics: {podMonitor: {enabled: true}}\n", "metrics.proxy.enabled"},
	} {
		for version, render := range map[string]func(string, helm.Release, string) (map[string]string, error){"3": helm.Render3, "4": helm.Render4} {
			if _, err := render(chartDir, release, c.values); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, Helm %s: %v, want %q", name, version, err, c.want)
			}
		}
	}
}

// checkPod holds a pod of the DaemonSet against the parts that every form must have.
func checkPod(t *testing.T, p corev1.PodSpec) {
	t.Helper()
	c := p.Containers[0]
	if c.Name != "auditsidecar" || c.ReadinessProbe != nil || c.StartupProbe != nil || c.LivenessProbe == nil {
		t.Errorf("probes of %s", c.Name)
	}
	if !p.HostNetwork || p.DNSPolicy != corev1.DNSClusterFirstWithHostNet || p.PriorityClassName != "system-node-critical" {
		t.Errorf("host network %v, DNS %s, priority %s", p.HostNetwork, p.DNSPolicy, p.PriorityClassName)
	}
	if !slices.Equal(p.Tolerations, []corev1.Toleration{{Operator: corev1.TolerationOpExists}}) {
		t.Errorf("tolerations %v", p.Tolerations)
	}
	volumes := map[string]bool{}
	for _, v := range p.Volumes {
		volumes[v.Name] = true
	}
	for _, container := range p.Containers {
		for _, m := range container.VolumeMounts {
			if !volumes[m.Name] {
				t.Errorf("%s mounts %s, which the pod does not have", container.Name, m.Name)
			}
		}
	}
}

// checkSettings holds config.yaml against the settings of `auditsidecar run`.
func checkSettings(t *testing.T, text string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var run config.Run
	flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
	run.Register(flags)
	flags.String(config.FileFlag, file, "")
	if warnings, err := config.Fill(flags, []string{"AUDITSIDECAR_NODE=cp-1"}); err != nil || len(warnings) > 0 {
		t.Fatalf("%v %q in\n%s", err, warnings, text)
	}
	if err := run.Validate(); err != nil {
		t.Errorf("%v in\n%s", err, text)
	}
}

func TestKustomize(t *testing.T) {
	all := kustomized(t)
	strict(t, all)
	settings := ""
	for id, text := range all {
		if strings.HasPrefix(id, "ConfigMap/auditsidecar-") {
			settings = decode[corev1.ConfigMap](t, text).Data["config.yaml"]
		}
	}
	checkPod(t, decode[appsv1.DaemonSet](t, all["DaemonSet/auditsidecar"]).Spec.Template.Spec)
	checkSettings(t, settings)
	if got := decode[corev1.Namespace](t, all["Namespace/auditsidecar"]).Labels["pod-security.kubernetes.io/enforce"]; got != "privileged" {
		t.Errorf("the namespace enforces %q", got)
	}
}

// Chart, kustomize base and kubeadm patch have the same container, but for the
// files that they mount.
func TestFormsAgree(t *testing.T) {
	chart := decode[appsv1.DaemonSet](t, rendered(t, least)["DaemonSet/auditsidecar"]).Spec.Template.Spec
	kustomize := decode[appsv1.DaemonSet](t, kustomized(t)["DaemonSet/auditsidecar"]).Spec.Template.Spec
	for i := range kustomize.Volumes {
		if c := kustomize.Volumes[i].ConfigMap; c != nil {
			c.Name, _, _ = strings.Cut(c.Name, "-")
		}
	}
	if !reflect.DeepEqual(chart, kustomize) {
		t.Errorf("chart\n%+v\nkustomize\n%+v", chart, kustomize)
	}
	content, err := os.ReadFile(patch)
	if err != nil {
		t.Fatal(err)
	}
	patched := decode[struct {
		Spec struct{ Containers []corev1.Container }
	}](t, strings.Split(string(content), "\n  # Volumes of its own")[0])
	want, got := patched.Spec.Containers[1], chart.Containers[0]
	for _, c := range []*corev1.Container{&want, &got} {
		c.Args, c.Env, c.VolumeMounts = c.Args[:1], nil, nil
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("DaemonSet\n%+v\npatch\n%+v", got, want)
	}
}

// A log of another user, a second log of the same nodes, and SELinux.
func TestChartForLayouts(t *testing.T) {
	text := rendered(t, strings.Replace(least, "}", ", listen: '127.0.0.1:9466'}", 1)+"runAsUser: 65534\nnodeSuffix: -oauth\nsecret: {name: x}\nsigning: {enabled: true}\nseLinuxOptions: {type: spc_t}\n")["DaemonSet/auditsidecar"]
	p := decode[appsv1.DaemonSet](t, text).Spec.Template.Spec
	c := p.Containers[0]
	checkPod(t, p)
	if s := c.SecurityContext; *s.RunAsUser != 65534 || *s.RunAsGroup != 65534 || s.SELinuxOptions.Type != "spc_t" || *p.SecurityContext.FSGroup != 65534 {
		t.Errorf("security context %+v of the container, %+v of the pod", s, p.SecurityContext)
	}
	if c.LivenessProbe.HTTPGet.Port.IntValue() != 9466 {
		t.Errorf("liveness probe %+v", c.LivenessProbe.HTTPGet)
	}
	if c.Env[0].Name != "NODE_NAME" || c.Env[1].Name != "AUDITSIDECAR_NODE" || c.Env[1].Value != "$(NODE_NAME)-oauth" {
		t.Errorf("environment %+v", c.Env)
	}
	// kubelet adds the group's right to read to this mode: 0640, which the sidecar takes from its own group.
	if mode := p.Volumes[2].Secret.DefaultMode; *mode != 0o600 || c.Env[3].Value != "/etc/auditsidecar/secret/$(AUDITSIDECAR_NODE).key" {
		t.Errorf("the Secret's mode is %o, environment %+v", *mode, c.Env)
	}
	text = rendered(t, least+"capabilities: [DAC_OVERRIDE]\n")["DaemonSet/auditsidecar"]
	p = decode[appsv1.DaemonSet](t, text).Spec.Template.Spec
	if s := p.Containers[0].SecurityContext; !slices.Equal(s.Capabilities.Add, []corev1.Capability{"DAC_OVERRIDE"}) || *s.RunAsUser != 0 || p.SecurityContext != nil {
		t.Errorf("security context %+v of the container, %+v of the pod", s, p.SecurityContext)
	}
}
