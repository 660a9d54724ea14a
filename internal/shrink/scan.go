package shrink

import "encoding/json"

const (
	// maxKey is as long as a name that is looked for can be as written: every character an escape of
	// six bytes, the quotes, and some white space.
	maxKey = 6*len("responseObject") + 16
	// maxBodies is how many bodies are replaced in one line; more are duplicate keys.
	maxBodies = 8
)

// body is the value of a requestObject or responseObject at the top level of a line.
type body struct {
	name       string
	start, end int64 // offsets in the line
	cut        bool  // to be replaced
}

// scanner finds the bodies of a line that is written to it in pieces. It follows strings and braces
// and validates nothing: the rest of the line after the cuts is validated instead.
type scanner struct {
	at                int64 // offset of the byte that is looked at
	depth             int
	inString, escaped bool
	inValue           bool   // of a member at the top level
	key               []byte // of that member, as written, with its quotes
	start, end        int64  // of the value as far as it is read; start is -1 before it
	bodies            []body
	broken            bool // not one object
}

// Write takes the next piece. It never fails.
func (s *scanner) Write(p []byte) (int, error) {
	for i := 0; i < len(p); i++ {
		from := i
		for s.inString && s.inValue && !s.escaped && i < len(p)-1 && p[i] != '"' && p[i] != '\\' {
			i++
		}
		s.at += int64(i - from)
		s.step(p[i])
		s.at++
	}
	return len(p), nil
}

func (s *scanner) step(c byte) {
	switch {
	case s.escaped:
		s.escaped = false
	case s.inString && c == '\\':
		s.escaped = true
	case c == '"':
		s.inString = !s.inString
	case s.inString:
	case c == ' ', c == '\t', c == '\r', c == '\n':
		return
	case c == '{', c == '[':
		if s.depth++; s.depth == 1 {
			s.broken = s.broken || c == '[' || s.end > 0
			s.end = s.at + 1
			return
		}
	case c == '}', c == ']':
		if s.depth--; s.depth == 0 {
			s.endMember()
			return
		}
	case s.depth == 1 && c == ',':
		s.endMember()
		return
	case s.depth == 1 && c == ':' && !s.inValue:
		s.inValue, s.start = true, -1
		return
	}
	if !s.inValue && len(s.key) <= maxKey {
		s.key = append(s.key, c)
	}
	if s.start < 0 {
		s.start = s.at
	}
	s.end = s.at + 1
	s.broken = s.broken || s.depth < 1
}

// endMember takes the end of a member at the top level.
func (s *scanner) endMember() {
	var name string
	if s.inValue && s.start >= 0 && len(s.key) <= maxKey && len(s.bodies) < maxBodies && json.Unmarshal(s.key, &name) == nil &&
		(name == "requestObject" || name == "responseObject") {
		s.bodies = append(s.bodies, body{name: name, start: s.start, end: s.end})
	}
	s.inValue, s.key = false, s.key[:0]
}

// choose chooses the bodies whose replacement brings the line to at most limit bytes, the larger one
// first, and reports whether there are enough.
func (s *scanner) choose(limit int) bool {
	if s.broken || s.depth != 0 {
		return false
	}
	for size := s.at; size > int64(limit); {
		var largest *body
		for i := range s.bodies {
			if b := &s.bodies[i]; !b.cut && b.saving() > 0 && (largest == nil || b.saving() > largest.saving()) {
				largest = b
			}
		}
		if largest == nil {
			return false
		}
		largest.cut = true
		size -= largest.saving()
	}
	return true
}
