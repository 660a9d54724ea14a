package redact

import (
	"bytes"
	"encoding/binary"
	"math/bits"
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
	raw := value[1 : len(value)-1]
	for i := indexSlash(raw); ; i = indexSlash(raw) {
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

// indexSlash returns the place of the first backslash, -1 where there is none.
// In text that has any, such as JSON in a string, the next one is mostly near:
// the first bytes are looked at eight at a time.
func indexSlash(b []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(b) && i < 32; i += 8 {
		x := binary.LittleEndian.Uint64(b[i:]) ^ '\\'*ones
		if hit := (x - ones) &^ x & highs; hit != 0 { // the lowest hit is never a false one
			return i + bits.TrailingZeros64(hit)/8
		}
	}
	n := bytes.IndexByte(b[i:], '\\')
	if n < 0 {
		return -1
	}
	return i + n
}
