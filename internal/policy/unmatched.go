package policy

import (
	"slices"
	"strings"
)

// unmatchedNames finds names that no request can have. kube-apiserver compares users,
// groups, namespaces, verbs and names of objects exactly, and resources as the API
// names them; it accepts anything and ignores names that never match.
func unmatchedNames(p *Policy) (found []Finding) {
	for i := range p.Rules {
		r := &p.Rules[i]
		report := func(fix, message string, args ...any) {
			found = append(found, p.at(i, "never-matches", SeverityWarning, fix, message, args...))
		}
		exact(report, "users", r.Users, "name each user, or use userGroups: system:serviceaccounts:NAMESPACE, system:nodes")
		exact(report, "userGroups", r.UserGroups, "name each group")
		exact(report, "namespaces", r.Namespaces, "name each namespace")
		for _, ns := range r.Namespaces {
			if ns != strings.ToLower(ns) {
				report("write "+strings.ToLower(ns), "namespaces: %q matches nothing: names of namespaces are lower case", ns)
			}
		}
		for _, user := range r.Users {
			if account, ok := strings.CutPrefix(user, "system:serviceaccount:"); ok && strings.Count(account, ":") != 1 {
				report("write system:serviceaccount:NAMESPACE:NAME", "users: %q matches nothing: a service account has a namespace and a name", user)
			}
		}
		matchableVerbs(report, r)
		for _, g := range r.Resources {
			exact(report, "resourceNames", g.ResourceNames, "name each object")
			matchableResources(report, g)
		}
	}
	return found
}

// reporter reports one name of a rule.
type reporter func(fix, message string, args ...any)

// exact reports values with a "*", which stands for nothing but itself there.
func exact(report reporter, field string, values []string, fix string) {
	for _, v := range values {
		if strings.Contains(v, "*") {
			report(fix, "%s: %q matches nothing: %s are compared exactly, * has no meaning", field, v, field)
		}
	}
}

func matchableVerbs(report reporter, r *Rule) {
	known := append(readVerbs(), writeVerbs()...)
	if len(r.Resources) == 0 && len(r.Namespaces) == 0 { // paths have the methods of HTTP
		known = append(known, "head", "options", "post", "put")
	}
	for _, verb := range r.Verbs {
		switch lower := strings.ToLower(verb); {
		case slices.Contains(known, verb):
		case strings.Contains(verb, "*"):
			report("leave verbs out: the rule is about all of them then", "verbs: %q matches nothing: verbs are compared exactly", verb)
		case slices.Contains(known, lower):
			report("write "+lower, "verbs: %q matches nothing: verbs are lower case", verb)
		default:
			report("write "+strings.Join(known, ", "), "verbs: %q matches nothing: no request has this verb", verb)
		}
	}
}

func matchableResources(report reporter, g GroupResources) {
	switch g.Group {
	case "core", "v1":
		report(`write group: ""`, "group %q matches nothing: the core group has the empty name", g.Group)
	}
	for _, spec := range g.Resources {
		resource, sub, _ := strings.Cut(spec, "/")
		plural, group, known := builtIn(resource)
		switch {
		case spec != strings.ToLower(spec):
			report("write "+strings.TrimSuffix(plural+"/"+strings.ToLower(sub), "/"), "resources: %q matches nothing: resources are lower case and plural, this is a kind", spec)
		case !known || g.Group == "*":
		case resource != plural:
			report("write "+plural, "resources: %q matches nothing: resources are plural", spec)
		case g.Group == "" && group != "":
			report("write group: "+group, "resources: %q matches nothing in the core group: it is in %s", spec, group)
		}
	}
}

// builtIn finds a resource of Kubernetes by its name, its kind or its short name, with
// a group that has it. A name that no table has is taken for the plural of its kind.
func builtIn(name string) (plural, group string, known bool) {
	lower := strings.ToLower(name)
	for group, resources := range builtIns() {
		for _, r := range resources {
			all := strings.Fields(r) // plural, singular, short names
			if slices.Contains(all, lower) {
				return all[0], group, true
			}
		}
	}
	return strings.TrimSuffix(lower, "s") + "s", "", false
}

// builtIns are resources that policies name: plural, singular, short names. Events are
// in two groups, so they are left out.
func builtIns() map[string][]string {
	return map[string][]string{
		"": {"pods pod po", "services service svc", "secrets secret", "configmaps configmap cm", "namespaces namespace ns", "nodes node no",
			"serviceaccounts serviceaccount sa", "persistentvolumes persistentvolume pv", "persistentvolumeclaims persistentvolumeclaim pvc",
			"endpoints endpoint ep", "replicationcontrollers replicationcontroller rc", "resourcequotas resourcequota quota",
			"limitranges limitrange limits", "podtemplates podtemplate"},
		"apps":  {"deployments deployment deploy", "daemonsets daemonset ds", "statefulsets statefulset sts", "replicasets replicaset rs"},
		"batch": {"jobs job", "cronjobs cronjob cj"},
		"rbac.authorization.k8s.io": {"roles role", "rolebindings rolebinding", "clusterroles clusterrole",
			"clusterrolebindings clusterrolebinding"},
		"networking.k8s.io":    {"ingresses ingress ing", "networkpolicies networkpolicy netpol"},
		"coordination.k8s.io":  {"leases lease"},
		"discovery.k8s.io":     {"endpointslices endpointslice"},
		"certificates.k8s.io":  {"certificatesigningrequests certificatesigningrequest csr"},
		"apiextensions.k8s.io": {"customresourcedefinitions customresourcedefinition crd crds"},
		"admissionregistration.k8s.io": {"validatingwebhookconfigurations validatingwebhookconfiguration",
			"mutatingwebhookconfigurations mutatingwebhookconfiguration"},
		"authentication.k8s.io": {"tokenreviews tokenreview"},
		"authorization.k8s.io":  {"subjectaccessreviews subjectaccessreview", "selfsubjectaccessreviews selfsubjectaccessreview"},
	}
}

// Verbs, as the audit log names them.
func readVerbs() []string { return []string{"get", "list", "watch"} }
func writeVerbs() []string {
	return []string{"create", "update", "patch", "delete", "deletecollection"}
}
