package advise

import (
	"bytes"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/policy"
)

// sizer says how long the line of an event is.
type sizer struct{ walker auditline.Walker }

// as returns the bytes of an event that is logged at level, at most its own, and without
// managedFields if omit is set.
func (s *sizer) as(e *auditline.Event, line []byte, own, level policy.Level, omit bool) int64 {
	size := int64(len(line)) + 1
	if level < own {
		size -= int64(len(own.String()) - len(level.String()))
	}
	for _, body := range []struct {
		field  auditline.Field
		name   string
		before policy.Level // the least level that logs it
	}{{auditline.RequestObject, `"requestObject":,`, policy.Request}, {auditline.ResponseObject, `"responseObject":,`, policy.RequestResponse}} {
		switch text := e.Text(body.field); {
		case len(text) == 0:
		case level < body.before:
			size -= int64(len(body.name) + len(text))
		case omit:
			size -= s.managedFields(text)
		}
	}
	return size
}

var managedFields = []byte(`"managedFields":`)

// managedFields returns the bytes of a body's managedFields, those of a list's items included.
func (s *sizer) managedFields(body []byte) (n int64) {
	for {
		at := bytes.Index(body, managedFields)
		if at < 0 {
			return n
		}
		value := at + len(managedFields)
		end, ok := s.walker.Value(body, value)
		if !ok {
			return n
		}
		if n += int64(end - at); body[value] == '[' {
			n++ // the comma
		}
		body = body[end:]
	}
}
