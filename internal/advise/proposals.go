package advise

import "github.com/auditsidecar/auditsidecar/internal/policy"

// proposal is a rule that saves bytes, as a policy has it.
type proposal struct {
	name, why, yaml string
	loses           string // evidence that no other event has; empty: none
	rule            policy.Policy
}

// components are the users whose work the cluster's own controllers repeat without end.
const components = `users: ["system:apiserver", "system:kube-controller-manager", "system:kube-scheduler", "system:kube-proxy", ` +
	`"system:serviceaccount:kube-system:generic-garbage-collector", "system:serviceaccount:kube-system:namespace-controller", ` +
	`"system:serviceaccount:kube-system:resourcequota-controller", "system:serviceaccount:kube-system:endpointslice-controller"]`

// proposals returns rules about requests that components repeat without end: that they are alive,
// objects that are logged where they are written, questions about a request. The first that matches
// an event has its bytes.
func proposals() []proposal {
	all := []proposal{
		{name: "leases", why: "components renew their leases every few seconds; who took a lease is in the component's own log",
			yaml: `{level: None, userGroups: ["system:nodes", "system:serviceaccounts:kube-system"], verbs: [get, update, patch], resources: [{group: coordination.k8s.io, resources: [leases]}]}`},
		{name: "leases of components", why: "the same, by the components that have users of their own",
			yaml: `{level: None, ` + components + `, verbs: [get, update, patch], resources: [{group: coordination.k8s.io, resources: [leases]}]}`},
		{name: "events", why: "Events are reports of components about objects whose changes are logged",
			yaml: `{level: None, verbs: [create, patch, update], resources: [{group: "", resources: [events]}, {group: events.k8s.io, resources: [events]}]}`},
		{name: "reviews by nodes", why: "kubelets ask who it is and what they may, for each request to them", loses: "the trace of requests to a kubelet itself, around kube-apiserver",
			yaml: `{level: None, userGroups: ["system:nodes"], verbs: [create], resources: [{group: authentication.k8s.io, resources: [tokenreviews]}, {group: authorization.k8s.io, resources: [subjectaccessreviews]}]}`},
		{name: "watches of nodes", why: "kubelets watch and read the objects of their own pods all the time; secrets and tokens stay", loses: "reads by a thief of a kubelet's certificate",
			yaml: `{level: None, userGroups: ["system:nodes"], verbs: [get, list, watch], resources: [{group: "", resources: [nodes, nodes/status, pods, pods/status, services, endpoints]}, {group: storage.k8s.io}, {group: node.k8s.io}, {group: discovery.k8s.io}, {group: resource.k8s.io}]}`},
		{name: "watches of components", why: "components read everything they work on, and their changes are logged; secrets and tokens stay", loses: "watches by a thief of a component's credentials",
			yaml: `{level: None, ` + components + `, verbs: [watch], resources: [{group: "", resources: [nodes, pods, services, endpoints, namespaces, configmaps, persistentvolumes, persistentvolumeclaims, replicationcontrollers, resourcequotas, limitranges]}, {group: apps}, {group: batch}, {group: policy}, {group: storage.k8s.io}, {group: discovery.k8s.io}, {group: coordination.k8s.io}]}`},
		{name: "probes", why: "probes of kube-apiserver, which answer whether it is up",
			yaml: `{level: None, verbs: [get], nonResourceURLs: ["/healthz*", "/livez*", "/readyz*"]}`},
	}
	for i := range all {
		all[i].rule, _, _ = policy.Parse([]byte("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- " + all[i].yaml + "\n"))
	}
	return all
}
