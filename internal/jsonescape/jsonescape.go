// Package jsonescape reads the escape sequences of JSON strings (RFC 8259,
// section 7). It is one place for what the scanner of parquet, the fields of
// lokipush and the rules of redact must all understand alike.
package jsonescape

import (
	"unicode/utf16"
	"unicode/utf8"
)

// Decode reads the escape sequence at the start of raw and returns its
// character and its length: 12 for a pair of surrogates, 0 for what is no escape
// sequence. A surrogate without its partner is U+FFFD, as in encoding/json.
func Decode(raw []byte) (rune, int) {
	if len(raw) < 2 || raw[0] != '\\' {
		return 0, 0
	}
	switch c := raw[1]; c {
	case '"', '\\', '/':
		return rune(c), 2
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
	first, ok := codeUnit(raw)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(first) {
		return first, 6
	}
	if second, ok := codeUnit(raw[6:]); ok {
		if r := utf16.DecodeRune(first, second); r != utf8.RuneError {
			return r, 12
		}
	}
	return utf8.RuneError, 6
}

// codeUnit reads \uXXXX, a UTF-16 code unit.
func codeUnit(raw []byte) (rune, bool) {
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
