package redact

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
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
		var n int
		dst, n = appendEscape(dst, raw[i:])
		raw = raw[i+n:]
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

// appendEscape appends what the escape sequence at the start of raw stands for
// and returns its length. A surrogate without its partner is U+FFFD, as
// encoding/json has it.
func appendEscape(dst, raw []byte) ([]byte, int) {
	switch c := raw[1]; c {
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
		first := codeUnit(raw)
		if !utf16.IsSurrogate(first) {
			return utf8.AppendRune(dst, first), min(6, len(raw))
		}
		if r := utf16.DecodeRune(first, codeUnit(raw[min(6, len(raw)):])); r != utf8.RuneError {
			return utf8.AppendRune(dst, r), 12
		}
		return utf8.AppendRune(dst, utf8.RuneError), 6
	default:
		return append(dst, c), 2
	}
}

// codeUnit is the UTF-16 code unit of the \u sequence that raw starts with;
// U+FFFD where it starts with none.
func codeUnit(raw []byte) rune {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return utf8.RuneError
	}
	n, err := strconv.ParseUint(string(raw[2:6]), 16, 16)
	if err != nil {
		return utf8.RuneError
	}
	return rune(n)
}
