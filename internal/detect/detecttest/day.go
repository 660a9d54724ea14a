package detecttest

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Day makes an ordinary day of a cluster of twenty nodes: the requests of its controllers, runners
// and people that any detection could look at, at the rates of their defaults. The
// same seed makes the same day. Of a day that is cut to a length the later requests are left out.
//
// Left out are requests that no detection looks at, however many they are: reads of
// workloads, leases, events, status. Requests that repeat without end and always has the same
// form (scrapes, dry runs of Flux) is there at a part of its rate, which the comment gives.
func Day(seed uint64, start time.Time, length time.Duration) ([][]byte, error) {
	d := &day{rand: rand.New(rand.NewPCG(seed, 22)), start: start, length: length}
	d.gitOps()
	d.certificatesAndSecrets()
	d.network()
	d.policyAndScaling()
	d.backupAndRunners()
	d.nodes()
	d.watches()
	d.people()
	slices.SortStableFunc(d.lines, func(a, b stamped) int { return a.at.Compare(b.at) })
	lines := make([][]byte, len(d.lines))
	for i, l := range d.lines {
		lines[i] = l.line
	}
	return lines, d.err
}

type stamped struct {
	at   time.Time
	line []byte
}

type day struct {
	rand   *rand.Rand
	start  time.Time
	length time.Duration
	lines  []stamped
	err    error
}

// at puts an event at an offset into the day.
func (d *day) at(offset time.Duration, e Event) {
	if offset > d.length {
		return
	}
	at := d.start.Add(offset)
	lines, err := e.Lines(at)
	if err != nil {
		d.err = err
	}
	for i, l := range lines {
		d.lines = append(d.lines, stamped{at.Add(e.Every * time.Duration(i)), l})
	}
}

// spread puts n events anywhere into the day.
func (d *day) spread(n int, e Event) {
	for range n {
		d.at(time.Duration(d.rand.Int64N(int64(24*time.Hour))), e)
	}
}

// work puts n events into the working hours.
func (d *day) work(n int, e Event) {
	for range n {
		d.at(8*time.Hour+time.Duration(d.rand.Int64N(int64(10*time.Hour))), e)
	}
}

// every puts an event into each interval, at a random moment of it.
func (d *day) every(interval time.Duration, e Event) {
	for at := time.Duration(0); at < 24*time.Hour; at += interval {
		d.at(at+time.Duration(d.rand.Int64N(int64(interval))), e)
	}
}

func account(name string) string { return "system:serviceaccount:" + name }

type m = map[string]any

