package lokipush

import "math"

// maxDepth is how deep JSON may nest; encoding/json has the same bound.
const maxDepth = 10_000

// maxKey is as long as one of the names that are looked for can be as written:
// every character an escape of six bytes.
const maxKey = 6 * len("responseObject")

// jsonScan reads JSON text in pieces, validates it as encoding/json does, and
// notes where the request and response objects at its top level are. It holds
// nothing of the text but one key.
type jsonScan struct {
	at    int64 // offset of the byte that is looked at
	state scanState
	// want is what is left of true, false or null, hex how many digits of an
	// escape.
	want string
	hex  int
	// stack has bit d set where the container at depth d is an object.
	stack [maxDepth/64 + 1]uint64
	depth int

	inKey bool   // the string is a member's name
	key   []byte // of the member at the top level, as written, up to maxKey and one byte
	start int64  // of its value
	found [maxBodies]body
	n     int
}

// body is a request or response object in a long line.
type body struct {
	name       string
	start, end int64
}

type scanState uint8

const (
	wantValue    scanState = iota
	wantFirst              // a value or ]
	wantFirstKey           // a key or }
	wantKey
	wantColon
	wantComma // or the end of a container, or of the text
	inString
	inEscape
	inHex
	inWord
	afterMinus
	afterZero
	inInteger
	afterPoint
	inFraction
	afterE
	afterSign
	inExponent
	invalid
)

// write takes the next piece.
func (s *jsonScan) write(p []byte) {
	for i := 0; i < len(p) && s.state != invalid; {
		if s.state == inString {
			n := plain(p[i:])
			if s.inKey {
				s.keep(p[i : i+n])
			}
			i += n
			s.at += int64(n)
			if i == len(p) {
				return
			}
		}
		s.step(p[i])
		i++
		s.at++
	}
}

// plain returns how many bytes at the start of p are an ordinary part of a
// string.
func plain(p []byte) int {
	for i, c := range p {
		if c == '"' || c == '\\' || c < ' ' {
			return i
		}
	}
	return len(p)
}

// end reports whether the text was one JSON value.
func (s *jsonScan) end() bool {
	if s.isNumber() {
		s.endValue(s.at)
	}
	return s.state == wantComma && s.depth == 0
}

// isNumber reports whether a number may end here.
func (s *jsonScan) isNumber() bool {
	return s.state == afterZero || s.state == inInteger || s.state == inFraction || s.state == inExponent
}

// step takes one byte.
func (s *jsonScan) step(c byte) {
	switch s.state {
	case inString:
		s.inText(c)
	case inEscape:
		s.escape(c)
	case inHex:
		s.digit(c)
	case inWord:
		if s.want[0] != c {
			s.state = invalid
		} else if s.want = s.want[1:]; s.want == "" {
			s.endValue(s.at + 1)
		}
	case afterMinus, afterZero, inInteger, afterPoint, inFraction, afterE, afterSign, inExponent:
		s.number(c)
	default:
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			s.token(c)
		}
	}
}

// token takes a byte between values.
func (s *jsonScan) token(c byte) {
	object := s.stack[s.depth/64]&(1<<(s.depth%64)) != 0
	switch {
	case s.state == wantValue, s.state == wantFirst && c != ']':
		s.begin(c)
	case (s.state == wantKey || s.state == wantFirstKey) && c == '"':
		if s.state, s.inKey = inString, true; s.depth == 1 {
			s.key = s.key[:0]
		}
	case s.state == wantColon && c == ':':
		s.state = wantValue
	case s.state == wantComma && s.depth > 0 && c == ',':
		s.state = wantValue
		if object {
			s.state = wantKey
		}
	case s.state == wantFirst, s.state == wantFirstKey && c == '}',
		s.state == wantComma && s.depth > 0 && (c == '}' && object || c == ']' && !object):
		s.depth--
		s.endValue(s.at + 1)
	default:
		s.state = invalid
	}
}

// begin takes the first byte of a value.
func (s *jsonScan) begin(c byte) {
	if s.depth == 1 {
		s.start = s.at
	}
	switch c {
	case '{':
		s.open(wantFirstKey)
	case '[':
		s.open(wantFirst)
	case '"':
		s.state, s.inKey = inString, false
	case 't':
		s.state, s.want = inWord, "true"[1:]
	case 'f':
		s.state, s.want = inWord, "false"[1:]
	case 'n':
		s.state, s.want = inWord, "null"[1:]
	case '-':
		s.state = afterMinus
	default:
		s.state = afterMinus
		s.number(c)
	}
}

// open goes into a container.
func (s *jsonScan) open(first scanState) {
	if s.depth++; s.depth > maxDepth {
		s.state = invalid
		return
	}
	s.state = first
	word, bit := s.depth/64, uint64(1)<<(s.depth%64)
	s.stack[word] &^= bit
	if first == wantFirstKey {
		s.stack[word] |= bit
	}
}

// inText takes the byte of a string that is no ordinary part of it.
func (s *jsonScan) inText(c byte) {
	switch {
	case c == '"' && s.inKey:
		s.state, s.inKey = wantColon, false
	case c == '"':
		s.endValue(s.at + 1)
	case c == '\\':
		s.state = inEscape
	default:
		s.state = invalid
	}
	if c == '\\' && s.inKey {
		s.keep([]byte{c})
	}
}

func (s *jsonScan) escape(c byte) {
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.state = inString
	case 'u':
		s.state, s.hex = inHex, 4
	default:
		s.state = invalid
	}
	if s.inKey {
		s.keep([]byte{c})
	}
}

func (s *jsonScan) digit(c byte) {
	if !(c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f') {
		s.state = invalid
		return
	}
	if s.inKey {
		s.keep([]byte{c})
	}
	if s.hex--; s.hex == 0 {
		s.state = inString
	}
}

// number takes a byte in a number, or the one after it.
func (s *jsonScan) number(c byte) {
	digit := c >= '0' && c <= '9'
	switch {
	case s.state == afterMinus && c == '0':
		s.state = afterZero
	case digit && (s.state == afterMinus || s.state == inInteger):
		s.state = inInteger
	case digit && (s.state == afterPoint || s.state == inFraction):
		s.state = inFraction
	case digit && (s.state == afterE || s.state == afterSign || s.state == inExponent):
		s.state = inExponent
	case c == '.' && (s.state == afterZero || s.state == inInteger):
		s.state = afterPoint
	case c|0x20 == 'e' && (s.state == afterZero || s.state == inInteger || s.state == inFraction):
		s.state = afterE
	case (c == '+' || c == '-') && s.state == afterE:
		s.state = afterSign
	case s.isNumber():
		s.endValue(s.at)
		s.step(c)
	default:
		s.state = invalid
	}
}

// keep takes a part of a key at the top level.
func (s *jsonScan) keep(p []byte) {
	if s.depth != 1 {
		return
	}
	if len(s.key)+len(p) > maxKey {
		p = p[:maxKey+1-min(len(s.key), maxKey+1)]
	}
	s.key = append(s.key, p...)
}

// endValue notes a value that ends before the byte at end.
func (s *jsonScan) endValue(end int64) {
	s.state = wantComma
	object := s.stack[s.depth/64]&(1<<(s.depth%64)) != 0
	if s.depth != 1 || !object || s.n == maxBodies || len(s.key) > maxKey {
		return
	}
	if name := bodyName(s.key); name != "" && end-s.start < math.MaxInt {
		s.found[s.n] = body{name: name, start: s.start, end: end}
		s.n++
	}
}
