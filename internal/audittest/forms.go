package audittest

import "strings"

// Form is a line in a form that kube-apiserver's log backend does not write.
type Form struct {
	Name string
	Line string
	IDs  []string // the auditIDs of its events; nil: it has none
	// Secret must not leave the node; empty: it has no secret.
	Secret string
}

const (
	formEvent = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"ID","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/a/secrets","verb":"create","user":{"username":"kubernetes-admin","groups":["system:masters"]},"sourceIPs":["192.168.229.157"],"userAgent":"kubectl","objectRef":{"resource":"secrets","namespace":"a","name":"s","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":201},"requestObject":{"kind":"Secret","apiVersion":"v1","data":{"password":"c2VudGluZWw="}},"requestReceivedTimestamp":"2021-02-10T00:28:46.451356Z","stageTimestamp":"2021-02-10T00:28:46.451356Z"}`
	// formItem is how an item of an EventList is written, formCore an event of the core group.
	formItem   = `{"level":"Metadata","auditID":"ID","stage":"ResponseComplete","requestURI":"/api/v1/pods","verb":"list","user":{"username":"u"},"objectRef":{"resource":"pods","apiVersion":"v1"},"requestReceivedTimestamp":"2021-02-10T00:28:46.451356Z","stageTimestamp":"2021-02-10T00:28:46.451356Z"}`
	formCore   = `{"kind":"Event","apiVersion":"v1","metadata":{"name":"p.1","namespace":"d"},"involvedObject":{"kind":"Pod","name":"p"},"reason":"Killing","message":"sentinel"}`
	formBeta   = `{"kind":"Event","apiVersion":"audit.k8s.io/v1beta1","metadata":{"creationTimestamp":"2018-10-26T13:38:34Z"},"level":"Metadata","timestamp":"2018-10-26T13:38:33Z","auditID":"ID","stage":"ResponseComplete","requestURI":"/api","verb":"get","user":{"username":"u"}}`
	formNoVers = `{"annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":""},"auditID":"ID","kind":"Event","level":"Request","metadata":{"creationTimestamp":"2018-10-26T13:38:34Z"},"objectRef":{"apiVersion":"v1","name":"nginx-7998647bdf-phvq7","namespace":"default","resource":"pods","subresource":"exec"},"requestReceivedTimestamp":"2018-10-26T13:38:34.867116Z","requestURI":"/api/v1/namespaces/default/pods/nginx-7998647bdf-phvq7/exec?command=bash&container=nginx1&stdin=true","responseStatus":{"code":101,"metadata":{}},"sourceIPs":["192.168.99.1"],"stage":"ResponseStarted","stageTimestamp":"2018-10-26T13:38:34.902914Z","timestamp":"2018-10-26T13:38:34Z","user":{"groups":["system:masters","system:authenticated"],"username":"minikube-user"},"verb":"create"}`
)

// Forms returns lines as other programs and older versions write them, and lines that only look like
// events. Archive and stream agree on the events in each.
func Forms() []Form {
	const secret = "c2VudGluZWw="
	of := func(text, id string) string { return strings.Replace(text, `"ID"`, `"`+id+`"`, 1) }
	a, b, item := of(formEvent, "a"), of(formEvent, "b"), of(formItem, "i")
	list := func(kind, items string) string {
		return `{"kind":"` + kind + `","apiVersion":"audit.k8s.io/v1","metadata":{"x":"c2VudGluZWw="},"items":[` + items + `]}`
	}
	return []Form{
		{Name: "first line of an array", Line: "[" + a + ",", IDs: []string{"a"}, Secret: secret},
		{Name: "middle line of an array", Line: a + ",", IDs: []string{"a"}, Secret: secret},
		{Name: "last line of an array", Line: a + "]", IDs: []string{"a"}, Secret: secret},
		{Name: "line of an indented array", Line: "  " + a + " ,\r", IDs: []string{"a"}, Secret: secret},
		{Name: "comma before the event", Line: "," + a, IDs: []string{"a"}, Secret: secret},
		{Name: "array", Line: "[" + a + ", " + b + "]", IDs: []string{"a", "b"}, Secret: secret},
		{Name: "array with another object", Line: `[{"x":"c2VudGluZWw="},` + a + `]`, IDs: []string{"a"}, Secret: secret},
		{Name: "array with a string", Line: `[` + a + `,"c2VudGluZWw="]`, Secret: secret},
		{Name: "array with another Event", Line: "[" + formCore + "," + a + "]", IDs: []string{"a"}, Secret: "sentinel"},
		{Name: "two events", Line: a + "," + b, IDs: []string{"a", "b"}, Secret: secret},
		{Name: "EventList", Line: list("EventList", a+","+b), IDs: []string{"a", "b"}, Secret: secret},
		{Name: "EventList of a webhook", Line: list("EventList", item+","+of(formItem, "j")), IDs: []string{"i", "j"}, Secret: secret},
		{Name: "EventList with a secret beside", Line: `{"kind":{"x":"c2VudGluZWw="},` + list("EventList", a)[1:], IDs: []string{"a"}, Secret: secret},
		{Name: "EventList in an EventList", Line: list("EventList", list("EventList", a)), Secret: secret},
		{Name: "list of another kind", Line: list("PodList", a), Secret: secret},
		{Name: "item of an EventList", Line: item, IDs: []string{"i"}},
		{Name: "line of items", Line: "[" + item + ",", IDs: []string{"i"}},
		{Name: "no apiVersion", Line: of(formNoVers, "a"), IDs: []string{"a"}},
		{Name: "empty apiVersion", Line: strings.Replace(a, `"audit.k8s.io/v1"`, `""`, 1), IDs: []string{"a"}, Secret: secret},
		{Name: "v1beta1", Line: of(formBeta, "a"), IDs: []string{"a"}},
		{Name: "byte order mark", Line: "\ufeff" + a, IDs: []string{"a"}, Secret: secret},
		{Name: "byte order mark and array", Line: "\ufeff[" + a + ",", IDs: []string{"a"}, Secret: secret},
		{Name: "CRLF", Line: a + "\r", IDs: []string{"a"}, Secret: secret},
		{Name: "leading spaces", Line: " \t" + a + " ", IDs: []string{"a"}, Secret: secret},
		{Name: "spaces inside", Line: strings.ReplaceAll(a, `":`, `" : `), IDs: []string{"a"}, Secret: secret},
		{Name: "empty object", Line: "{}"},
		{Name: "empty array", Line: "[]"},
		{Name: "bracket", Line: "["},
		{Name: "end of an array", Line: "],"},
		{Name: "event without an ID", Line: strings.Replace(a, `,"auditID":"a"`, "", 1), IDs: []string{""}, Secret: secret},
		{Name: "neither apiVersion nor ID", Line: `{"kind":"Event","level":"Metadata","x":"c2VudGluZWw="}`, Secret: secret},
		{Name: "core Event", Line: formCore, Secret: "sentinel"},
		{Name: "events.k8s.io Event", Line: strings.Replace(formCore, `"v1"`, `"events.k8s.io/v1"`, 1), Secret: "sentinel"},
		{Name: "Event of another group with an ID", Line: strings.Replace(a, "audit.k8s.io/v1", "example.org/v1", 1), Secret: secret},
		{Name: "another kind with an ID", Line: strings.Replace(a, `"Event"`, `"Policy"`, 1), Secret: secret},
		{Name: "event in a body that is cut", Line: `a","requestObject":{"items":[` + a + `,`, Secret: secret},
	}
}