func (d *day) gitOps() {
	flux := account("flux-system:kustomize-controller")
	const dry = "dryRun=All&fieldManager=kustomize-controller&force=true"
	privileged := m{"spec": m{"template": m{"spec": m{"hostNetwork": true, "hostPID": true, "volumes": []m{{"hostPath": m{"path": "/"}}}}}}}
	// 30 Kustomizations each ten minutes; here six.
	for range 6 {
		for _, e := range []Event{
			{Res: "clusterroles", Name: "app", Body: m{"rules": []m{{"verbs": []string{"*"}}}}},
			{Res: "clusterrolebindings", Name: "cluster-reconciler", Body: m{"roleRef": m{"name": "cluster-admin"}}},
			{Res: "rolebindings", NS: "shop", Name: "app", Body: m{"roleRef": m{"name": "edit"}}},
			{Res: "daemonsets", NS: "monitoring", Name: "node-exporter", Body: privileged},
			{Res: "daemonsets", NS: "kube-system", Name: "cilium", Body: privileged},
			{Res: "validatingwebhookconfigurations", Name: "policy", Body: m{"webhooks": []m{}}},
			{Res: "networkpolicies", NS: "shop", Name: "deny"},
			{Res: "namespaces", Name: "shop", Body: m{"metadata": m{"labels": m{"pod-security.kubernetes.io/enforce": "privileged"}}}},
			{Res: "serviceaccounts", NS: "shop", Name: "api", Body: m{"metadata": m{"annotations": m{"eks.amazonaws.com/role-arn": "arn"}}}},
			{Res: "clusterpolicies", Group: "kyverno.io", Name: "require-ro"},
		} {
			e.User, e.Verb, e.Query = flux, "patch", dry
			d.every(10*time.Minute, e)
		}
	}
	argo := account("argocd:argocd-application-controller")
	for _, user := range []string{flux, account("flux-system:helm-controller"), argo} {
		d.work(20, Event{User: user, Verb: "patch", Res: "{deployments,services,configmaps,roles,rolebindings}", NS: "shop", Name: "app"})
		d.work(4, Event{User: user, Verb: "patch", Res: "{clusterroles,clusterrolebindings,customresourcedefinitions,validatingwebhookconfigurations}", Name: "app"})
		d.work(2, Event{User: user, Verb: "patch", Res: "{daemonsets,deployments,configmaps}", NS: "kube-system", Name: "agent", Body: privileged})
		d.work(2, Event{User: user, Verb: "delete", Res: "configmaps", NS: "preview", Name: "c-{i}", Times: 80})
		d.work(2, Event{User: user, Verb: "delete", Res: "{namespaces,networkpolicies}", Name: "preview"})
	}
	d.every(30*time.Minute, Event{User: account("argocd:argocd-server"), Verb: "create", Res: "selfsubjectaccessreviews", Times: 10})
	d.every(10*time.Minute, Event{User: account("flux-system:helm-controller"), Verb: "list", Res: "secrets", NS: "shop", Query: "labelSelector=owner%3Dhelm"})
	d.every(time.Hour, Event{User: account("flux-system:source-controller"), Verb: "create", Res: "serviceaccounts/token", NS: "team-a", Name: "registry"})
	d.every(10*time.Minute, Event{User: flux, Verb: "patch", Res: "deployments", NS: "team-a", Name: "d", As: m{"username": account("team-a:flux")}})
}

func (d *day) certificatesAndSecrets() {
	certManager := account("cert-manager:cert-manager")
	d.spread(100, Event{User: certManager, Verb: "get", Res: "secrets", NS: "shop", Name: "tls-{i}"})
	d.spread(5, Event{User: certManager, Verb: "update", Res: "secrets", NS: "shop", Name: "tls"})
	d.spread(20, Event{User: certManager, Verb: "create", Res: "serviceaccounts/token", NS: "shop", Name: "vault-issuer"})
	d.spread(10, Event{User: account("cert-manager:cert-manager-cainjector"), Verb: "update", Res: "{validatingwebhookconfigurations,mutatingwebhookconfigurations,apiservices,customresourcedefinitions}", Name: "w"})
	external := account("external-secrets:external-secrets")
	// 100 ExternalSecrets each hour.
	d.every(36*time.Second, Event{User: external, Verb: "get", Res: "secrets", NS: "shop", Name: "s"})
	d.every(5*time.Minute, Event{User: external, Verb: "create", Res: "serviceaccounts/token", NS: "payments", Name: "eso"})
	d.spread(50, Event{User: external, Verb: "update", Res: "secrets", NS: "payments", Name: "db"})
	d.every(5*time.Minute, Event{User: account("external-secrets:external-secrets-cert-controller"), Verb: "update", Res: "validatingwebhookconfigurations", Name: "secretstore-validate"})
	d.every(time.Minute, Event{User: account("vault:vault"), Verb: "create", Res: "tokenreviews", Agent: "Go-http-client/2.0"})
	d.every(time.Hour, Event{User: account("vault:vault"), Verb: "create", Res: "serviceaccounts/token", NS: "vault", Name: "vault"})
}

