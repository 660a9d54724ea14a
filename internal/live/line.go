package live

import (
	"errors"
	"io"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/shrink"
	"github.com/auditsidecar/auditsidecar/lokipush"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// transformer makes Loki's form of a line: T(line) = shrink(redact(line)),
// with its timestamp and its metadata. Each is a function of the line and of
// the timestamp before it, so that a line that is sent again is the same entry.
type transformer struct {
	redactor     func(dst, line []byte, e *auditline.Event) ([]byte, bool)
	maxLineBytes int
	open         func(rotate.Line) (io.ReadCloser, error) // a long line
	last         time.Time                                // of the line before

	decoder  auditline.Decoder
	event    auditline.Event
	fields   lokipush.Fields // of event
	redacted []byte          // memory of the last redacted line
	shrunk   []byte          // memory of the last shrunk line
}

// entry is the result for one line. Its memory is the transformer's, valid until
// the next line.
type entry struct {
	at                       time.Time
	text                     []byte
	redacted, shrunk, mended bool // mended: it was not UTF-8
}

// apply transforms one line. It does not take the timestamp as the last one:
// the line may yet have to wait. The error is that of reading a long line once
// more.
func (t *transformer) apply(line rotate.Line) (entry, error) {
	if line.Truncated {
		return t.applyLong(line)
	}
	line = withoutHole(line)
	t.event.Release()
	canonical := t.decoder.Skim(line.Bytes, &t.event)
	line, redacted := t.redact(line, canonical)
	if canonical && !redacted {
		t.fields.Set(&t.event)
	} else {
		t.decode(line.Bytes)
	}
	valid := lokipush.ValidLine(line.Bytes)
	mended := len(valid) != len(line.Bytes)
	line.Bytes, line.Len = valid, line.Len+int64(len(valid)-len(line.Bytes))
	text := t.shrink(line)
	return entry{at: t.stamp(), text: text, redacted: redacted, shrunk: int64(len(text)) != line.Len, mended: mended}, nil
}

// applyLong transforms a line that is not held whole: it is shrunk first, and
// the rest of it is redacted. If it cannot be read any more, its
// beginning has to do.
func (t *transformer) applyLong(line rotate.Line) (entry, error) {
	long := shrink.LongLine{
		Open:  func() (io.ReadCloser, error) { return t.open(line) },
		Size:  line.Len - line.NULs,
		Start: line.Bytes,
	}
	if t.redactor != nil {
		long.Edit = func(dst, line []byte) ([]byte, bool) { return t.redactor(dst, line, nil) }
	}
	text, redacted, err := shrink.Long(long, t.maxLineBytes, t.shrunk)
	_, gone := errors.AsType[*rotate.GoneError](err)
	if gone || errors.Is(err, io.ErrUnexpectedEOF) {
		line, redacted = t.redact(withoutHole(line), false)
		text, err = shrink.Stub(line.Bytes, line.Len, t.shrunk), nil
	}
	if err != nil {
		return entry{}, err
	}
	t.shrunk = text
	t.decode(text) // a stub is no event
	valid := lokipush.ValidLine(text)
	mended := len(valid) != len(text)
	return entry{at: t.stamp(), text: shrink.Line(valid, t.maxLineBytes, nil), redacted: redacted, shrunk: true, mended: mended}, nil
}

// decode reads the fields of a line as it is sent.
func (t *transformer) decode(line []byte) {
	t.event.Release()
	if !t.decoder.Skim(line, &t.event) {
		t.decoder.Line(line, &t.event)
	}
	t.fields.Set(&t.event)
}

// stamp is the line's stageTimestamp, or its predecessor's where it has none.
func (t *transformer) stamp() time.Time {
	if t.fields.StageTimestamp.IsZero() {
		return t.last
	}
	return t.fields.StageTimestamp
}

// redact returns the line as it may leave the node, and whether that is
// another than it was. canonical: the event is that of the line.
func (t *transformer) redact(line rotate.Line, canonical bool) (rotate.Line, bool) {
	if t.redactor == nil {
		return line, false
	}
	if cap(t.redacted) > 2*t.maxLineBytes {
		t.redacted = nil
	}
	event := &t.event
	if !canonical {
		event = nil
	}
	text, changed := t.redactor(t.redacted, line.Bytes, event)
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
