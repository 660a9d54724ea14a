package auditline

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// shortEscapes are the characters of the escape sequences of two bytes, by the second.
var shortEscapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// decodeEscape reads the escape sequence (RFC 8259, section 7) at the start of b
// and returns its character and its length: 12 for a pair of surrogates, 0 if it
// is no escape sequence. A surrogate without its partner is U+FFFD, as in
// encoding/json.
func decodeEscape(b []byte) (rune, int) {
	if len(b) < 2 || b[0] != '\\' {
		return 0, 0
	}
	if c := shortEscapes[b[1]]; c != 0 {
		return rune(c), 2
	}
	first, ok := codeUnit(b)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(first) {
		return first, 6
	}
	if second, ok := codeUnit(b[6:]); ok {
		if r := utf16.DecodeRune(first, second); r != utf8.RuneError {
			return r, 12
		}
	}
	return utf8.RuneError, 6
}

// codeUnit reads \uXXXX, a UTF-16 code unit.
func codeUnit(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return rune(n), err == nil
}
