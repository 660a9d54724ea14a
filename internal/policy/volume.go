package policy

import (
	"fmt"
	"slices"
)

// stages finds stages that are logged for nothing, or missing.
func stages(p *Policy) (found []Finding) {
	var twice []int
	for i := range p.Rules {
		r := &p.Rules[i]
		if r.Level == None {
			continue
		}
		omitted := slices.Concat(p.OmitStages, r.OmitStages)
		if !slices.Contains(omitted, stageReceived) {
			twice = append(twice, i)
		}
		for _, stage := range []string{stageComplete, stagePanic} {
			if slices.Contains(omitted, stage) {
				found = append(found, p.at(i, "stage-omitted", SeverityWarning, "take "+stage+" out of omitStages",
					"the stage %s is omitted: how these requests ended is not logged", stage))
			}
		}
		if slices.Contains(omitted, stageStarted) && len(p.applied(i, name{"", "pods", "exec"}, []string{"get", "create"})) > 0 {
			found = append(found, p.at(i, "stage-omitted", SeverityInfo, "take ResponseStarted out of omitStages for pods/exec",
				"the stage ResponseStarted is omitted: an exec session is logged only when it ends"))
		}
	}
	if len(twice) > 0 {
		found = append(found, p.whole("request-received", SeverityWarning, "add `omitStages: [RequestReceived]` at the top",
			"%s log each request twice, on arrival and at its end", p.rules(twice)))
	}
	return found
}

// managedFields finds bodies that are logged with managedFields.
func managedFields(p *Policy) []Finding {
	var with []int
	for i := range p.Rules {
		r := &p.Rules[i]
		omit := p.OmitManagedFields
		if r.OmitManagedFields != nil {
			omit = *r.OmitManagedFields
		}
		if r.Level >= Request && !omit {
			with = append(with, i)
		}
	}
	if len(with) == 0 {
		return nil
	}
	return []Finding{p.whole("managed-fields", SeverityWarning, "add `omitManagedFields: true` at the top",
		"%s log bodies with managedFields, often half of their size", p.rules(with))}
}

// noise finds the requests that every cluster has several of a second.
func noise(p *Policy) (found []Finding) {
	node := func(verb string, n name) Query {
		q := ordinary(verb, n)
		q.User = "system:node:" + fresh
		q.Groups = groupsOf(q.User)
		return q
	}
	scheduler := ordinary("update", name{"coordination.k8s.io", "leases", ""})
	scheduler.User, scheduler.Namespace = "system:kube-scheduler", "kube-system"
	proxy := ordinary("watch", name{"discovery.k8s.io", "endpointslices", ""})
	proxy.User, proxy.Namespace = "system:kube-proxy", ""
	for _, n := range []struct {
		what  string
		query Query
	}{
		{"health checks (/livez)", Query{User: "system:anonymous", Groups: groupsOf("system:anonymous"), Verb: "get", Path: "/livez"}},
		{"heartbeats of the nodes (update of leases by system:nodes)", node("update", name{"coordination.k8s.io", "leases", ""})},
		{"leader election (update of leases by system:kube-scheduler)", scheduler},
		{"watches of kube-proxy (endpointslices)", proxy},
		{"events written by the nodes (create of events by system:nodes)", node("create", name{"", "events", ""})},
		{"reads of pods by the nodes", node("get", name{"", "pods", ""})},
	} {
		level, rule := p.Evaluate(n.query)
		if level == None {
			continue
		}
		found = append(found, p.at(rule, "noise", SeverityInfo, "put a rule `level: None` for exactly these requests before it",
			"logs %s", n.what))
	}
	return found
}

// listBodies finds rules that log the answers to reads of anything.
func listBodies(p *Policy) (found []Finding) {
	for i := range p.Rules {
		if p.Rules[i].Level != RequestResponse {
			continue
		}
		s := p.reach(i, &p.Rules[i], target{verbs: []string{"list"}, known: true})
		if s.found && s.query.Path == "" && s.query.Subresource == "" {
			found = append(found, p.at(i, "list-bodies", SeverityWarning,
				"name verbs: create, update, patch, delete, deletecollection",
				"logs the answers to list: one line can have megabytes, which Loki refuses%s", named(s.query)))
		}
	}
	return found
}

func named(q Query) string {
	if q.Resource == fresh || q.Group == fresh {
		return ""
	}
	return fmt.Sprintf(" (%s)", name{q.Group, q.Resource, q.Subresource})
}
