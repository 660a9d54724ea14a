package auditline

import "unicode/utf8"

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
	switch c {
	case '"', '\\':
		return append(dst, '\\', c), 1
	case '\b':
		return append(dst, '\\', 'b'), 1
	case '\f':
		return append(dst, '\\', 'f'), 1
	case '\n':
		return append(dst, '\\', 'n'), 1
	case '\r':
		return append(dst, '\\', 'r'), 1
	case '\t':
		return append(dst, '\\', 't'), 1
	default:
		return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf]), 1
	}
}

// appendUnquoted appends the text of a JSON string, given without its quotes
// whose escapes are valid, or else are U+FFFD. What is not UTF-8, and surrogates
// that are no pair, become U+FFFD, as in encoding/json.
func appendUnquoted(dst, s []byte) []byte {
	for len(s) > 0 {
		n := plainRun(s, 0)
		dst = append(dst, s[:n]...)
		s = s[n:]
		if len(s) == 0 {
			break
		}
		var r rune
		switch c := s[0]; {
		case c == '\\':
			if r, n = decodeEscape(s); n == 0 {
				r, n = utf8.RuneError, 1
			}
		case c < utf8.RuneSelf:
			r, n = rune(c), 1
		default:
			r, n = utf8.DecodeRune(s)
		}
		dst = utf8.AppendRune(dst, r)
		s = s[n:]
	}
	return dst
}

// writeQuoted is quoted where there is an output: it holds nothing that is long,
// unless it has escapes.
func (b *Rebuilder) writeQuoted(v []byte) {
	if len(v) > directly && plainRun(v, 0) == len(v) {
		b.lit(`"`)
		b.raw(v)
		b.lit(`"`)
		return
	}
	if b.dst = appendQuoted(b.dst, v); len(b.dst) > directly {
		b.flush()
	}
}
