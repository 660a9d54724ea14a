package lokipush

import (
	"strconv"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

// Fields is the structured metadata of one audit line. A nil or empty value is absent and is left
// out of the entry. The slices are valid as long as the event that they were set from; Fields must
// not be copied.
type Fields struct {
	User        []byte // user.username
	Verb        []byte
	Group       []byte // objectRef.apiGroup
	Resource    []byte // objectRef.resource
	Subresource []byte // objectRef.subresource
	Namespace   []byte // objectRef.namespace
	Name        []byte // objectRef.name
	Code        []byte // responseStatus.code, in decimal
	Stage       []byte
	Level       []byte
	AuditID     []byte

	// StageTimestamp is the time of the event, in UTC, zero if the line has none. It is meant for the
	// entry's timestamp and is no metadata.
	StageTimestamp time.Time

	valid bool     // all values are UTF-8
	code  [20]byte // memory of Code
}

// Set takes the fields of an event. A line that is no event has none.
func (f *Fields) Set(e *auditline.Event) {
	f.User, f.Verb = e.Text(auditline.UserName), e.Text(auditline.Verb)
	f.Group, f.Resource, f.Subresource = e.Text(auditline.ObjectAPIGroup), e.Text(auditline.ObjectResource), e.Text(auditline.ObjectSubresource)
	f.Namespace, f.Name = e.Text(auditline.ObjectNamespace), e.Text(auditline.ObjectName)
	f.Stage, f.Level, f.AuditID = e.Text(auditline.Stage), e.Text(auditline.Level), e.Text(auditline.AuditID)
	f.valid, f.Code = true, nil
	if code, ok := e.Int(auditline.ResponseCode); ok {
		f.Code = strconv.AppendInt(f.code[:0], code, 10)
	}
	f.StageTimestamp = time.Time{}
	if us, ok := e.StageTime(); ok {
		f.StageTimestamp = time.UnixMicro(us).UTC()
	}
}
