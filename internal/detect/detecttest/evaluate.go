package detecttest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/detect"
)

// matches reports whether an event counts for a detection: a condition holds and no
// exception and no entry of the allow list does.
func matches(d *detect.Detection, e *Logged, allow detect.Allow) bool {
	all := func(c detect.Condition) bool { return holds(c, e) }
	return slices.ContainsFunc(d.When, all) && !slices.ContainsFunc(d.Except, all) && !slices.ContainsFunc(allow.Conditions(d.Alert), all)
}

// holds tests the cheap fields first.
func holds(c detect.Condition, e *Logged) bool {
	tested := 0
	for _, name := range fieldOrder {
		p, ok := c[name]
		if !ok {
			continue
		}
		if !p.Holds(e.value(name)) {
			return false
		}
		if tested++; tested == len(c) {
			return true
		}
	}
	return tested == len(c) // a name that is not in fieldOrder is never tested
}

// fieldOrder has every name that a condition can have.
var fieldOrder = []string{"verb", "resource", "subresource", "group", "code", "namespace", "name", "stage", "user", "audit_id", "own",
	"uri", "agent", "decision", "as", "as_groups", "options", "find", "stub", "body"}

// labels are the values by which a detection groups, joined.
func labels(names []string, e *Logged) string {
	values := make([]string, len(names))
	for i, name := range names {
		values[i] = e.value(name)
	}
	return strings.Join(values, "\x00")
}

// Activations counts how often alerts of a detection begin to fire over events that
// are in the order of their time. An alert fires while enough events are within the
// window.
func Activations(d *detect.Detection, events []Logged, allow detect.Allow) int {
	groups := make(map[string][]*Logged)
	for i := range events {
		if e := &events[i]; matches(d, e, allow) {
			key := labels(d.By, e)
			groups[key] = append(groups[key], e)
		}
	}
	n := 0
	for _, group := range groups {
		n += activations(d, group)
	}
	return n
}

// activations counts those of one set of labels.
func activations(d *detect.Detection, events []*Logged) (n int) {
	window := time.Duration(d.Window)
	in := make(map[string]int) // in the window, by the counted value
	first, total := 0, 0
	var until time.Time
	for i, e := range events {
		for ; events[first].StageTimestamp.Add(window).Before(e.StageTimestamp); first++ {
			key := labels(d.Distinct, events[first])
			if in[key]--; in[key] == 0 {
				delete(in, key)
			}
			total--
		}
		in[labels(d.Distinct, events[i])]++
		total++
		count := total
		if len(d.Distinct) > 0 {
			count = len(in)
		}
		if count <= d.Above {
			continue
		}
		if n == 0 || e.StageTimestamp.After(until) {
			n++
		}
		until = e.StageTimestamp.Add(window)
	}
	return n
}

// Logged is an audit event of a log, as far as detections look at it.
type Logged struct {
	// Its fields are those of audit.k8s.io/v1.
	Level, AuditID, Stage, RequestURI, Verb, UserAgent string
	User, Impersonated                                 Account
	ObjectRef                                          struct{ Resource, Namespace, Name, APIGroup, Subresource string }
	ResponseStatus                                     *struct{ Code int }
	RequestObject, ResponseObject                      json.RawMessage
	StageTimestamp                                     time.Time
	Annotations                                        map[string]string

	line string
}

// Account is who asked.
type Account struct {
	Username string
	Groups   []string
}

// Parse reads a line of the audit log. A line that is no event has nothing but
// its text.
func Parse(line []byte) (Logged, error) {
	var e struct {
		Logged
		ImpersonatedUser Account
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return Logged{line: string(line)}, fmt.Errorf("read an audit event: %w", err)
	}
	e.Impersonated, e.line = e.ImpersonatedUser, string(line)
	return e.Logged, nil
}

func (e *Logged) code() string {
	if e.ResponseStatus == nil {
		return ""
	}
	return strconv.Itoa(e.ResponseStatus.Code)
}

// own relates a service account to the object of its request.
func (e *Logged) own() string {
	namespace := "system:serviceaccount:" + e.ObjectRef.Namespace + ":"
	switch {
	case e.ObjectRef.Namespace == "":
		return ""
	case e.User.Username == namespace+e.ObjectRef.Name:
		return "account"
	case strings.HasPrefix(e.User.Username, namespace):
		return "namespace"
	}
	return ""
}

// bodyKind is the kind of the object in the request's body.
func (e *Logged) bodyKind() string {
	var body struct{ Kind string }
	if json.Unmarshal(e.RequestObject, &body) != nil {
		return ""
	}
	return body.Kind
}

// bodies are both bodies with the names that they have in the line.
func (e *Logged) bodies() string {
	var all string
	if len(e.RequestObject) > 0 {
		all = `"requestObject":` + string(e.RequestObject)
	}
	if len(e.ResponseObject) > 0 {
		all += `,"responseObject":` + string(e.ResponseObject)
	}
	return all
}

// asGroups are the groups of an impersonated user, as the line has them.
func (e *Logged) asGroups() string {
	text, err := json.Marshal(e.Impersonated.Groups)
	if err != nil || len(e.Impersonated.Groups) == 0 {
		return ""
	}
	return string(text)
}

// value is a field of the event by its name in a condition.
func (e *Logged) value(name string) string {
	switch name {
	case "resource":
		return e.ObjectRef.Resource
	case "subresource":
		return e.ObjectRef.Subresource
	case "group":
		return e.ObjectRef.APIGroup
	case "verb":
		return e.Verb
	case "code":
		return e.code()
	case "namespace":
		return e.ObjectRef.Namespace
	case "name":
		return e.ObjectRef.Name
	case "stage":
		return e.Stage
	case "user":
		return e.User.Username
	case "audit_id":
		return e.AuditID
	case "own":
		return e.own()
	case "uri":
		return e.RequestURI
	case "agent":
		return e.UserAgent
	case "decision":
		return e.Annotations["authorization.k8s.io/decision"]
	case "as":
		return e.Impersonated.Username
	case "as_groups":
		return e.asGroups()
	case "options":
		return e.bodyKind()
	case "body":
		return e.bodies()
	}
	return e.line // find and stub
}
