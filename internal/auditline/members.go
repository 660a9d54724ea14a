package auditline

import (
	"bytes"
	"iter"
)

// Walker walks over the members of JSON objects. The zero value is ready for
// use.
type Walker struct {
	skip  skipper
	whole bool
}

// Members yields the members of the JSON object in text, in their order: the name
// as it is written between its quotes, and where the value is in text, without
// space around it. Each is checked before it is yielded; at the first byte that
// is not JSON the walk ends. The bytes behind the member at which the caller
// leaves the loop are not read.
func (w *Walker) Members(text []byte) iter.Seq2[[]byte, Span] {
	return func(yield func(name []byte, value Span) bool) {
		w.whole = false
		end, ok := w.skip.walk(text, '{', func(name []byte, value Span) bool { return yield(name[1:len(name)-1], value) })
		w.whole = ok && space(text, end) == len(text)
	}
}

// Value returns where the JSON value ends that begins at text[at], behind white space at most; ok is
// false if there is no valid one.
func (w *Walker) Value(text []byte, at int) (end int, ok bool) {
	end, _, ok = w.skip.skipValue(text, at)
	return end, ok
}

// Whole reports whether the last walk was not left and text is one valid JSON
// object, with white space around it at most.
func (w *Walker) Whole() bool { return w.whole }

// Unquoted returns the text of a JSON string, given without its quotes: s itself
// if it has no escapes.
func Unquoted(s []byte) []byte {
	if bytes.IndexByte(s, '\\') < 0 {
		return s
	}
	return AppendUnquoted(make([]byte, 0, len(s)), s)
}

// walk calls f for the members of an object, or for the elements of an array
// (name is nil then), until f returns false. The name has its quotes. It
// returns the end of the container, if it is valid and f took all of it.
func (s *skipper) walk(text []byte, opening byte, f func(name []byte, value Span) bool) (end int, ok bool) {
	closing := opening + 2
	i := space(text, 0)
	if i == len(text) || text[i] != opening {
		return i, false
	}
	if i = space(text, i+1); i < len(text) && text[i] == closing {
		return i + 1, true
	}
	for {
		var name []byte
		if opening == '{' {
			from := i
			if i = s.key(text, i); i < 0 {
				return ^i, false
			}
			name = text[from : from+bytes.LastIndexByte(text[from:i], '"')+1] // space and a colon may follow it
		}
		from := space(text, i)
		if i, _, ok = s.skipValue(text, from); !ok || !f(name, Span{from, i}) {
			return i, false
		}
		i = space(text, i)
		switch {
		case i < len(text) && text[i] == ',':
			i = space(text, i+1)
		case i < len(text) && text[i] == closing:
			return i + 1, true
		default:
			return i, false
		}
	}
}
