package lokipush

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// keyText returns the key with its escapes resolved. kube-apiserver never escapes a key, so the
// copy is made for foreign lines only.
func keyText(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw
	}
	text, _ := appendUnquoted(nil, raw)
	return text
}

// appendUnquoted appends what the JSON string with these contents stands for, always valid UTF-8:
// invalid bytes and lone surrogates become U+FFFD, as in encoding/json. It returns false, with what
// it had until then, at an escape that JSON does not know.
func appendUnquoted(dst, raw []byte) ([]byte, bool) {
	for len(raw) > 0 {
		if raw[0] != '\\' {
			r, n := utf8.DecodeRune(raw)
			dst, raw = utf8.AppendRune(dst, r), raw[n:]
			continue
		}
		r, n := unescape(raw)
		if n == 0 {
			return dst, false
		}
		dst, raw = utf8.AppendRune(dst, r), raw[n:]
	}
	return dst, true
}

// unescape reads the escape at the start of raw and returns the rune and the bytes consumed, 0 for
// a malformed one.
func unescape(raw []byte) (rune, int) {
	if len(raw) < 2 {
		return 0, 0
	}
	switch raw[1] {
	case '"', '\\', '/':
		return rune(raw[1]), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	}
	high, ok := hexEscape(raw)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(high) {
		return high, 6
	}
	if low, ok := hexEscape(raw[6:]); ok {
		if r := utf16.DecodeRune(high, low); r != utf8.RuneError {
			return r, 12
		}
	}
	return utf8.RuneError, 6
}

// hexEscape reads \uXXXX.
func hexEscape(raw []byte) (rune, bool) {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range raw[2:6] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
