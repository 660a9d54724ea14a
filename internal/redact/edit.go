package redact

import (
	"bytes"
	"encoding/hex"
	"hash"
	"regexp"
	"strconv"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

// edit makes of a line, or of a part of it, one in which values are replaced.
type edit struct {
	b        []byte // the line, or its part that is looked at
	out      []byte // the result so far, in the caller's memory
	from     int    // bytes of b before it are in out, as they are or replaced
	replaced int    // values

	mac       hash.Hash
	sum, text []byte // memory for an HMAC and for unescaped text
}

// begin begins the edit of a line, made in dst[:0].
func (e *edit) begin(line, dst []byte) { e.b, e.out, e.from, e.replaced = line, dst[:0], 0, 0 }

// end returns the result, the line itself if nothing was replaced.
func (e *edit) end() (out []byte, changed bool) {
	out = e.b
	if e.replaced > 0 {
		out = append(e.out, e.b[e.from:]...)
	}
	e.b, e.out = nil, nil
	return out, e.replaced > 0
}

// leaves replaces every string, number and boolean of the value at i, and
// returns where it ends. Keys, null and empty values stay.
func (e *edit) leaves(i int) int {
	if c := at(e.b, i); c == '{' || c == '[' {
		return children(e.b, i, func(_ []byte, value int) int { return e.leaves(value) })
	}
	end := skip(e.b, i)
	switch value := e.b[i:end]; {
	case string(value) == "null", string(value) == `""`:
	case value[0] == '"' && isMarker(value[1:len(value)-1]):
	default:
		e.replace(i, end)
	}
	return end
}

// single replaces the value at i by one marker, names included, and returns where it ends. Null stays.
func (e *edit) single(i int) int {
	if c := at(e.b, i); c != '{' && c != '[' {
		return e.leaves(i)
	}
	end := skip(e.b, i)
	e.replace(i, end)
	return end
}

// replace puts a marker, as a JSON string, in place of the value b[from:to].
func (e *edit) replace(from, to int) {
	e.copyTo(from)
	e.out = append(e.out, '"')
	value := e.b[from:to]
	isText := value[0] == '"'
	if isText {
		value = value[1 : len(value)-1]
	}
	if isText && bytes.IndexByte(value, '\\') >= 0 {
		e.text = auditline.AppendUnquoted(auditline.Emptied(e.text, keepBuffer), value)
		value = e.text
	}
	e.out = append(e.appendMarker(e.out, value), '"')
	e.from = to
}

// replaceBare puts a marker in place of the text b[from:to].
func (e *edit) replaceBare(from, to int) {
	if from == to || isMarker(e.b[from:to]) {
		return
	}
	e.copyTo(from)
	e.out = e.appendMarker(e.out, e.b[from:to])
	e.from = to
}

// copyTo takes over the line as it is, up to a position.
func (e *edit) copyTo(end int) {
	if e.out == nil {
		e.out = make([]byte, 0, len(e.b)+len(e.b)/8+64)
	}
	e.out = append(e.out, e.b[e.from:end]...)
	e.from = end
	e.replaced++
}

const (
	// markerPrefix begins every marker; the hash and the length follow.
	markerPrefix = "redacted:hmac-sha256:"
	// markerBytes of the HMAC are in a marker: enough that no two values of a
	// cluster share one by chance.
	markerBytes = 16
)

// appendMarker appends the marker of a value:
//
//	redacted:hmac-sha256:<32 hex digits>:<length in bytes>
//
// It needs no escapes, be it in JSON or in a URI.
func (e *edit) appendMarker(dst, value []byte) []byte {
	e.mac.Reset()
	_, _ = e.mac.Write(value) // never fails (hash.Hash)
	e.sum = e.mac.Sum(e.sum[:0])
	return appendSum(dst, e.sum, int64(len(value)))
}

// appendSum appends the marker of a value with this HMAC and length.
func appendSum(dst, sum []byte, length int64) []byte {
	dst = append(dst, markerPrefix...)
	dst = hex.AppendEncode(dst, sum[:markerBytes])
	return strconv.AppendInt(append(dst, ':'), length, 10)
}

var markerForm = regexp.MustCompile(`^` + markerPrefix + `[0-9a-f]{32}:[0-9]{1,19}$`)

// isMarker says whether a value is a marker already. It is left alone then, so
// that a line that was redacted once stays as it is.
func isMarker(value []byte) bool {
	return hasPrefix(value, markerPrefix) && markerForm.Match(value)
}
