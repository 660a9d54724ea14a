package policy

import "slices"

// API groups.
const (
	rbacGroup         = "rbac.authorization.k8s.io"
	admissionGroup    = "admissionregistration.k8s.io"
	authorizerGroup   = "authorization.k8s.io"
	registrationGroup = "apiregistration.k8s.io"
	certificatesGroup = "certificates.k8s.io"
)

// Verbs, as the audit log names them.
func readVerbs() []string   { return []string{"get", "list", "watch"} }
func bodyVerbs() []string   { return []string{"create", "update", "patch"} }
func deleteVerbs() []string { return []string{"delete", "deletecollection"} }
func writeVerbs() []string  { return append(bodyVerbs(), deleteVerbs()...) }

// Detections returns the shipped alerts with what each looks for.
// A test holds the names against manifests/loki/rules.yaml.
func Detections() []Detection {
	return slices.Concat(accessDetections(), secretDetections(), rbacDetections(), workloadDetections(), clusterDetections())
}

func accessDetections() []Detection {
	anything := slices.Concat(readVerbs(), writeVerbs())
	probes := []string{"selfsubjectaccessreviews", "selfsubjectrulesreviews"}
	return []Detection{
		{"AuditUnauthorizedAccess", []Need{{Verbs: anything, Level: Metadata}}},
		{"AuditAuthenticationFailures", []Need{{Verbs: []string{"get", "list", "create"}, Level: Metadata, By: ByNobody}}},
		{"AuditAnonymousAllowed", []Need{{Verbs: anything, Level: Metadata, By: ByAnonymous}}},
		{"AuditMastersImpersonated", []Need{{Verbs: anything, Level: Metadata}}},
		{"AuditImpersonation", []Need{{Verbs: anything, Level: Metadata}}},
		{"AuditServiceAccountByHand", []Need{{Verbs: anything, Level: Metadata, By: ByServiceAccount}}},
		{"AuditPermissionsProbed", slices.Concat(
			needs(Need{Verbs: []string{"create"}, Group: authorizerGroup, Level: Metadata, By: ByServiceAccount}, probes...),
			needs(Need{Verbs: []string{"create"}, Group: authorizerGroup, Level: Metadata, By: ByAnonymous}, probes...))},
		{"AuditSilent", []Need{{Verbs: readVerbs(), Level: Metadata}}},
		{"AuditClientSetAuditID", []Need{{Verbs: anything, Level: Metadata}}},
		{"AuditRequestObscured", slices.Concat(podBodies(), namespaceBodies(), roleBodies(), bindingBodies())},
	}
}

func secretDetections() []Detection {
	token := Need{Verbs: []string{"create"}, Resource: "serviceaccounts", Subresource: "token", Level: Metadata}
	tokenByAccount := token
	tokenByAccount.By = ByServiceAccount
	return []Detection{
		{"AuditSecretRead", []Need{{Verbs: readVerbs(), Resource: "secrets", Level: Metadata}}},
		{"AuditSecretListClusterWide", []Need{{Verbs: []string{"list", "watch"}, Resource: "secrets", Level: Metadata}}},
		{"AuditSecretEnumeration", []Need{{Verbs: []string{"get"}, Resource: "secrets", Level: Metadata}}},
		{"AuditTokenCreated", []Need{token}},
		{"AuditTokenOfAnotherAccount", []Need{tokenByAccount}},
	}
}

func rbacDetections() []Detection {
	return []Detection{
		{"AuditRBACChanged", needs(Need{Verbs: writeVerbs(), Group: rbacGroup, Level: Metadata}, "roles", "clusterroles", "rolebindings", "clusterrolebindings")},
		{"AuditClusterAdminBound", bindingBodies()},
		{"AuditPowerfulRole", roleBodies()},
		{"AuditAnonymousBound", bindingBodies()},
		{"AuditCertificateApproved", []Need{{Verbs: []string{"update", "patch"}, Group: certificatesGroup, Resource: "certificatesigningrequests", Subresource: "approval", Level: Metadata}}},
	}
}

