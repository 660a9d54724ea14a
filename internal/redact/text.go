package redact

import (
	"bytes"
	"unicode/utf8"

	"github.com/auditsidecar/auditsidecar/internal/jsonescape"
)

// text returns what a JSON string says, given with its quotes; of any other
// value, its own bytes.
func text(value []byte) []byte { return appendText(nil, value) }

// appendText is text, made in dst where it is not in the value as it stands.
func appendText(dst, value []byte) []byte {
	if len(value) < 2 || value[0] != '"' {
		return value
	}
	return unescaped(dst, value[1:len(value)-1])
}

// unescaped is appendText for a string given without its quotes.
func unescaped(dst, raw []byte) []byte {
	for i := bytes.IndexByte(raw, '\\'); ; i = bytes.IndexByte(raw, '\\') {
		if i < 0 && len(dst) == 0 {
			return raw
		}
		if i < 0 || i+1 == len(raw) {
			return append(dst, raw...)
		}
		dst = append(dst, raw[:i]...)
		r, n := jsonescape.Decode(raw[i:])
		if n == 0 { // no JSON
			r, n = utf8.RuneError, 2
		}
		dst, raw = utf8.AppendRune(dst, r), raw[i+n:]
	}
}
