package search

import (
	"bytes"
	"cmp"
	"io"
	"strconv"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

// Form is how lines are shown.
type Form int

// The forms.
const (
	Text  Form = iota // time, user, verb, object, code, address
	Wide              // the same, with URI, audit ID and user agent
	Exact             // the line's own bytes
)

// columns are those that a form shows; nil: all.
func (f Form) columns() []auditline.Field {
	text := []auditline.Field{
		auditline.StageTimestamp, auditline.UserName, auditline.ImpersonatedName, auditline.Verb, auditline.ObjectResource,
		auditline.ObjectSubresource, auditline.ObjectNamespace, auditline.ObjectName, auditline.ResponseCode, auditline.SourceIPs,
	}
	switch f {
	case Text:
		return text
	case Wide:
		return append(text, auditline.RequestURI, auditline.AuditID, auditline.UserAgent)
	}
	return nil
}

// timeLayout has the digits that kube-apiserver writes.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// Append appends a line as text, without a newline. Bytes that a terminal would take for a command
// are escaped.
func (f Form) Append(dst []byte, e *auditline.Event) []byte {
	at := "-"
	if us, ok := e.StageTime(); ok {
		at = time.UnixMicro(us).UTC().Format(timeLayout)
	}
	user := string(e.Text(auditline.UserName))
	if as := e.Text(auditline.ImpersonatedName); len(as) > 0 {
		user += " as " + string(as)
	}
	resource := string(e.Text(auditline.ObjectResource))
	if sub := e.Text(auditline.ObjectSubresource); len(sub) > 0 {
		resource += "/" + string(sub)
	}
	object := string(e.Text(auditline.ObjectName))
	if namespace := e.Text(auditline.ObjectNamespace); len(namespace) > 0 {
		object = string(namespace) + "/" + object
	}
	code := ""
	if n, ok := e.Int(auditline.ResponseCode); ok {
		code = strconv.FormatInt(n, 10)
	}
	fields := []string{at, user, string(e.Text(auditline.Verb)), resource, object, code, string(bytes.Join(e.List(auditline.SourceIPs).Items, []byte(",")))}
	if f == Wide {
		fields = append(fields, string(e.Text(auditline.RequestURI)), string(e.Text(auditline.AuditID)), string(e.Text(auditline.UserAgent)))
	}
	for i, field := range fields {
		if i > 0 {
			dst = append(dst, "  "...)
		}
		dst = append(dst, archive.Printable(cmp.Or(field, "-"))...)
	}
	return dst
}

// Write writes a line of a log file.
func (f Form) Write(w io.Writer, line Line) error {
	out := line.Bytes
	if f != Exact {
		out = f.Append(nil, line.Event)
	}
	_, err := w.Write(append(out[:len(out):len(out)], '\n'))
	return err
}
