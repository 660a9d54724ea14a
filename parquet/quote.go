package parquet

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
// and known to have only valid escapes. What is not UTF-8, and surrogates that
// are no pair, become U+FFFD, as in encoding/json.
func appendUnquoted(dst, s []byte) []byte {
	for len(s) > 0 {
		n := plainRun(s, 0)
		dst = append(dst, s[:n]...)
		s = s[n:]
		if len(s) == 0 {
			break
		}
		switch c := s[0]; {
		case c == '\\':
			dst, n = appendUnescaped(dst, s)
		case c < utf8.RuneSelf:
			dst, n = append(dst, c), 1
		default:
			var r rune
			r, n = utf8.DecodeRune(s)
			dst = utf8.AppendRune(dst, r)
		}
		s = s[n:]
	}
	return dst
}

// appendUnescaped appends the character that the escape sequence at the start
// of s stands for, and returns the length of the sequence (of both, for a pair
// of surrogates).
func appendUnescaped(dst, s []byte) ([]byte, int) {
	switch c := s[1]; c {
	case 'b':
		return append(dst, '\b'), 2
	case 'f':
		return append(dst, '\f'), 2
	case 'n':
		return append(dst, '\n'), 2
	case 'r':
		return append(dst, '\r'), 2
	case 't':
		return append(dst, '\t'), 2
	case 'u':
		r := hexRune(s[2:])
		if r < 0xd800 || r > 0xdfff {
			return utf8.AppendRune(dst, r), 6
		}
		if r < 0xdc00 && len(s) >= 12 && s[6] == '\\' && s[7] == 'u' {
			if low := hexRune(s[8:]); low >= 0xdc00 && low <= 0xdfff {
				return utf8.AppendRune(dst, (r-0xd800)<<10+(low-0xdc00)+0x10000), 12
			}
		}
		return utf8.AppendRune(dst, utf8.RuneError), 6
	default: // quote, backslash, slash
		return append(dst, c), 2
	}
}

// hexRune reads four hexadecimal digits.
func hexRune(s []byte) rune {
	var r rune
	for _, c := range s[:4] {
		switch {
		case c <= '9':
			r = r<<4 + rune(c-'0')
		default:
			r = r<<4 + rune(c|0x20-'a'+10)
		}
	}
	return r
}