func (d *day) network() {
	for range 20 {
		d.spread(4, Event{User: account("calico-system:calico-node"), Verb: "create", Res: "serviceaccounts/token", NS: "calico-system", Name: "calico-cni-plugin"})
	}
	tigera := account("tigera-operator:tigera-operator")
	d.every(time.Hour, Event{User: tigera, Verb: "update", Res: "{clusterroles,clusterrolebindings}", Name: "calico-node"})
	d.spread(3, Event{User: tigera, Verb: "update", Res: "daemonsets", NS: "calico-system", Name: "calico-node", Body: m{"spec": m{"template": m{"spec": m{"hostNetwork": true}}}}})
	d.work(6, Event{User: account("calico-apiserver:calico-apiserver"), Verb: "update", Res: "globalnetworkpolicies", Group: "crd.projectcalico.org", Name: "p"})
	d.every(time.Hour, Event{User: account("kube-system:cilium-operator"), Verb: "update", Res: "configmaps", NS: "kube-system", Name: "cilium-config"})
	d.every(5*time.Second*60, Event{User: "system:anonymous", Verb: "get", URI: "/readyz?verbose"})
	d.spread(30, Event{User: "system:anonymous", Verb: "get", URI: "/", Code: 403})
	d.spread(10, Event{User: "", Verb: "get", Res: "pods", NS: "shop", Code: 401})
}

func (d *day) policyAndScaling() {
	for _, name := range []string{"admission", "cleanup"} {
		d.every(10*time.Minute, Event{User: account("kyverno:kyverno-" + name + "-controller"), Verb: "update", Res: "{validatingwebhookconfigurations,mutatingwebhookconfigurations}", Name: "kyverno-cfg"})
	}
	reports := account("kyverno:kyverno-reports-controller")
	d.every(15*time.Minute, Event{User: reports, Verb: "delete", Res: "ephemeralreports", Group: "reports.kyverno.io", NS: "shop", Name: "r-{i}", Times: 60})
	d.every(time.Hour, Event{User: reports, Verb: "deletecollection", Res: "ephemeralreports", Group: "reports.kyverno.io", NS: "shop"})
	d.every(time.Minute*2, Event{User: account("gatekeeper-system:gatekeeper-admin"), Verb: "update", Res: "k8srequiredlabels/status", Group: "constraints.gatekeeper.sh", Name: "x"})
	keda := account("keda:keda-operator")
	d.every(20*time.Minute, Event{User: keda, Verb: "update", Res: "deployments/scale", NS: "shop", Name: "worker-{i}", Times: 8, Body: m{"spec": m{"replicas": 0}}})
	d.every(10*time.Minute, Event{User: keda, Verb: "get", Res: "secrets", NS: "shop", Name: "queue"})
	d.spread(4, Event{User: keda, Verb: "update", Res: "validatingwebhookconfigurations", Name: "keda-admission"})
	autoscaler := account("kube-system:cluster-autoscaler")
	d.every(5*time.Minute, Event{User: autoscaler, Verb: "update", Res: "configmaps", NS: "kube-system", Name: "cluster-autoscaler-status"})
	d.spread(8, Event{User: autoscaler, Verb: "create", Res: "pods/eviction", NS: "shop", Name: "p-{i}", Times: 30, Every: time.Second})
	d.spread(8, Event{User: autoscaler, Verb: "delete", Res: "nodes", Name: "n"})
	d.spread(8, Event{User: account("karpenter:karpenter"), Verb: "create", Res: "pods/eviction", NS: "shop", Name: "p-{i}", Times: 40})
}

