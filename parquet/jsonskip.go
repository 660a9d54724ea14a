package parquet

import "unicode/utf8"

// maxDepth is how deep JSON may nest; encoding/json has the same bound.
const maxDepth = 10000

// skipper walks over JSON text and says where a value ends. It uses no
// recursion: the kinds of the open containers are bits of a stack.
type skipper struct {
	b     []byte
	i     int
	depth int
	// stack has bit d set where the container at depth d is an object.
	stack [maxDepth/64 + 1]uint64
	// ascii is false once a byte outside ASCII was passed in a string.
	ascii bool
}

// skipValue returns the end of the JSON value that starts at b[i], and whether
// there is a valid one. ascii is true where all its bytes are ASCII.
func (s *skipper) skipValue(b []byte, i int) (end int, ascii, ok bool) {
	s.b, s.i, s.depth, s.ascii = b, i, 0, true
	ok = s.run()
	s.b = nil
	return s.i, s.ascii, ok
}

// run is the state machine: each turn of the loop passes one value or opens
// one container.
func (s *skipper) run() bool {
	for {
		s.space()
		if s.i >= len(s.b) {
			return false
		}
		opened := false
		switch c := s.b[s.i]; c {
		case '{', '[':
			var ok bool
			if opened, ok = s.open(c == '{'); !ok {
				return false
			}
		case '"':
			if !s.str() {
				return false
			}
		default:
			if !s.bare() {
				return false
			}
		}
		if opened {
			continue
		}
		if done, ok := s.after(); done || !ok {
			return ok
		}
	}
}

// open passes { or [, and for an object the first key. opened is false where
// the container was empty and is closed again.
func (s *skipper) open(object bool) (opened, ok bool) {
	s.i++
	s.space()
	closing := byte(']')
	if object {
		closing = '}'
	}
	if s.i < len(s.b) && s.b[s.i] == closing {
		s.i++
		return false, s.depth < maxDepth
	}
	if s.depth++; s.depth > maxDepth {
		return false, false
	}
	word, bit := s.depth/64, uint64(1)<<(s.depth%64)
	if !object {
		s.stack[word] &^= bit
		return true, true
	}
	s.stack[word] |= bit
	return true, s.key()
}

// after passes what follows a value: a comma (and the next key), or closing
// brackets. done is true where the outermost value has ended.
func (s *skipper) after() (done, ok bool) {
	for s.depth > 0 {
		s.space()
		if s.i >= len(s.b) {
			return false, false
		}
		object := s.stack[s.depth/64]&(1<<(s.depth%64)) != 0
		c := s.b[s.i]
		s.i++
		switch {
		case c == ',':
			if object {
				s.space()
				return false, s.key()
			}
			return false, true
		case c == '}' && object, c == ']' && !object:
			s.depth--
		default:
			return false, false
		}
	}
	return true, true
}

// key passes a member's name and colon.
func (s *skipper) key() bool {
	if s.i >= len(s.b) || s.b[s.i] != '"' || !s.str() {
		return false
	}
	s.space()
	if s.i >= len(s.b) || s.b[s.i] != ':' {
		return false
	}
	s.i++
	return true
}

func (s *skipper) space() {
	for s.i < len(s.b) && s.b[s.i] <= ' ' {
		switch s.b[s.i] {
		case ' ', '\t', '\r', '\n':
			s.i++
		default:
			return
		}
	}
}

// str passes a string, from its opening quote.
func (s *skipper) str() bool {
	b, i := s.b, s.i+1
	for {
		i = stringRun(b, i)
		if i >= len(b) {
			return false
		}
		switch c := b[i]; {
		case c == '"':
			s.i = i + 1
			return true
		case c == '\\':
			n := escapeLen(b[i:])
			if n == 0 {
				return false
			}
			i += n
		case c >= utf8.RuneSelf:
			s.ascii = false
			i++
		default:
			return false
		}
	}
}

// escapeLen returns the length of the escape sequence that b starts with, or 0
// where it is none.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(b) >= 6 && isHex(b[2]) && isHex(b[3]) && isHex(b[4]) && isHex(b[5]) {
			return 6
		}
	}
	return 0
}

func isHex(c byte) bool {
	return c-'0' < 10 || c|0x20-'a' < 6
}

// bare passes a number, true, false or null.
func (s *skipper) bare() bool {
	b := s.b[s.i:]
	var n int
	switch {
	case hasPrefix(b, "true"), hasPrefix(b, "null"):
		n = 4
	case hasPrefix(b, "false"):
		n = 5
	default:
		n = numberLen(b)
	}
	s.i += n
	return n > 0
}

// numberLen returns the length of the JSON number that b starts with, or 0.
func numberLen(b []byte) int {
	i := 0
	if i < len(b) && b[i] == '-' {
		i++
	}
	switch {
	case i < len(b) && b[i] == '0':
		i++
	case digits(b[i:]) > 0:
		i += digits(b[i:])
	default:
		return 0
	}
	if i < len(b) && b[i] == '.' {
		n := digits(b[i+1:])
		if n == 0 {
			return 0
		}
		i += 1 + n
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		n := digits(b[i:])
		if n == 0 {
			return 0
		}
		i += n
	}
	return i
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
