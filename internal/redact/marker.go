package redact

import (
	"bytes"
	"encoding/hex"
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

// isMarker says whether a value is a marker already. It is left alone then, so
// that a line that was redacted once stays what it is.
func isMarker(value []byte) bool {
	rest, ok := bytes.CutPrefix(value, []byte(markerPrefix))
	if !ok || len(rest) < 2*markerBytes+2 || rest[2*markerBytes] != ':' || len(rest) > 2*markerBytes+1+19 {
		return false
	}
	for _, c := range rest[:2*markerBytes] {
		if c-'0' > 9 && c-'a' > 5 {
			return false
		}
	}
	for _, c := range rest[2*markerBytes+1:] {
		if c-'0' > 9 {
			return false
		}
	}
	return true
}

// beginsWithMarker says whether a marker is at the beginning of a text, with
// anything behind it.
func beginsWithMarker(b []byte) bool {
	end := len(markerPrefix) + 2*markerBytes + 2 // the first digit of the length
	return len(b) >= end && isMarker(b[:end])
}
