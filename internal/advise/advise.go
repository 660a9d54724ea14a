package advise

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/policy"
)

// Advisor adds up the events of a log. Memory is bounded by the number of rules.
type Advisor struct {
	// Candidate, if not nil, is the policy whose log is predicted.
	Candidate *policy.Policy

	policy    *policy.Policy
	sizer     sizer
	rules     []*Rule // of the policy; the last is of events that no rule matches
	proposals []proposal
	saved     []Sum // by proposal
	stages    Sum   // RequestReceived
	fields    int64 // bytes of managedFields
	change    Change
	all       Sum
	unread    Sum
	from      time.Time
	to        time.Time
}

// Sum is a number of events and of their bytes.
type Sum struct {
	Events int64 `json:"events"`
	Bytes  int64 `json:"bytes"`
}

func (s *Sum) add(bytes int64) { s.Events, s.Bytes = s.Events+1, s.Bytes+bytes }

// Rule is a rule of the policy with the events that it logged.
type Rule struct {
	// Rule is the number of the rule, from 1; 0 for events that no rule matches.
	Rule  int    `json:"rule"`
	Line  int    `json:"line"`
	Level string `json:"level"`
	Sum
	// Other is how many of the events were logged at another level.
	Other int64 `json:"other,omitempty"`
	// Users and Resources have the most bytes of the rule.
	Users     []Top `json:"users"`
	Resources []Top `json:"resources"`

	users, resources tops
}

// Change is the difference that a candidate would have made.
type Change struct {
	Before Sum `json:"before"`
	// After is the predicted log.
	After Sum `json:"after"`
	// Dropped are the events that it does not log, Shortened those that it logs at a lower
	// level or without managedFields, with the bytes that they lose.
	Dropped   Sum `json:"dropped"`
	Shortened Sum `json:"shortened"`
	// Raised is how many events it logs at a higher level; by how much they grow is unknown.
	Raised int64 `json:"raised"`
	// Rules are the rules of the candidate.
	Rules []Sum `json:"rules"`
}

// New returns an advisor about a policy.
func New(p *policy.Policy) *Advisor {
	a := &Advisor{policy: p, proposals: proposals()}
	a.saved = make([]Sum, len(a.proposals))
	for i, r := range p.Rules {
		a.rules = append(a.rules, &Rule{Rule: i + 1, Line: r.Line, Level: r.Level.String()})
	}
	a.rules = append(a.rules, &Rule{Level: "no rule matches"})
	return a
}

// Add adds a line of the log.
func (a *Advisor) Add(e *auditline.Event, line []byte, at time.Time) {
	size := int64(len(line)) + 1
	a.all.add(size)
	own, ok := levelOf(e)
	if !ok {
		a.unread.add(size)
		return
	}
	if a.from.IsZero() || at.Before(a.from) {
		a.from = at
	}
	if at.After(a.to) {
		a.to = at
	}
	q := queryOf(e)
	level, index := a.policy.Evaluate(q)
	rule := a.rules[(index+len(a.rules))%len(a.rules)]
	rule.add(size)
	rule.users.add(q.User, size)
	rule.resources.add(resourceOf(&q), size)
	if level != own {
		rule.Other++
	}
	a.propose(e, line, &q, own, size)
	if a.Candidate != nil {
		a.compare(e, line, q, own, size)
	}
}

// propose adds the bytes of an event that the proposals would save.
func (a *Advisor) propose(e *auditline.Event, line []byte, q *policy.Query, own policy.Level, size int64) {
	for i, p := range a.proposals {
		if _, index := p.rule.Evaluate(*q); index == 0 {
			a.saved[i].add(size)
			return
		}
	}
	if string(e.Text(auditline.Stage)) == stageReceived {
		a.stages.add(size)
		return
	}
	a.fields += size - a.sizer.as(e, line, own, own, true)
}

// stageReceived is the stage whose event the one of ResponseStarted or ResponseComplete repeats.
const stageReceived = "RequestReceived"

// compare adds an event to the log of the candidate.
func (a *Advisor) compare(e *auditline.Event, line []byte, q policy.Query, own policy.Level, size int64) {
	c := &a.change
	if c.Rules == nil {
		c.Rules = make([]Sum, len(a.Candidate.Rules)+1)
	}
	c.Before.add(size)
	level, index := a.Candidate.Evaluate(q)
	omit := a.Candidate.OmitManagedFields
	stages := a.Candidate.OmitStages
	if index >= 0 {
		r := &a.Candidate.Rules[index]
		if r.OmitManagedFields != nil {
			omit = *r.OmitManagedFields
		}
		stages = append(slices.Clip(stages), r.OmitStages...)
	}
	if level == policy.None || slices.Contains(stages, string(e.Text(auditline.Stage))) {
		c.Dropped.add(size)
		return
	}
	if level > own {
		c.Raised++
		level = own
	}
	after := a.sizer.as(e, line, own, level, omit)
	if after < size {
		c.Shortened.add(size - after)
	}
	c.After.add(after)
	c.Rules[(index+len(c.Rules))%len(c.Rules)].add(after)
}

func levelOf(e *auditline.Event) (policy.Level, bool) {
	for l := policy.Metadata; l <= policy.RequestResponse; l++ {
		if string(e.Text(auditline.Level)) == l.String() {
			return l, true
		}
	}
	return policy.None, false
}

// queryOf returns the request of an event. The user is the one who was authenticated: the policy
// is asked before impersonation.
func queryOf(e *auditline.Event) policy.Query {
	q := policy.Query{
		User: string(e.Text(auditline.UserName)), Verb: string(e.Text(auditline.Verb)),
		Group: string(e.Text(auditline.ObjectAPIGroup)), Resource: string(e.Text(auditline.ObjectResource)), Subresource: string(e.Text(auditline.ObjectSubresource)),
		Namespace: string(e.Text(auditline.ObjectNamespace)), Name: string(e.Text(auditline.ObjectName)),
	}
	for _, g := range e.List(auditline.UserGroups).Items {
		q.Groups = append(q.Groups, string(g))
	}
	path, _, _ := bytes.Cut(e.Text(auditline.RequestURI), []byte("?"))
	if q.Resource == "" {
		q.Path = string(path)
	}
	if q.Verb == "create" && q.Subresource == "" && !strings.HasSuffix(string(path), "/"+q.Name) {
		q.Name = "" // kube-apiserver took it from the body, after it asked the policy
	}
	return q
}

func resourceOf(q *policy.Query) string {
	if q.Path != "" {
		return q.Verb + " " + firstSegments(q.Path)
	}
	name := q.Resource
	if q.Group != "" {
		name += "." + q.Group
	}
	if q.Subresource != "" {
		name += "/" + q.Subresource
	}
	return q.Verb + " " + name
}

// firstSegments is a path without its names of single objects.
func firstSegments(path string) string {
	parts := strings.SplitN(path, "/", 4)
	if len(parts) > 3 {
		return strings.Join(parts[:3], "/") + "/…"
	}
	return path
}
