package live

import (
	"errors"
	"io"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/shrink"
	"github.com/auditsidecar/auditsidecar/lokipush"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// transformer makes of a line what Loki is to get: T(line) = shrink(redact(line)),
// with its timestamp and its metadata. Each is a function of the line and of
// the timestamp before it, so that a line that is sent again is the same entry.
type transformer struct {
	redactor     func(dst, line []byte) ([]byte, bool)
	maxLineBytes int
	open         func(rotate.Line) (io.ReadCloser, error) // a long line
	last         time.Time                                // of the line before

	fields   lokipush.Fields
	redacted []byte // memory of the last redacted line
	shrunk   []byte // memory of the last shrunk line
}

// entry is what one line becomes. Its memory is the transformer's, valid until
// the next line.
type entry struct {
	at               time.Time
	text             []byte
	redacted, shrunk bool
}

// apply transforms one line. It does not take the timestamp as the last one:
// the line may yet have to wait. The error is that of reading a long line once
// more.
func (t *transformer) apply(line rotate.Line) (entry, error) {
	if line.Truncated {
		return t.applyLong(line)
	}
	line, redacted := t.redact(withoutHole(line))
	_ = lokipush.ParseFields(line.Bytes, &t.fields) // a malformed line is streamed like any other, with what was found
	text := t.shrink(line)
	return entry{at: t.stamp(), text: text, redacted: redacted, shrunk: int64(len(text)) != line.Len}, nil
}

// applyLong transforms a line that is not held whole: it is shrunk first, and
// what is left of it is redacted. Where it cannot be read any more, its
// beginning has to do.
func (t *transformer) applyLong(line rotate.Line) (entry, error) {
	long := shrink.LongLine{
		Open:  func() (io.ReadCloser, error) { return t.open(line) },
		Size:  line.Len - line.NULs,
		Start: line.Bytes,
		Edit:  t.redactor,
	}
	text, redacted, err := shrink.Long(long, t.maxLineBytes, t.shrunk)
	_, gone := errors.AsType[*rotate.GoneError](err)
	if gone || errors.Is(err, io.ErrUnexpectedEOF) {
		line, redacted = t.redact(withoutHole(line))
		text, err = shrink.Stub(line.Bytes, line.Len, t.shrunk), nil
	}
	if err != nil {
		return entry{}, err
	}
	t.shrunk = text
	if _ = lokipush.ParseFields(text, &t.fields); t.fields.StageTimestamp.IsZero() {
		// A stub has no fields; what its line begins with has.
		start, _ := t.redact(line)
		_ = lokipush.ParseFields(start.Bytes, &t.fields)
	}
	return entry{at: t.stamp(), text: text, redacted: redacted, shrunk: true}, nil
}

// stamp is the line's stageTimestamp, or its predecessor's where it has none.
func (t *transformer) stamp() time.Time {
	if t.fields.StageTimestamp.IsZero() {
		return t.last
	}
	return t.fields.StageTimestamp
}

// redact returns the line as it may leave the node, and whether that is
// another than it was.
func (t *transformer) redact(line rotate.Line) (rotate.Line, bool) {
	if t.redactor == nil {
		return line, false
	}
	if cap(t.redacted) > 2*t.maxLineBytes {
		t.redacted = nil
	}
	text, changed := t.redactor(t.redacted, line.Bytes)
	if !changed {
		return line, false
	}
	t.redacted = text
	line.Len += int64(len(text) - len(line.Bytes))
	line.Bytes = text
	return line, true
}

// shrink returns the line as Loki takes it.
func (t *transformer) shrink(line rotate.Line) []byte {
	if !line.Truncated && len(line.Bytes) <= t.maxLineBytes {
		return line.Bytes
	}
	if cap(t.shrunk) > 2*t.maxLineBytes {
		t.shrunk = nil
	}
	if line.Truncated {
		t.shrunk = shrink.Stub(line.Bytes, line.Len, t.shrunk)
	} else {
		t.shrunk = shrink.Line(line.Bytes, t.maxLineBytes, t.shrunk)
	}
	return t.shrunk
}
