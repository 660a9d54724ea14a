package policy

import (
	"cmp"
	"slices"
)

// Lint reads a policy and returns everything that is wrong with it, in the order
// of its lines.
func Lint(data []byte) []Finding {
	p, findings, usable := Parse(data)
	if !usable {
		return findings
	}
	p.left = maxCompared
	for _, check := range []func(*Policy) []Finding{
		unmatchedNames, deadRules, deadParts, secretValues, noCatchAll, unloggedSubresources,
		stages, managedFields, noise, listBodies, blindDetections, blindQueries,
	} {
		findings = append(findings, check(&p)...)
	}
	if p.left < 0 {
		findings = append(findings, p.whole("too-large", SeverityInfo, "split the rules' lists", "the policy is too large for all of it to be checked"))
	}
	slices.SortStableFunc(findings, func(a, b Finding) int { return cmp.Compare(a.Line, b.Line) })
	return findings
}

// deadRules finds rules that never apply.
func deadRules(p *Policy) (found []Finding) {
	for i := range p.Rules {
		s := p.reach(i, &p.Rules[i], target{})
		if !s.dead() {
			continue
		}
		if len(s.takers) == 0 {
			found = append(found, p.at(i, "dead-rule", SeverityWarning, "correct its resources", "matches no request"))
			continue
		}
		found = append(found, p.at(i, "dead-rule", SeverityWarning,
			"move it up, or remove it: the first rule that matches decides",
			"never applies: every request that it matches is taken by %s before it", p.rules(s.takers)))
	}
	return found
}

// deadParts finds single resources and verbs of living rules that never apply.
func deadParts(p *Policy) (found []Finding) {
	for i := range p.Rules {
		r := &p.Rules[i]
		if p.reach(i, r, target{}).dead() {
			continue
		}
		for _, part := range parts(r) {
			if s := p.reach(i, &part.rule, target{}); s.dead() && len(s.takers) > 0 {
				found = append(found, p.at(i, "dead-part", SeverityWarning,
					"remove it here, or move the rule up",
					"%s never applies: it is taken by %s before it", part.name, p.rules(s.takers)))
			}
		}
	}
	return found
}

// part is a rule narrowed to one of the values that it names.
type part struct {
	name string
	rule Rule
}

func parts(r *Rule) (all []part) {
	narrow := func(name string, to func(*Rule)) {
		p := part{name, *r}
		to(&p.rule)
		all = append(all, p)
	}
	for _, g := range r.Resources {
		for _, resource := range g.Resources {
			narrow("resource "+name{group: g.Group, resource: resource}.String(), func(n *Rule) {
				n.Resources = []GroupResources{{Group: g.Group, Resources: []string{resource}, ResourceNames: g.ResourceNames}}
			})
		}
	}
	for _, verb := range r.Verbs {
		narrow("verb "+verb, func(n *Rule) { n.Verbs = []string{verb} })
	}
	for _, path := range r.NonResourceURLs {
		narrow("path "+path, func(n *Rule) { n.NonResourceURLs = []string{path} })
	}
	return all
}

// noCatchAll finds that some requests match no rule.
func noCatchAll(p *Policy) []Finding {
	const fix = "end the policy with a rule that has nothing but `level: Metadata`"
	for _, q := range []Query{ordinary("get", name{fresh, fresh, ""}), {User: fresh, Groups: groupsOf(fresh), Verb: "get", Path: "/" + fresh}} {
		if _, rule := p.Evaluate(q); rule < 0 {
			return []Finding{p.whole("no-catch-all", SeverityWarning, fix,
				"requests that no rule matches are not logged, and there is no rule for everything else")}
		}
	}
	return nil
}

// ordinary returns a request of an authenticated user whom no rule names, for an
// object in a namespace that no rule names.
func ordinary(verb string, n name) Query {
	return Query{User: fresh, Groups: groupsOf(fresh), Verb: verb,
		Group: n.group, Resource: n.resource, Subresource: n.subresource, Namespace: fresh, Name: fresh}
}
