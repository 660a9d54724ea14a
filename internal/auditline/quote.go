package auditline

import (
	"bytes"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendQuoted appends s as encoding/json writes it (with HTML escaping, as
// kube-apiserver does). s must be valid UTF-8.
func appendQuoted(dst, s []byte) []byte {
	dst = append(dst, '"')
	for {
		n := plainRun(s, 0)
		dst = append(dst, s[:n]...)
		if n == len(s) {
			return append(dst, '"')
		}
		s = s[n:]
		dst, n = appendEscaped(dst, s)
		s = s[n:]
	}
}

// appendEscaped appends the first character of s, which isPlain refuses, and
// returns its length in s.
func appendEscaped(dst, s []byte) ([]byte, int) {
	c := s[0]
	if c >= utf8.RuneSelf {
		r, n := utf8.DecodeRune(s)
		if r == '\u2028' || r == '\u2029' {
			return append(dst, '\\', 'u', '2', '0', '2', hexDigits[r&0xf]), n
		}
		return append(dst, s[:n]...), n
	}
	if i := bytes.IndexByte([]byte("\"\\\b\f\n\r\t"), c); i >= 0 {
		return append(dst, '\\', `"\bfnrt`[i]), 1
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf]), 1
}

// AppendUnquoted appends the text of a JSON string, given without its quotes.
// Unpaired surrogates and invalid escapes become U+FFFD.
func AppendUnquoted(dst, s []byte) []byte {
	for {
		n := bytes.IndexByte(s, '\\')
		if n < 0 {
			return append(dst, s...)
		}
		r, size := decodeEscape(s[n:])
		if size == 0 {
			r, size = utf8.RuneError, 1
		}
		dst = utf8.AppendRune(append(dst, s[:n]...), r)
		s = s[n+size:]
	}
}
