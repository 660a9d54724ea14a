package redact

import (
	"encoding/hex"
	"regexp"
	"strconv"
)

const (
	// markerPrefix begins every marker; the hash and the length follow.
	markerPrefix = "redacted:hmac-sha256:"
	// markerBytes of the HMAC are in a marker: enough that no two values of a
	// cluster share one by chance.
	markerBytes = 16
)

// appendMarker appends what stands for a value:
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

var (
	markerForm  = regexp.MustCompile(`^` + markerPrefix + `[0-9a-f]{32}:[0-9]{1,19}$`)
	markerBegin = regexp.MustCompile(`^` + markerPrefix + `[0-9a-f]{32}:[0-9]`)
)

// isMarker says whether a value is a marker already. It is left alone then, so
// that a line that was redacted once stays what it is.
func isMarker(value []byte) bool {
	return hasPrefix(value, markerPrefix) && markerForm.Match(value)
}

// beginsWithMarker says whether a marker is at the beginning of a text, with
// anything behind it.
func beginsWithMarker(b []byte) bool {
	return hasPrefix(b, markerPrefix) && markerBegin.Match(b)
}
