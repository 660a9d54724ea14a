package detecttest

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Event describes one request, or several that differ by a number. It has a field
// for everything that a detection can look at, hence more fields than other types.
type Event struct {
	User        string
	Groups      []string // of an impersonated user if there is one
	Verb        string
	Res         string // resource, with its subresource: pods/exec; {a,b}: one request each
	Group       string // API group; without it, that of the resource
	NS, Name    string
	URI, Query  string
	Code        int
	Agent       string
	Decision    string
	Level       string
	Stage       string
	ID          string // audit ID
	Body, Resp  any
	Raw         string // the body as JSON text
	As          any    // impersonatedUser
	RawAs       string
	Annotations map[string]string
	Times       int
	Ago         time.Duration
	Every       time.Duration
}

// Read reads the events of a detection.
func Read(nodes []yaml.Node) ([]Event, error) {
	events := make([]Event, len(nodes))
	for i := range nodes {
		text, err := yaml.Marshal(&nodes[i])
		if err != nil {
			return nil, err
		}
		d := yaml.NewDecoder(strings.NewReader(string(text)))
		d.KnownFields(true)
		if err := d.Decode(&events[i]); err != nil {
			return nil, fmt.Errorf("line %d: %w", nodes[i].Line, err)
		}
	}
	return events, nil
}

// Lines are the lines of the event at a time, in the order of kube-apiserver's fields.
func (e Event) Lines(now time.Time) (lines [][]byte, err error) {
	resources := []string{e.Res}
	if inner, ok := strings.CutPrefix(e.Res, "{"); ok {
		resources = strings.Split(strings.TrimSuffix(inner, "}"), ",")
	}
	for i := range max(e.Times, 1) {
		for j, res := range resources {
			one := e
			one.Res = res
			n := i*len(resources) + j
			line, err := one.line(n, now.Add(-e.Ago).Add(e.Every*time.Duration(n)))
			if err != nil {
				return nil, fmt.Errorf("%s %s by %s: %w", e.Verb, e.Res, e.User, err)
			}
			lines = append(lines, line)
		}
	}
	return lines, nil
}

type user struct {
	Username string   `json:"username,omitempty"`
	Groups   []string `json:"groups,omitempty"`
}

type object struct {
	Resource    string `json:"resource,omitempty"`
	Namespace   string `json:"namespace,omitempty"`
	Name        string `json:"name,omitempty"`
	APIGroup    string `json:"apiGroup,omitempty"`
	APIVersion  string `json:"apiVersion,omitempty"`
	Subresource string `json:"subresource,omitempty"`
}

type status struct {
	Metadata struct{} `json:"metadata"`
	Code     int      `json:"code"`
}

// line is an event with the order of kube-apiserver; fields as it has them.
type line struct {
	Kind             string            `json:"kind"`
	APIVersion       string            `json:"apiVersion"`
	Level            string            `json:"level"`
	AuditID          string            `json:"auditID"`
	Stage            string            `json:"stage"`
	RequestURI       string            `json:"requestURI"`
	Verb             string            `json:"verb"`
	User             user              `json:"user"`
	ImpersonatedUser json.RawMessage   `json:"impersonatedUser,omitempty"`
	SourceIPs        []string          `json:"sourceIPs"`
	UserAgent        string            `json:"userAgent,omitempty"`
	ObjectRef        *object           `json:"objectRef,omitempty"`
	ResponseStatus   status            `json:"responseStatus"`
	RequestObject    json.RawMessage   `json:"requestObject,omitempty"`
	ResponseObject   json.RawMessage   `json:"responseObject,omitempty"`
	RequestReceived  string            `json:"requestReceivedTimestamp"`
	StageTimestamp   string            `json:"stageTimestamp"`
	Annotations      map[string]string `json:"annotations"`
}

const longer = 300_000 // more than a line may have in Loki

func (e Event) line(i int, at time.Time) ([]byte, error) {
	number := func(text string) string {
		text = strings.ReplaceAll(text, "{i}", strconv.Itoa(i))
		if strings.Contains(text, "{long}") { // made for the few that need it
			text = strings.ReplaceAll(text, "{long}", strings.Repeat("x", longer))
		}
		return text
	}
	const stamp = "2006-01-02T15:04:05.000000Z"
	l := line{Kind: "Event", APIVersion: "audit.k8s.io/v1", Level: "Metadata", Stage: "ResponseComplete", Verb: e.Verb, SourceIPs: []string{"10.0.3.17"},
		AuditID: fmt.Sprintf("00000000-0000-4000-8000-%012x", (at.UnixMicro()+int64(i))%(1<<48)), StageTimestamp: at.UTC().Format(stamp), RequestReceived: at.UTC().Format(stamp),
		User: user{number(e.User), groupsOf(number(e.User))}, UserAgent: agentOf(number(e.User)), Annotations: map[string]string{}}
	var err error
	if l.RequestObject, err = body(e.Raw, e.Body, number); err != nil {
		return nil, err
	}
	if l.ResponseObject, err = body("", e.Resp, number); err != nil {
		return nil, err
	}
	if l.ImpersonatedUser, err = body(e.RawAs, e.As, number); err != nil {
		return nil, err
	}
	if len(l.RequestObject) > 0 {
		l.Level = "Request"
	}
	if len(l.ResponseObject) > 0 {
		l.Level = "RequestResponse"
	}
	if len(e.Groups) > 0 {
		l.User.Groups = e.Groups
	}
	for into, value := range map[*string]string{&l.Level: e.Level, &l.Stage: e.Stage, &l.AuditID: e.ID, &l.UserAgent: e.Agent} {
		if value != "" {
			*into = value
		}
	}
	l.ResponseStatus.Code = e.Code
	if e.Code == 0 {
		l.ResponseStatus.Code = 200
		if e.Verb == "create" {
			l.ResponseStatus.Code = 201
		}
	}
	if l.ResponseStatus.Code != 401 {
		l.Annotations["authorization.k8s.io/decision"] = "allow"
		l.Annotations["authorization.k8s.io/reason"] = ""
	}
	if l.ResponseStatus.Code == 403 {
		l.Annotations["authorization.k8s.io/decision"] = "forbid"
	}
	if e.Decision != "" {
		l.Annotations["authorization.k8s.io/decision"] = e.Decision
	}
	for k, v := range e.Annotations {
		l.Annotations[k] = number(v)
	}
	l.ObjectRef, l.RequestURI = e.object(number)
	return marshal(l)
}

