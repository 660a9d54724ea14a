package redact

import "bytes"

// maxDepth is how deep JSON may nest; encoding/json has the same bound.
const maxDepth = 10000

// validator says whether a text is JSON, at several times the speed of
// encoding/json.Valid. What is inside of strings it does not look at: it also
// takes escapes that there are not, and control characters; but for NUL, the
// hole of a truncation, in which one event may end and another go on. It uses
// no recursion: the kinds of the open containers are bits of a stack.
type validator struct {
	b     []byte
	depth int
	// members are those of the outermost object, in order; valid until the
	// next text.
	members []place
	// objects has bit d set where the container at depth d is an object.
	objects [maxDepth/64 + 1]uint64
}

// place is where a member of an object is: its key, with its quotes, and its
// value.
type place struct{ key, keyEnd, value, end int }

// valid reports whether b is one JSON value with nothing but white space
// around it.
func (v *validator) valid(b []byte) bool {
	i := v.end(b, space(b, 0))
	return i >= 0 && space(b, i) == len(b) && bytes.IndexByte(b, 0) < 0
}

// end returns the end of the value that begins at i, -1 where none does.
func (v *validator) end(b []byte, i int) int {
	v.b, v.depth, v.members = b, 0, v.members[:0]
	i = v.run(i)
	v.b = nil
	return i
}

// run returns the end of the value at i, -1 where it is none. Each turn of the loop
// passes one value or opens one container.
func (v *validator) run(i int) int {
	for {
		opened := false
		switch c := at(v.b, i); c {
		case '{', '[':
			i, opened = v.open(i, c == '{')
		case '"':
			i = stringEnd(v.b, i)
		default:
			i = validBare(v.b, i)
		}
		if i < 0 {
			return -1
		}
		if opened {
			continue
		}
		var more bool
		if i, more = v.after(i); !more {
			return i
		}
	}
}

// open passes { or [, and for an object the first key. opened is false where
// the container is empty and closed again.
func (v *validator) open(i int, object bool) (next int, opened bool) {
	if v.depth++; v.depth > maxDepth {
		return -1, false
	}
	closing := byte(']')
	word, bit := v.depth/64, uint64(1)<<(v.depth%64)
	v.objects[word] &^= bit
	if object {
		v.objects[word] |= bit
		closing = '}'
	}
	if i = space(v.b, i+1); at(v.b, i) == closing {
		v.depth--
		return i + 1, false
	}
	if object {
		i = v.key(i)
	}
	return i, true
}

// after passes what follows a value: a comma (and the next key), or closing
// brackets. more is false where the outermost value has ended.
func (v *validator) after(i int) (next int, more bool) {
	for v.depth > 0 {
		if n := len(v.members); v.depth == 1 && n > 0 {
			v.members[n-1].end = i
		}
		i = space(v.b, i)
		object := v.objects[v.depth/64]&(1<<(v.depth%64)) != 0
		switch c := at(v.b, i); {
		case c == ',' && object:
			if i = v.key(space(v.b, i+1)); i < 0 {
				return -1, false
			}
			return i, true
		case c == ',':
			return space(v.b, i+1), true
		case c == '}' && object, c == ']' && !object:
			v.depth--
			i++
		default:
			return -1, false
		}
	}
	return i, false
}

// key passes a member's name and colon.
func (v *validator) key(i int) int {
	if at(v.b, i) != '"' {
		return -1
	}
	p := place{key: i}
	if i = stringEnd(v.b, i); i < 0 {
		return -1
	}
	p.keyEnd = i
	if i = space(v.b, i); at(v.b, i) != ':' {
		return -1
	}
	p.value = space(v.b, i+1)
	if v.depth == 1 {
		v.members = append(v.members, p)
	}
	return p.value
}

// validBare returns the end of the number, true, false or null at i, -1 where
// it is none.
func validBare(b []byte, i int) int {
	for _, word := range [...]string{"true", "false", "null"} {
		if len(b)-i >= len(word) && string(b[i:i+len(word)]) == word {
			return i + len(word)
		}
	}
	if at(b, i) == '-' {
		i++
	}
	from := i
	if i = digits(b, i); i == from || b[from] == '0' && i > from+1 {
		return -1
	}
	if at(b, i) == '.' {
		from = i + 1
		if i = digits(b, from); i == from {
			return -1
		}
	}
	if at(b, i)|0x20 == 'e' {
		i++
		if c := at(b, i); c == '+' || c == '-' {
			i++
		}
		from = i
		if i = digits(b, from); i == from {
			return -1
		}
	}
	return i
}

// digits returns the first position at or after i that has no digit.
func digits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' < 10 {
		i++
	}
	return i
}
