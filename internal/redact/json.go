package redact

import (
	"bytes"
	"iter"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

// The functions of this file walk over JSON text that is known to be valid.
// Of other text they return positions within it, which mean nothing.

// space returns the first position at or after i that is not white space.
func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// at returns the byte at i, 0 beyond the end.
func at(b []byte, i int) byte {
	if i < len(b) {
		return b[i]
	}
	return 0
}

// skipString returns the position after the string that begins at i.
func skipString(b []byte, i int) int {
	if end := stringEnd(b, i); end > 0 {
		return end
	}
	return len(b)
}

// stringEnd returns the position after the string that begins at i, -1 if it
// does not end.
func stringEnd(b []byte, i int) int {
	i++
	for i < len(b) {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return -1
		}
		i += n
		slashes := 0
		for b[i-1-slashes] == '\\' {
			slashes++ // ends at the opening quote at the latest
		}
		if i++; slashes%2 == 0 {
			return i
		}
	}
	return -1
}

// skip returns the position after the value that begins at i.
func skip(b []byte, i int) int {
	switch at(b, i) {
	case '"':
		return skipString(b, i)
	case '{', '[':
		return skipNested(b, i)
	}
	for i < len(b) && !isDelimiter(b[i]) {
		i++
	}
	return i
}

func skipNested(b []byte, i int) int {
	for depth := 0; i < len(b); {
		switch b[i] {
		case '"':
			i = skipString(b, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if i++; depth == 0 {
			return i
		}
	}
	return len(b)
}

// isDelimiter reports whether a byte may follow a number, true, false or null.
func isDelimiter(c byte) bool { return bytes.IndexByte([]byte(",}] \t\n\r"), c) >= 0 }

// children calls visit with the key, nil in a list, and the position of each value in the object or
// list at i; visit returns where the value ends. It returns where the container ends.
func children(b []byte, i int, visit func(key []byte, value int) (end int)) (end int) {
	isObject := at(b, i) == '{'
	for i++; ; {
		for i = space(b, i); at(b, i) == ','; i = space(b, i+1) {
		}
		if c := at(b, i); c == 0 || c == '}' || c == ']' {
			return min(i+1, len(b))
		}
		var key []byte
		if isObject {
			key, i = member(b, i)
		}
		i = visit(key, i)
	}
}

// member returns the key that begins at i and the position of its value.
func member(b []byte, i int) (key []byte, value int) {
	end := skipString(b, i)
	key = text(b[min(i, len(b)):end])
	i = space(b, end)
	if at(b, i) == ':' {
		i++
	}
	return key, space(b, i)
}

// members yields the keys of the object at i and where their values are; none of any other value.
func members(b []byte, i int) iter.Seq2[[]byte, span] {
	return func(yield func([]byte, span) bool) {
		if at(b, i) != '{' {
			return
		}
		children(b, i, func(key []byte, from int) int {
			end := skip(b, from)
			if !yield(key, span{from, end}) {
				return len(b)
			}
			return end
		})
	}
}

// text returns the text of a JSON string, given with its quotes; of any other
// value, its own bytes.
func text(value []byte) []byte {
	if len(value) < 2 || value[0] != '"' {
		return value
	}
	return auditline.Unquoted(value[1 : len(value)-1])
}