func (d *day) backupAndRunners() {
	velero := account("velero:velero")
	d.at(2*time.Hour, Event{User: velero, Verb: "list", Res: "{namespaces,nodes,pods,secrets,configmaps,roles,rolebindings,clusterroles,clusterrolebindings,serviceaccounts}"})
	d.at(2*time.Hour, Event{User: velero, Verb: "create", Res: "pods/exec", NS: "shop", Name: "db-{i}", Code: 101, Query: "command=%2Fbin%2Fbash&command=-c", Times: 6})
	d.at(3*time.Hour, Event{User: velero, Verb: "delete", Res: "backups", Group: "velero.io", NS: "velero", Name: "daily"})
	runner := account("gitlab-runner:gitlab-runner")
	d.work(200, Event{User: runner, Verb: "create", Res: "pods", NS: "gitlab-runner", Name: "job", Body: m{"spec": m{"containers": []m{{"securityContext": m{"privileged": true}}}}}})
	d.work(200, Event{User: runner, Verb: "create", Res: "pods/attach", NS: "gitlab-runner", Name: "job", Code: 101})
	d.work(200, Event{User: runner, Verb: "delete", Res: "{pods,secrets,configmaps}", NS: "gitlab-runner", Name: "job"})
	d.work(60, Event{User: account("gitlab-runner:deploy"), Verb: "get", Res: "deployments", NS: "shop", Name: "api", Agent: "kubectl/v1.37.2 (linux/amd64)"})
	// Helm in CI, with an account of its own: twenty deployments a day, three review environments.
	ci := account("ci:deployer")
	d.work(20, Event{User: ci, Verb: "list", Res: "secrets", NS: "shop", Agent: "Helm/3.17.0", Query: "labelSelector=name%3Dapi%2Cowner%3Dhelm"})
	d.work(20, Event{User: ci, Verb: "create", Res: "secrets", NS: "shop", Name: "sh.helm.release.v1.api.v{i}", Agent: "Helm/3.17.0"})
	d.work(20, Event{User: ci, Verb: "patch", Res: "{deployments,services,configmaps}", NS: "shop", Name: "api", Agent: "Helm/3.17.0"})
	for _, name := range []string{"review-101", "review-102", "review-103"} {
		d.work(1, Event{User: ci, Verb: "create", Res: "{serviceaccounts,roles,rolebindings}", NS: name, Name: "app", Agent: "Helm/3.17.0"})
		d.work(1, Event{User: ci, Verb: "delete", Res: "namespaces", Name: name, Agent: "Helm/3.17.0"})
	}
}

func (d *day) nodes() {
	for range 20 {
		d.spread(60, Event{User: "system:node:n1", Verb: "create", Res: "serviceaccounts/token", NS: "shop", Name: "api"})
		d.spread(60, Event{User: "system:node:n1", Verb: "get", Res: "secrets", NS: "shop", Name: "s"})
		d.every(time.Hour, Event{User: account("monitoring:prometheus-k8s"), Verb: "get", Res: "nodes/proxy", Name: "n1", URI: "/api/v1/nodes/n1/proxy/metrics/cadvisor"}) // each 30 s
	}
	for range 8 { // new nodes
		d.spread(1, Event{User: "system:bootstrap:abcdef", Verb: "create", Res: "certificatesigningrequests", Name: "csr"})
		d.spread(1, Event{User: "system:node:n9", Verb: "create", Res: "nodes", Name: "n9"})
		d.spread(1, Event{User: "system:node:n9", Verb: "create", Res: "certificatesigningrequests", Name: "csr"})
		d.spread(1, Event{User: account("kubelet-csr-approver:kubelet-csr-approver"), Verb: "update", Res: "certificatesigningrequests/approval", Name: "csr"})
		d.spread(1, Event{User: account("kube-system:certificate-controller"), Verb: "update", Res: "certificatesigningrequests/approval", Name: "csr"})
	}
	d.every(30*time.Minute, Event{User: account("kube-system:generic-garbage-collector"), Verb: "delete", Res: "pods", NS: "shop", Name: "p-{i}", Times: 60})
	d.spread(4, Event{User: account("kube-system:namespace-controller"), Verb: "deletecollection", Res: "{secrets,configmaps,persistentvolumeclaims,events,roles,networkpolicies,pods}", NS: "review"})
	d.every(3*time.Minute, Event{User: account("monitoring:prometheus-operator"), Verb: "update", Res: "endpoints", NS: "kube-system", Name: "kubelet"})
	d.spread(20, Event{User: account("local-path-storage:local-path-provisioner-service-account"), Verb: "create", Res: "persistentvolumes", Name: "pv", Body: m{"spec": m{"hostPath": m{"path": "/opt/x"}}}})
	d.spread(20, Event{User: account("kube-system:ebs-csi-controller-sa"), Verb: "delete", Res: "persistentvolumes", Name: "pv"})
	d.spread(2, Event{User: "system:apiserver", Verb: "update", Res: "{clusterroles,clusterrolebindings}", Name: "cluster-admin", Body: m{"roleRef": m{"name": "cluster-admin"}}})
}