func roleBodies() []Need {
	return needs(Need{Verbs: bodyVerbs(), Group: rbacGroup, Level: Request}, "roles", "clusterroles")
}

func bindingBodies() []Need {
	return needs(Need{Verbs: bodyVerbs(), Group: rbacGroup, Level: Request}, "rolebindings", "clusterrolebindings")
}

func workloadDetections() []Detection {
	intoPod := func(subresource string) Need {
		return Need{Verbs: []string{"get", "create"}, Resource: "pods", Subresource: subresource, Level: Metadata}
	}
	return []Detection{
		{"AuditExec", []Need{intoPod("exec"), intoPod("attach"), intoPod("portforward")}},
		{"AuditEphemeralContainer", []Need{{Verbs: []string{"update", "patch"}, Resource: "pods", Subresource: "ephemeralcontainers", Level: Metadata}}},
		{"AuditPrivilegedPod", podBodies()},
		{"AuditHostPathPod", podBodies()},
		{"AuditHostNamespacePod", podBodies()},
		{"AuditCronJobByPerson", []Need{{Verbs: bodyVerbs(), Group: "batch", Resource: "cronjobs", Level: Metadata}}},
		{"AuditStaticPodChanged", []Need{{Verbs: []string{"create"}, Resource: "pods", Level: Request, By: ByNode}}},
		{"AuditNodeProxy", []Need{{Verbs: []string{"get", "create"}, Resource: "nodes", Subresource: "proxy", Level: Metadata}}},
	}
}

// podBodies is everything that has the specification of a pod in it.
func podBodies() []Need {
	body := Need{Verbs: bodyVerbs(), Level: Request}
	apps, batch := body, body
	apps.Group, batch.Group = "apps", "batch"
	return slices.Concat(
		needs(body, "pods", "podtemplates", "replicationcontrollers"),
		needs(apps, "daemonsets", "deployments", "replicasets", "statefulsets"),
		needs(batch, "cronjobs", "jobs"))
}

func clusterDetections() []Detection {
	const system = "kube-system"
	return []Detection{
		{"AuditAdmissionChanged", needs(Need{Verbs: writeVerbs(), Group: admissionGroup, Level: Metadata},
			"mutatingwebhookconfigurations", "validatingwebhookconfigurations",
			"mutatingadmissionpolicies", "mutatingadmissionpolicybindings",
			"validatingadmissionpolicies", "validatingadmissionpolicybindings")},
		{"AuditAPIServiceChanged", []Need{{Verbs: writeVerbs(), Group: registrationGroup, Resource: "apiservices", Level: Metadata}}},
		{"AuditKubeSystemChanged", []Need{{Verbs: writeVerbs(), Namespace: system, Level: Metadata}}},
		{"AuditCoreDNSChanged", []Need{{Verbs: writeVerbs(), Resource: "configmaps", Namespace: system, Name: "coredns", Level: Metadata}}},
		{"AuditEventsDeleted", []Need{{Verbs: deleteVerbs(), Resource: "events", Level: Metadata}}},
		{"AuditMassDelete", []Need{{Verbs: deleteVerbs(), Level: Metadata}}},
		{"AuditNamespaceDeleted", []Need{{Verbs: []string{"delete"}, Resource: "namespaces", Level: Metadata}}},
		{"AuditNetworkPolicyDeleted", []Need{{Verbs: deleteVerbs(), Group: "networking.k8s.io", Resource: "networkpolicies", Level: Metadata}}},
		{"AuditPodSecurityLowered", namespaceBodies()},
	}
}

// namespaceBodies is everything that can change the labels of a namespace.
func namespaceBodies() []Need {
	return []Need{
		{Verbs: bodyVerbs(), Resource: "namespaces", Level: Request},
		{Verbs: []string{"update", "patch"}, Resource: "namespaces", Subresource: "status", Level: Request},
		{Verbs: []string{"update"}, Resource: "namespaces", Subresource: "finalize", Level: Request},
	}
}

// needs returns the need once for each of the resources.
func needs(n Need, resources ...string) []Need {
	all := make([]Need, len(resources))
	for i, r := range resources {
		n.Resource = r
		all[i] = n
	}
	return all
}
