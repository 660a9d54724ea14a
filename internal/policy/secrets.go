package policy

import (
	"strings"
)

// sensitive is a resource whose bodies have a value that must not be logged.
type sensitive struct {
	name     name
	what     string
	severity Severity
	request  []string // verbs whose request has it
	response []string // verbs whose answer has it
}

func sensitives() []sensitive {
	writes := []string{"create", "update", "patch"}
	// An answer to delete can be the object, to deletecollection it is the list.
	reads := []string{"get", "list", "create", "update", "patch", "delete", "deletecollection"}
	return []sensitive{
		{name{"", "secrets", ""}, "the values of secrets", SeverityError, writes, reads},
		{name{"", "serviceaccounts", "token"}, "tokens of service accounts", SeverityError, nil, []string{"create"}},
		{name{"authentication.k8s.io", "tokenreviews", ""}, "the tokens that are reviewed", SeverityError, []string{"create"}, []string{"create"}},
		{name{"", "configmaps", ""}, "the contents of configmaps, where passwords end up, too", SeverityWarning, writes, reads},
	}
}

// secretValues finds rules that log values that must not be in a log.
func secretValues(p *Policy) (found []Finding) {
	for i := range p.Rules {
		for _, s := range sensitives() {
			verbs := s.request
			if p.Rules[i].Level == RequestResponse {
				verbs = s.response
			}
			if p.Rules[i].Level < Request || len(verbs) == 0 {
				continue
			}
			leaking := p.applied(i, s.name, verbs)
			if len(leaking) == 0 {
				continue
			}
			found = append(found, p.at(i, idSecrets, s.severity,
				"put a rule `level: Metadata` for "+s.name.String()+" before it",
				"level %s logs %s (%s of %s)", p.Rules[i].Level, s.what, strings.Join(leaking, ", "), s.name))
		}
	}
	return found
}

// applied returns the verbs for which rule i decides about some request of a
// known user for the resource.
func (p *Policy) applied(i int, n name, verbs []string) (all []string) {
	for _, v := range verbs {
		if p.reach(i, &p.Rules[i], target{verbs: []string{v}, resource: &n, known: true}).found {
			all = append(all, v)
		}
	}
	return all
}

// intrusive are the subresources that go into containers and nodes, or make a
// token. kubectl exec and its kin are "create" by SPDY and "get" by websocket.
func intrusive() []Need {
	both := []string{"get", "create"}
	return []Need{
		{Verbs: both, Resource: "pods", Subresource: "exec", Level: Metadata},
		{Verbs: both, Resource: "pods", Subresource: "attach", Level: Metadata},
		{Verbs: both, Resource: "pods", Subresource: "portforward", Level: Metadata},
		{Verbs: both, Resource: "pods", Subresource: "proxy", Level: Metadata},
		{Verbs: []string{"patch", "update"}, Resource: "pods", Subresource: "ephemeralcontainers", Level: Metadata},
		{Verbs: []string{"create"}, Resource: "pods", Subresource: "eviction", Level: Metadata},
		{Verbs: both, Resource: "services", Subresource: "proxy", Level: Metadata},
		{Verbs: both, Resource: "nodes", Subresource: "proxy", Level: Metadata},
		{Verbs: []string{"create"}, Resource: "serviceaccounts", Subresource: "token", Level: Metadata},
	}
}

// unloggedSubresources finds those of them that are not logged: a rule for pods
// does not match pods/exec.
func unloggedSubresources(p *Policy) []Finding {
	var missing, names []string
	for _, n := range intrusive() {
		if verbs := n.unseen(p); len(verbs) > 0 {
			missing = append(missing, strings.Join(verbs, "/")+" of "+n.what())
			names = append(names, n.what())
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return []Finding{p.whole("unlogged-subresource", SeverityWarning,
		"name "+strings.Join(names, ", ")+" in a rule of level Metadata: a rule for pods does not match pods/exec",
		"not logged: %s", strings.Join(missing, ", "))}
}