// watches are opened again every five to ten minutes.
func (d *day) watches() {
	for _, name := range []string{
		"argocd:argocd-application-controller", "cert-manager:cert-manager", "cert-manager:cert-manager-cainjector", "external-secrets:external-secrets",
		"ingress-nginx:ingress-nginx", "kyverno:kyverno-admission-controller", "kyverno:kyverno-background-controller", "monitoring:kube-state-metrics", "keda:keda-operator",
		"monitoring:prometheus-operator", "tigera-operator:tigera-operator", "velero:velero", "flux-system:kustomize-controller", "kube-system:generic-garbage-collector",
		"infra:secret-sync", // this cluster's own
	} {
		d.every(8*time.Minute, Event{User: account(name), Verb: "watch", Res: "secrets", Query: "watch=true"})
	}
	d.every(8*time.Minute, Event{User: account("monitoring:grafana"), Verb: "watch", Res: "configmaps", Agent: "OpenAPI-Generator/31.0.0/python"})
	d.every(10*time.Minute, Event{User: account("reports:nightly"), Verb: "list", Res: "pods", NS: "reports", Agent: "OpenAPI-Generator/31.0.0/python"}) // this cluster's own
}

func (d *day) people() {
	for _, dev := range []string{"ann@example.com", "bob@example.com", "cem@example.com", "dora@example.com"} {
		d.work(10, Event{User: dev, Verb: "list", Res: "{pods,deployments,services,configmaps,events,jobs,ingresses}", NS: "shop"})
		d.work(15, Event{User: dev, Verb: "get", Res: "pods/log", NS: "shop", Name: "api-0"})
		d.work(2, Event{User: dev, Verb: "create", Res: "pods/portforward", NS: "shop", Name: "api-0", Code: 101})
		d.work(1, Event{User: dev, Verb: "patch", Res: "deployments/scale", NS: "shop", Name: "api", Body: m{"spec": m{"replicas": 0}}})
		d.work(2, Event{User: dev, Verb: "get", Res: "secrets", NS: "shop", Name: "api", Code: 403})
		d.work(2, Event{User: dev, Verb: "create", Res: "selfsubjectaccessreviews"})
	}
	const admin = "kubernetes-admin"
	d.work(1, Event{User: "ann@example.com", Verb: "create", Res: "pods/exec", NS: "shop", Name: "api-0", Code: 101, Query: "command=sh&tty=true"})
	d.work(1, Event{User: admin, Verb: "get", Res: "secrets", NS: "shop", Name: "api"})
	d.work(3, Event{User: admin, Verb: "list", Res: "{namespaces,nodes,pods,customresourcedefinitions}"})
	d.work(3, Event{User: admin, Verb: "patch", Res: "daemonsets", NS: "kube-system", Name: "cilium", Query: "dryRun=All", Body: m{"spec": m{"template": m{"spec": m{"hostNetwork": true}}}}})
	d.work(1, Event{User: admin, Verb: "patch", Res: "deployments", NS: "kube-system", Name: "coredns", Body: m{"spec": m{"replicas": 3}}})
	d.work(1, Event{User: admin, Verb: "create", Res: "pods/eviction", NS: "shop", Name: "p-{i}", Times: 25})
	d.work(4, Event{User: admin, Verb: "get", Res: "services/proxy", NS: "monitoring", Name: "prometheus-operated:9090"})
	d.work(1, Event{User: admin, Verb: "create", Res: "rolebindings", NS: "shop", Name: "new", Body: m{"roleRef": m{"name": "view"}}})
}