func marshal(l line) ([]byte, error) {
	if !strings.Contains(string(l.RequestObject), `\`) {
		return json.Marshal(l)
	}
	// A RawMessage is compacted with HTML escapes; bodies with escapes stay as given.
	given := l.RequestObject
	l.RequestObject = json.RawMessage(`"BODY"`)
	out, err := json.Marshal(l)
	return []byte(strings.Replace(string(out), `"BODY"`, string(given), 1)), err
}

func body(raw string, value any, number func(string) string) (json.RawMessage, error) {
	if raw != "" {
		if raw = number(raw); !json.Valid([]byte(raw)) {
			return nil, fmt.Errorf("not JSON: %s", raw)
		}
		return json.RawMessage(raw), nil
	}
	if value == nil {
		return nil, nil
	}
	text, err := json.Marshal(value)
	return json.RawMessage(number(string(text))), err
}

// object is the object of the request, with its URI.
func (e Event) object(number func(string) string) (*object, string) {
	if e.Res == "" {
		return nil, e.URI
	}
	o := object{Namespace: number(e.NS), Name: number(e.Name), APIGroup: e.Group, APIVersion: "v1"}
	o.Resource, o.Subresource, _ = strings.Cut(e.Res, "/")
	if o.APIGroup == "" {
		o.APIGroup = GroupOf(o.Resource)
	}
	path := "/api/v1"
	if o.APIGroup != "" {
		path = "/apis/" + o.APIGroup + "/v1"
	}
	if o.Namespace != "" {
		path += "/namespaces/" + o.Namespace
	}
	path += "/" + o.Resource
	if o.Name != "" && (e.Verb != "create" || o.Subresource != "") {
		path += "/" + url.PathEscape(o.Name)
	}
	if o.Subresource != "" {
		path += "/" + o.Subresource
	}
	if e.Query != "" {
		path += "?" + e.Query
	}
	if e.URI != "" {
		path = e.URI
	}
	return &o, path
}

func groupsOf(name string) []string {
	account, isAccount := strings.CutPrefix(name, "system:serviceaccount:")
	switch {
	case name == "":
		return nil
	case name == "system:anonymous":
		return []string{"system:unauthenticated"}
	case isAccount:
		namespace, _, _ := strings.Cut(account, ":")
		return []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"}
	case strings.HasPrefix(name, "system:node:"):
		return []string{"system:nodes", "system:authenticated"}
	case name == "system:admin":
		return []string{"system:masters", "system:authenticated"}
	}
	return []string{"system:authenticated"}
}

func agentOf(name string) string {
	program := name[strings.LastIndex(name, ":")+1:]
	switch {
	case strings.HasPrefix(name, "system:node:"):
		program = "kubelet"
	case name == "system:admin" || name == "system:anonymous" || !strings.HasPrefix(name, "system:"):
		program = "kubectl"
	}
	return program + "/v1.37.2 (linux/amd64) kubernetes/a1b2c3d"
}

// GroupOf is the API group of the resources that events name without one.
func GroupOf(resource string) string {
	for group, resources := range map[string][]string{
		"rbac.authorization.k8s.io": {"roles", "rolebindings", "clusterroles", "clusterrolebindings"},
		"apps":                      {"deployments", "daemonsets", "statefulsets", "replicasets", "controllerrevisions"},
		"batch":                     {"jobs", "cronjobs"},
		"networking.k8s.io":         {"ingresses", "networkpolicies", "ingressclasses"},
		"authorization.k8s.io":      {"selfsubjectaccessreviews", "selfsubjectrulesreviews", "subjectaccessreviews"},
		"authentication.k8s.io":     {"tokenreviews"},
		"certificates.k8s.io":       {"certificatesigningrequests"},
		"apiextensions.k8s.io":      {"customresourcedefinitions"},
		"apiregistration.k8s.io":    {"apiservices"},
		"coordination.k8s.io":       {"leases"},
		"discovery.k8s.io":          {"endpointslices"},
		"scheduling.k8s.io":         {"priorityclasses"},
		"policy":                    {"poddisruptionbudgets"},
		"autoscaling":               {"horizontalpodautoscalers"},
		"storage.k8s.io":            {"storageclasses", "volumeattachments", "csinodes"},
		"admissionregistration.k8s.io": {"validatingwebhookconfigurations", "mutatingwebhookconfigurations", "validatingadmissionpolicies",
			"validatingadmissionpolicybindings", "mutatingadmissionpolicies", "mutatingadmissionpolicybindings"},
	} {
		if slices.Contains(resources, resource) {
			return group
		}
	}
	return ""
}
