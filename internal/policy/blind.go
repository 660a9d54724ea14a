package policy

import (
	"fmt"
	"strings"
)

// Detection is an alert or a query that is shipped, with the events that it needs.
type Detection struct {
	Name  string // the alert's name in manifests/loki/rules.yaml, the query's in manifests/queries
	Needs []Need
}

// Need is a kind of event that a detection looks for.
type Need struct {
	Verbs       []string
	Group       string
	Resource    string // empty: any
	Subresource string
	Namespace   string // empty: any
	Name        string // empty: any
	Level       Level  // the least that the detection can work with
	By          By
}

// By is whose requests a detection looks for.
type By uint8

// Whose requests.
const (
	ByUser           By = iota // an authenticated user whom no rule names
	ByServiceAccount           // a service account in a namespace that no rule names
	ByNode                     // a kubelet
	ByAnonymous                // system:anonymous
	ByNobody                   // requests that fail to authenticate
)

// query returns a request that the detection must see.
func (n Need) query(verb string) Query {
	q := ordinary(verb, name{n.Group, n.Resource, n.Subresource})
	if n.Resource == "" {
		q.Group, q.Resource = fresh, fresh
	}
	if n.Namespace != "" {
		q.Namespace = n.Namespace
	}
	if n.Name != "" {
		q.Name = n.Name
	}
	q.User = map[By]string{
		ByUser: fresh, ByServiceAccount: memberOf("system:serviceaccounts"),
		ByNode: "system:node:" + fresh, ByAnonymous: "system:anonymous",
	}[n.By]
	q.Groups = groupsOf(q.User)
	return q
}

// blindDetections finds the shipped detections that do not get their events.
func blindDetections(p *Policy) []Finding {
	return blind(p, Detections(), "alert", idBlind, SeverityWarning)
}

// blindQueries finds the shipped queries that do not get theirs.
func blindQueries(p *Policy) []Finding {
	return blind(p, queries(), "query", idBlindQuery, SeverityInfo)
}

func blind(p *Policy, all []Detection, kind, id string, severity Severity) (found []Finding) {
	for _, d := range all {
		var missing []string
		seen, least := false, None
		for _, n := range d.Needs {
			verbs := n.unseen(p)
			seen = seen || len(verbs) < len(n.Verbs)
			if len(verbs) > 0 {
				missing = append(missing, fmt.Sprintf("%s of %s", strings.Join(verbs, "/"), n.what()))
				least = max(least, n.Level)
			}
		}
		if len(missing) == 0 {
			continue
		}
		how := "blind"
		if seen {
			how = "partly blind"
		}
		found = append(found, p.whole(id, severity, "log these requests at level "+least.String()+" or more",
			"the %s %s is %s: too little is logged about %s", kind, d.Name, how, strings.Join(missing, ", ")))
	}
	return found
}

// unseen returns the verbs of which the policy logs less than is needed.
func (n Need) unseen(p *Policy) (verbs []string) {
	for _, verb := range n.Verbs {
		if level, _ := p.Evaluate(n.query(verb)); level < n.Level {
			verbs = append(verbs, verb)
		}
	}
	return verbs
}

// what returns the name of the requests in a finding.
func (n Need) what() string {
	what := "anything"
	if n.Resource != "" {
		what = name{n.Group, n.Resource, n.Subresource}.String()
	}
	if n.Namespace != "" {
		what += " in " + n.Namespace
	}
	return what + map[By]string{
		ByServiceAccount: " by service accounts", ByNode: " by kubelets",
		ByAnonymous: " by system:anonymous", ByNobody: " without valid credentials",
	}[n.By]
}
