package lokipush

import (
	"bytes"
	"errors"
	"time"
	"unicode/utf8"
)

// ErrMalformed is returned by ParseFields for a line that is not one whole JSON object.
var ErrMalformed = errors.New("parse audit line: not a whole JSON object")

// Fields is the structured metadata of one audit line. A nil or empty value is absent and is left
// out of the entry. The slices alias the parsed line or memory of Fields itself: they are valid
// until the next ParseFields with the same Fields and as long as the line's bytes do not change. What
// ParseFields has filled must be neither changed nor copied: it remembers what need not be looked at
// again.
type Fields struct {
	User        []byte // user.username
	Verb        []byte
	Resource    []byte // objectRef.resource
	Subresource []byte // objectRef.subresource
	Namespace   []byte // objectRef.namespace
	Name        []byte // objectRef.name
	Code        []byte // responseStatus.code, in decimal
	Stage       []byte
	Level       []byte
	AuditID     []byte

	// StageTimestamp is the time of the event, in UTC, zero where the line has none that can be
	// read. It is meant for the entry's timestamp and is no metadata.
	StageTimestamp time.Time

	plain   bool   // all values are short and ASCII
	scratch []byte // unescaped strings; owned by Fields, reused by the next ParseFields
	users   *users // of lines before
	minute  minute // of the line before
}

// maxScratch is the memory for unescaped strings that a Fields keeps from line to line.
const maxScratch = 256 << 10

// ParseFields reads the fields of one audit line (without its newline) in a single pass over the
// top-level object. It allocates nothing for lines whose strings have no escapes, and little
// otherwise. Values that it does not need are skipped, not validated; of a line in the layout of
// kube-apiserver the request and response objects and the annotations are not looked at. Otherwise
// of a duplicate key the last one counts, as in encoding/json; a value of an unexpected type counts
// as absent. All values are valid UTF-8.
//
// For a line that can't be followed to its end it returns ErrMalformed and keeps what it found
// before: such a line is pushed like any other.
func ParseFields(line []byte, fields *Fields) error {
	scratch := fields.scratch[:0]
	if cap(scratch) > maxScratch {
		scratch = nil
	}
	*fields = Fields{scratch: scratch, users: fields.users, minute: fields.minute}
	if fields.readLayout(line) {
		return nil
	}
	*fields = Fields{scratch: fields.scratch[:0], users: fields.users, minute: fields.minute}
	return fields.scan(line)
}

// scan reads a line of any layout.
func (f *Fields) scan(line []byte) error {
	event := openObject(line)
	for m, ok := event.member(); ok; m, ok = event.member() {
		f.set(keyText(m.key), m.value)
	}
	if !event.ended() {
		return ErrMalformed
	}
	return nil
}

// set takes one top-level member of the event.
func (f *Fields) set(key, value []byte) {
	switch string(key) {
	case "level":
		f.Level = f.text(value)
	case "auditID":
		f.AuditID = f.text(value)
	case "stage":
		f.Stage = f.text(value)
	case "verb":
		f.Verb = f.text(value)
	case "user":
		f.setUser(value)
	case "objectRef":
		f.setObject(value)
	case "responseStatus":
		f.setStatus(value)
	case "stageTimestamp":
		f.setTime(value)
	}
}

func (f *Fields) setUser(value []byte) {
	f.User = nil
	user := openObject(value)
	for m, ok := user.member(); ok; m, ok = user.member() {
		if string(keyText(m.key)) == "username" {
			f.User = f.text(m.value)
		}
	}
}

func (f *Fields) setObject(value []byte) {
	f.Resource, f.Subresource, f.Namespace, f.Name = nil, nil, nil, nil
	ref := openObject(value)
	for m, ok := ref.member(); ok; m, ok = ref.member() {
		switch string(keyText(m.key)) {
		case "resource":
			f.Resource = f.text(m.value)
		case "subresource":
			f.Subresource = f.text(m.value)
		case "namespace":
			f.Namespace = f.text(m.value)
		case "name":
			f.Name = f.text(m.value)
		}
	}
}

func (f *Fields) setStatus(value []byte) {
	f.Code = nil
	status := openObject(value)
	for m, ok := status.member(); ok; m, ok = status.member() {
		if string(keyText(m.key)) != "code" {
			continue
		}
		f.Code = nil
		if isInteger(m.value) {
			f.Code = m.value
		}
	}
}

func (f *Fields) setTime(value []byte) {
	f.StageTimestamp = time.Time{}
	var t time.Time
	if t.UnmarshalText(f.text(value)) == nil {
		f.StageTimestamp = t.UTC()
	}
}

// text returns the contents of a JSON string, nil for any other value. It copies only where the
// bytes of the line are not the text itself.
func (f *Fields) text(value []byte) []byte {
	if len(value) < 2 || value[0] != '"' {
		return nil
	}
	raw := value[1 : len(value)-1]
	if bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return raw
	}
	start := len(f.scratch)
	f.scratch, _ = appendUnquoted(f.scratch, raw)
	return f.scratch[start:len(f.scratch):len(f.scratch)]
}

// isInteger reports a plain JSON integer short enough for an HTTP status in any implementation.
func isInteger(value []byte) bool {
	digits := bytes.TrimPrefix(value, []byte("-"))
	if len(digits) == 0 || len(digits) > 10 || digits[0] == '0' && len(digits) > 1 {
		return false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
