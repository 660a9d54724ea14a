package detect

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Event is an audit event, as far as detections look at it.
type Event struct {
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

// ParseEvent reads a line of the audit log. A line that is no event has nothing but
// its text.
func ParseEvent(line []byte) (Event, error) {
	var e struct {
		Event
		ImpersonatedUser Account
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return Event{line: string(line)}, fmt.Errorf("read an audit event: %w", err)
	}
	e.Impersonated, e.line = e.ImpersonatedUser, string(line)
	return e.Event, nil
}

func (e *Event) code() string {
	if e.ResponseStatus == nil {
		return ""
	}
	return strconv.Itoa(e.ResponseStatus.Code)
}

// own relates a service account to the object of its request.
func (e *Event) own() string {
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
func (e *Event) bodyKind() string {
	var body struct{ Kind string }
	if json.Unmarshal(e.RequestObject, &body) != nil {
		return ""
	}
	return body.Kind
}

// bodies are both bodies with the names that they have in the line.
func (e *Event) bodies() string {
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
func (e *Event) asGroups() string {
	text, err := json.Marshal(e.Impersonated.Groups)
	if err != nil || len(e.Impersonated.Groups) == 0 {
		return ""
	}
	return string(text)
}
