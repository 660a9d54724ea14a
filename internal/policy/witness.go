package policy

import (
	"slices"
	"strings"
)

// fresh is a value that no policy names: no user, verb or resource has a NUL.
const fresh = "\x00any"

const (
	// maxWitnesses bounds the search for a request that reaches a rule.
	maxWitnesses = 50_000
	// maxCompared bounds all searches in a policy: a second or two.
	maxCompared = 5_000_000
)

// target narrows the requests that a rule is asked about.
type target struct {
	verbs    []string // empty: any
	resource *name    // nil: any request
	// known asks for a request with a user. Those that fail to authenticate
	// have none, and no bodies.
	known bool
}

// name is a resource with its API group.
type name struct{ group, resource, subresource string }

func (n name) String() string {
	if n.group == "" {
		return join(n.resource, n.subresource)
	}
	return join(n.resource, n.subresource) + "." + n.group
}

// search is the answer to whether a rule ever applies.
type search struct {
	found   bool
	query   Query // that applies, if found
	takers  []int // the earlier rules that took the others
	given   bool  // there was a request to ask about
	stopped bool  // there were too many to try all
}

// dead says that every request was taken by earlier rules.
func (s search) dead() bool { return s.given && !s.found && !s.stopped }

// reach looks for a request that matches r, standing at index i, and none of the
// rules before it. See the package documentation for why it need not try more.
func (p *Policy) reach(i int, r *Rule, t target) search {
	var s search
	tried := 0
	for _, candidate := range r.resourcesAndPaths(t) {
		for _, subject := range r.subjects(t.known) {
			for _, verb := range r.verbs(t.verbs) {
				tried++
				if p.left -= i + 1; tried > maxWitnesses || p.left < 0 {
					s.stopped = true
					return s
				}
				q := candidate
				q.User, q.Groups, q.Verb = subject.user, subject.groups, verb
				s.given = true
				if !r.matches(&q) {
					continue // "*/*" and the like match nothing
				}
				_, taker := p.Evaluate(q)
				if taker < 0 || taker >= i {
					s.found, s.query = true, q
					return s
				}
				if !slices.Contains(s.takers, taker) {
					s.takers = append(s.takers, taker)
				}
			}
		}
	}
	slices.Sort(s.takers)
	return s
}

// or returns a list, or for an empty one the list all.
func or(list []string, all string) []string {
	if len(list) == 0 {
		return []string{all}
	}
	return list
}

func (r *Rule) verbs(wanted []string) []string {
	switch {
	case len(wanted) == 0:
		return or(r.Verbs, fresh)
	case len(r.Verbs) == 0:
		return wanted
	}
	return slices.DeleteFunc(slices.Clone(r.Verbs), func(v string) bool { return !slices.Contains(wanted, v) })
}

// subject is who sends a request.
type subject struct {
	user   string
	groups []string
}

// subjects returns who must be tried: each user with each group that the rule
// names, with no more groups than such a request cannot be without.
func (r *Rule) subjects(known bool) []subject {
	var all []subject
	for _, u := range or(r.Users, "") {
		for _, g := range or(r.UserGroups, "") {
			s := subject{user: u}
			if u == "" && (g != "" || known) {
				s.user = memberOf(g)
			}
			s.groups = groupsOf(s.user)
			if g != "" && !slices.Contains(s.groups, g) {
				s.groups = append(s.groups, g)
			}
			all = append(all, s)
		}
	}
	return all
}

// memberOf returns a user who is in a group.
func memberOf(group string) string {
	if group == "system:unauthenticated" {
		return "system:anonymous"
	}
	if group == "system:serviceaccounts" {
		return "system:serviceaccount:" + fresh + ":" + fresh
	}
	if namespace, ok := strings.CutPrefix(group, "system:serviceaccounts:"); ok {
		return "system:serviceaccount:" + namespace + ":" + fresh
	}
	return fresh
}

// groupsOf returns the groups that kube-apiserver itself gives a user.
func groupsOf(user string) []string {
	switch user {
	case "":
		return nil
	case "system:anonymous":
		return []string{"system:unauthenticated"}
	}
	groups := []string{"system:authenticated"}
	if rest, ok := strings.CutPrefix(user, "system:serviceaccount:"); ok {
		namespace, _, _ := strings.Cut(rest, ":")
		return append(groups, "system:serviceaccounts", "system:serviceaccounts:"+namespace)
	}
	if strings.HasPrefix(user, "system:node:") {
		return append(groups, "system:nodes")
	}
	if user == "system:apiserver" {
		return append(groups, "system:masters")
	}
	return groups
}

// resourcesAndPaths returns the targets of requests that must be tried.
func (r *Rule) resourcesAndPaths(t target) []Query {
	if len(r.NonResourceURLs) > 0 {
		if t.resource != nil {
			return nil
		}
		return r.paths()
	}
	resources := r.resources(t.resource)
	if len(r.Resources) == 0 && len(r.Namespaces) == 0 && t.resource == nil {
		return append(resources, Query{Path: "/" + fresh})
	}
	if len(r.Namespaces) == 0 {
		return resources
	}
	var all []Query
	for _, q := range resources {
		for _, namespace := range r.Namespaces {
			q.Namespace = namespace
			all = append(all, q)
		}
	}
	return all
}

func (r *Rule) paths() []Query {
	var all []Query
	for _, spec := range r.NonResourceURLs {
		path, wild := strings.CutSuffix(spec, "*")
		switch {
		case spec == "*":
			path = "/" + fresh
		case wild:
			path += fresh
		}
		all = append(all, Query{Path: path})
	}
	return all
}

// resources returns the resources that the rule names, or those of them that are
// the wanted one.
func (r *Rule) resources(wanted *name) []Query {
	if len(r.Resources) == 0 {
		return []Query{resourceQuery(wanted, GroupResources{Group: "*"}, "*", fresh)}
	}
	var all []Query
	for _, g := range r.Resources {
		if wanted != nil && g.Group != wanted.group && g.Group != "*" {
			continue
		}
		for _, spec := range or(g.Resources, "*") {
			if wanted != nil && !matchesName(spec, wanted.resource, wanted.subresource) {
				continue
			}
			for _, n := range or(g.ResourceNames, fresh) {
				all = append(all, resourceQuery(wanted, g, spec, n))
			}
		}
	}
	return all
}

// resourceQuery returns a request for the wanted resource, or for the one that a
// spec leaves most open.
func resourceQuery(wanted *name, g GroupResources, spec, object string) Query {
	q := Query{Group: g.Group, Namespace: fresh, Name: object}
	if wanted != nil {
		q.Group, q.Resource, q.Subresource = wanted.group, wanted.resource, wanted.subresource
		return q
	}
	if q.Group == "*" {
		q.Group = fresh
	}
	resource, sub, _ := strings.Cut(spec, "/")
	if resource == "*" {
		resource = fresh
	}
	if sub == "*" {
		sub = fresh
	}
	q.Resource, q.Subresource = resource, sub
	return q
}
