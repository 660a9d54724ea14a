package auditline

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// maxDepth is how deep JSON may nest; encoding/json has the same bound.
const maxDepth = 10000

// skipper walks over JSON text and says where a value ends. It uses no
// recursion: the kinds of the open containers are bits of a stack.
type skipper struct {
	depth int
	// stack has bit d set where the container at depth d is an object.
	stack [maxDepth/64 + 1]uint64
	// ascii is false once a byte outside ASCII was passed in a string.
	ascii bool
}

// skipValue returns the end of the JSON value that starts at b[i], and whether
// there is a valid one; else it returns where it stopped. ascii is true where all its bytes are ASCII.
func (s *skipper) skipValue(b []byte, i int) (end int, ascii, ok bool) {
	s.depth, s.ascii = 0, true
	if end = s.run(b, i); end < 0 {
		return ^end, s.ascii, false
	}
	return end, s.ascii, true
}

// The functions that follow pass something that starts at i and return where it
// ends, or ^i where it is not valid at i.

// run is the state machine: each turn of the loop passes one value or opens
// one container. It returns the end of the outermost value.
func (s *skipper) run(b []byte, i int) int {
	for {
		if i = space(b, i); i >= len(b) {
			return ^i
		}
		opened := false
		switch c := b[i]; c {
		case '"':
			i = s.str(b, i)
		case '{', '[':
			i, opened = s.open(b, i)
		default:
			i = bare(b, i)
		}
		if i < 0 {
			return i
		}
		if opened {
			continue
		}
		var done bool
		if i, done = s.after(b, i); done || i < 0 {
			return i
		}
	}
}

// open passes { or [, and for an object the first key. opened is false where
// the container was empty and is closed again.
func (s *skipper) open(b []byte, i int) (next int, opened bool) {
	object := b[i] == '{'
	closing := b[i] + 2 // } or ]
	i = space(b, i+1)
	if i < len(b) && b[i] == closing {
		if s.depth >= maxDepth {
			return ^i, false
		}
		return i + 1, false
	}
	if s.depth++; s.depth > maxDepth {
		return ^i, false
	}
	word, bit := s.depth/64, uint64(1)<<(s.depth%64)
	if !object {
		s.stack[word] &^= bit
		return i, true
	}
	s.stack[word] |= bit
	return s.key(b, i), true
}

// after passes the bytes that follow a value: a comma (and the next key), or closing
// brackets. done is true where the outermost value has ended.
func (s *skipper) after(b []byte, i int) (next int, done bool) {
	for s.depth > 0 {
		if i = space(b, i); i >= len(b) {
			return ^i, false
		}
		object := s.stack[s.depth/64]&(1<<(s.depth%64)) != 0
		c := b[i]
		i++
		switch {
		case c == ',':
			if object {
				return s.key(b, space(b, i)), false
			}
			return i, false
		case c == '}' && object, c == ']' && !object:
			s.depth--
		default:
			return ^i, false
		}
	}
	return i, true
}

// key passes a member's name and colon.
func (s *skipper) key(b []byte, i int) int {
	if i >= len(b) || b[i] != '"' {
		return ^i
	}
	if i = s.str(b, i); i < 0 {
		return i
	}
	if i = space(b, i); i >= len(b) || b[i] != ':' {
		return ^i
	}
	return i + 1
}

// space passes white space, which is never in events that kube-apiserver
// writes.
func space(b []byte, i int) int {
	for i < len(b) && b[i] <= ' ' && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n') {
		i++
	}
	return i
}

// str passes a string, from its opening quote.
func (s *skipper) str(b []byte, i int) int {
	i++
	for {
		i = stringRun(b, i)
		if i >= len(b) {
			return ^i
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			_, n := decodeEscape(b[i:])
			if n == 0 {
				return ^i
			}
			i += n
		case c >= utf8.RuneSelf:
			s.ascii = false
			i++
		default:
			return ^i
		}
	}
}

// bare passes a number, true, false or null.
func bare(b []byte, i int) int {
	var n int
	switch rest := b[i:]; {
	case hasPrefix(rest, "true"), hasPrefix(rest, "null"):
		n = 4
	case hasPrefix(rest, "false"):
		n = 5
	default:
		n = numberLen(rest)
	}
	if n == 0 {
		return ^i
	}
	return i + n
}

// numberLen returns the length of the JSON number that b starts with, or 0.
func numberLen(b []byte) int {
	n := digits(b)
	whole := n == 1 || n > 1 && b[0] != '0'
	for n < len(b) && (b[n]-'0' < 10 || bytes.IndexByte([]byte("+-.eE"), b[n]) >= 0) {
		n++
		whole = false
	}
	if whole || json.Valid(b[:n]) {
		return n
	}
	return 0
}

func digits(b []byte) int {
	i := 0
	for i < len(b) && b[i]-'0' < 10 {
		i++
	}
	return i
}

func hasPrefix(b []byte, s string) bool {
	return len(b) >= len(s) && string(b[:len(s)]) == s
}
