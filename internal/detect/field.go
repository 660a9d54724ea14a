package detect

import (
	"slices"
	"strings"
)

// field is a field of an event that a condition can test.
type field struct {
	name   string // in a condition
	label  string // in LogQL
	path   string // in the line if LogQL must parse it, else it is structured metadata
	column string // of the view audit
}

// The fields whose value is computed from others.
const (
	fieldOwn  = "own"  // "account": a service account about itself; "namespace": about its namespace
	fieldBody = "body" // bodies as the line has them; searched, not matched as a whole
	fieldFind = "find" // any part of the line; for LogQL alone, to skip lines fast
	fieldStub = "stub" // any part of the line; lines of which Loki has only a stub
)

// fieldOrder has every name that a condition can have.
var fieldOrder = []string{"verb", "resource", "subresource", "group", "code", "namespace", "name", "stage", "user", "audit_id", fieldOwn,
	"uri", "agent", "decision", "as", "as_groups", "options", fieldFind, fieldStub, fieldBody}

// fields are those with a value, in the order in which LogQL tests them.
func fields() []field {
	return []field{
		{"resource", "resource", "", "object_resource"},
		{"subresource", "subresource", "", "object_subresource"},
		{"group", "api_group", "", "object_api_group"},
		{"verb", "verb", "", "verb"},
		{"code", "code", "", "CAST(response_code AS varchar)"},
		{"namespace", "namespace", "", "object_namespace"},
		{"name", "name", "", "object_name"},
		{"stage", "stage", "", "stage"},
		{"user", "user", "", "user_name"},
		{"audit_id", "audit_id", "", "audit_id"},
		{fieldOwn, "own", "", sqlOwn},
		{"uri", "uri", `requestURI`, "request_uri"},
		{"agent", "agent", `userAgent`, "user_agent"},
		{"decision", "decision", `annotations[\"authorization.k8s.io/decision\"]`, "authorization_decision"},
		{"as", "as", `impersonatedUser.username`, "impersonated_user_name"},
		{"as_groups", "as_groups", `impersonatedUser.groups`, "impersonated_user_groups"},
		{"options", "options", `requestObject.kind`, sqlOptions},
	}
}

// fieldNamed returns a field by its name in a condition.
func fieldNamed(name string) (field, bool) {
	all := fields()
	i := slices.IndexFunc(all, func(f field) bool { return f.name == name })
	if i < 0 {
		return field{}, false
	}
	return all[i], true
}

// parsed reports whether LogQL reads the field out of the line.
func (f field) parsed() bool { return f.path != "" }

// GroupsOf are the API groups of the resources that detections name; "" is the core group.
func GroupsOf(resource string) []string {
	switch resource {
	case "events":
		return []string{"", "events.k8s.io"}
	case "ingresses", "networkpolicies":
		return []string{"networking.k8s.io"}
	case "roles", "rolebindings", "clusterroles", "clusterrolebindings":
		return []string{"rbac.authorization.k8s.io"}
	case "deployments", "daemonsets", "statefulsets", "replicasets":
		return []string{"apps"}
	case "jobs", "cronjobs":
		return []string{"batch"}
	case "customresourcedefinitions":
		return []string{"apiextensions.k8s.io"}
	case "apiservices":
		return []string{"apiregistration.k8s.io"}
	case "certificatesigningrequests":
		return []string{"certificates.k8s.io"}
	case "selfsubjectaccessreviews", "selfsubjectrulesreviews":
		return []string{"authorization.k8s.io"}
	case "priorityclasses":
		return []string{"scheduling.k8s.io"}
	}
	if strings.HasSuffix(resource, "webhookconfigurations") || strings.Contains(resource, "admissionpolic") {
		return []string{"admissionregistration.k8s.io"}
	}
	return []string{""}
}

// groupPattern is the test of the API group of some resources: without it, roles of
// a cloud's IAM would be taken for those of RBAC.
func groupPattern(resources []string) string {
	var groups []string
	for _, r := range resources {
		for _, g := range GroupsOf(r) {
			if !slices.Contains(groups, g) {
				groups = append(groups, g)
			}
		}
	}
	slices.Sort(groups)
	named := slices.DeleteFunc(slices.Clone(groups), func(g string) bool { return g == "" })
	if len(named) == 0 {
		return ""
	}
	// A line that names no group counts: the core group has no such resource.
	return "(" + strings.ReplaceAll(strings.Join(named, "|"), ".", "[.]") + ")?"
}
