package policy

import (
	"slices"
	"strings"
)

// Evaluate returns the level at which a request is logged and the index of the
// rule that says so: the first one that matches, -1 where none does and nothing
// is logged.
func (p *Policy) Evaluate(q Query) (Level, int) {
	for i := range p.Rules {
		if p.Rules[i].matches(&q) {
			return p.Rules[i].Level, i
		}
	}
	return None, -1
}

// matches is ruleMatches of kube-apiserver.
func (r *Rule) matches(q *Query) bool {
	switch {
	case len(r.Users) > 0 && !slices.Contains(r.Users, q.User):
		return false
	case len(r.UserGroups) > 0 && !slices.ContainsFunc(q.Groups, func(g string) bool { return slices.Contains(r.UserGroups, g) }):
		return false
	case len(r.Verbs) > 0 && !slices.Contains(r.Verbs, q.Verb):
		return false
	case len(r.Namespaces) > 0 || len(r.Resources) > 0:
		return q.Path == "" && r.matchesResource(q)
	case len(r.NonResourceURLs) > 0:
		return q.Path != "" && slices.ContainsFunc(r.NonResourceURLs, func(spec string) bool { return matchesPath(spec, q.Path) })
	}
	return true
}

func (r *Rule) matchesResource(q *Query) bool {
	if len(r.Namespaces) > 0 && !slices.Contains(r.Namespaces, q.Namespace) {
		return false
	}
	return len(r.Resources) == 0 || slices.ContainsFunc(r.Resources, func(g GroupResources) bool { return g.matches(q) })
}

func (g *GroupResources) matches(q *Query) bool {
	if g.Group != q.Group && g.Group != "*" {
		return false
	}
	if len(g.Resources) == 0 {
		return true
	}
	if len(g.ResourceNames) > 0 && !slices.Contains(g.ResourceNames, q.Name) {
		return false
	}
	return slices.ContainsFunc(g.Resources, func(spec string) bool { return matchesName(spec, q.Resource, q.Subresource) })
}

// matchesName matches a resource, with its subresource if there is one, against
// the form in a policy. "pods/*" has pods themselves, too.
func matchesName(spec, resource, subresource string) bool {
	if spec == "*" || spec == join(resource, subresource) {
		return true
	}
	if sub, ok := strings.CutPrefix(spec, "*/"); ok && subresource != "" && sub == subresource {
		return true
	}
	whole, ok := strings.CutSuffix(spec, "/*")
	return ok && whole == resource
}

// join returns the name that a policy has for a resource: "pods/exec".
func join(resource, subresource string) string {
	if subresource == "" {
		return resource
	}
	return resource + "/" + subresource
}

// matchesPath matches a path: exactly, or up to a "*" at the end.
func matchesPath(spec, path string) bool {
	return spec == "*" || spec == path ||
		strings.HasSuffix(spec, "*") && strings.HasPrefix(path, strings.TrimRight(spec, "*"))
}
