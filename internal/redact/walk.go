package redact

import (
	"bytes"
	"slices"
)

// maxNested is how deep in a body a Secret is looked for; what is deeper and
// may be one is replaced. Each level costs a look at all that is in it.
const maxNested = 32

// value replaces what the places say of the value at i, and returns where it
// ends. depth counts from the body.
func (r *Redactor) value(i int, positions []*node, depth int) int {
	c := at(r.b, i)
	isBare := c != '{' && c != '['
	for _, n := range positions {
		if n.hit || n.bare && isBare {
			return r.leaves(i)
		}
	}
	if isBare || len(positions) == 0 && !r.nested {
		return skip(r.b, i)
	}
	if r.nested && depth > maxNested {
		return r.tooDeep(i, positions, depth)
	}
	if c == '[' {
		return r.array(i, positions, depth)
	}
	return r.object(i, positions, depth)
}

// tooDeep is value for an object or a list that is too deep in a body to look
// for a Secret in it. It looks once at all that is in it, so what is below is
// not asked again.
func (r *Redactor) tooDeep(i int, positions []*node, depth int) int {
	end := skip(r.b, i)
	if saysSecret(r.b[i:end]) {
		return r.leaves(i)
	}
	if len(positions) > 0 {
		r.nested = false
		r.value(i, positions, depth)
		r.nested = true
	}
	return end
}

func (r *Redactor) array(i int, positions []*node, depth int) int {
	base := len(r.positions)
	r.positions = step(r.positions, positions, nil, false, true)
	below := r.positions[base:]
	for next, ok := element(r.b, i+1); ; next, ok = element(r.b, i) {
		if i = next; !ok {
			r.positions = r.positions[:base]
			return min(i+1, len(r.b))
		}
		i = r.value(i, below, depth+1)
	}
}

func (r *Redactor) object(i int, positions []*node, depth int) int {
	base := len(r.positions)
	if r.nested && r.isSecret(i) {
		r.positions = append(append(r.positions, positions...), r.policy.inner)
		positions = r.positions[base:]
	}
	top := len(r.positions)
	for next, ok := element(r.b, i+1); ; next, ok = element(r.b, i) {
		if i = next; !ok {
			r.positions = r.positions[:base]
			return min(i+1, len(r.b))
		}
		key, from := member(r.b, i)
		if r.holdsManifest(key, from, positions) {
			i = r.leaves(from)
			continue
		}
		r.positions = step(r.positions[:top], positions, key, true, false)
		i = r.value(from, r.positions[top:], depth+1)
	}
}

// saysSecret says whether a text may hold a Secret, or a list of them, that
// says so: as a JSON object, or as one that is in a string, be it in another
// string.
func saysSecret(b []byte) bool { return isQuoted(b, "Secret", "List") }

// isQuoted says whether a word, or the word and what may follow it, is in a text
// before a quote, however often the quote is escaped, or as some encoders
// escape it.
func isQuoted(b []byte, word, more string) bool {
	for {
		n := bytes.Index(b, []byte(word))
		if n < 0 {
			return false
		}
		b = b[n+len(word):]
		rest := bytes.TrimPrefix(b, []byte(more))
		if rest = bytes.TrimLeft(rest, `\`); at(rest, 0) == '"' || hasPrefix(rest, "u0022") {
			return true
		}
	}
}

// isSecret says whether the object at i says that it is a Secret, or a list of
// them.
func (r *Redactor) isSecret(i int) bool {
	kind := findText(r.b, i, "kind")
	return string(kind) == "Secret" || string(kind) == "SecretList"
}

// appliedName ends the names of annotations that hold the object as it was
// applied, data included; kubectl's is kubectl.kubernetes.io/last-applied-configuration.
const appliedName = "last-applied-configuration"

// holdsManifest says whether a member is an annotation that holds an object as
// JSON text which must not be shown.
func (r *Redactor) holdsManifest(key []byte, i int, positions []*node) bool {
	if at(r.b, i) != '"' {
		return false
	}
	if r.nested && bytes.HasSuffix(key, []byte(appliedName)) && saysSecret(r.inString(i)) {
		return true
	}
	// data, stringData, binaryData
	return slices.ContainsFunc(positions, func(n *node) bool { return n.manifests }) && isQuoted(r.inString(i), "ata", "")
}

// inString is the string at i as it stands, without its last quote.
func (r *Redactor) inString(i int) []byte { return r.b[i : skipString(r.b, i)-1] }

// leaves replaces every string, number and boolean of the value at i, and
// returns where it ends. Keys, null and what is empty stay.
func (r *Redactor) leaves(i int) int {
	switch at(r.b, i) {
	case '{':
		for next, ok := element(r.b, i+1); ; next, ok = element(r.b, i) {
			if i = next; !ok {
				return min(i+1, len(r.b))
			}
			_, from := member(r.b, i)
			i = r.leaves(from)
		}
	case '[':
		for next, ok := element(r.b, i+1); ; next, ok = element(r.b, i) {
			if i = next; !ok {
				return min(i+1, len(r.b))
			}
			i = r.leaves(i)
		}
	}
	end := skip(r.b, i)
	switch value := r.b[i:end]; {
	case string(value) == "null", string(value) == `""`:
	case value[0] == '"' && isMarker(value[1:len(value)-1]):
	default:
		r.replace(i, end)
	}
	return end
}

// replace puts a marker, as a JSON string, in the place of the value b[from:to].
func (r *Redactor) replace(from, to int) {
	r.copyTo(from)
	r.out = append(r.out, '"')
	value := appendText(r.scratch[:0], r.b[from:to])
	r.out = append(r.appendMarker(r.out, value), '"')
	if r.b[from] == '"' && len(value) < to-from-2 && cap(value) <= keepBuffer {
		r.scratch = value // it was made here
	}
	r.from = to
}

// replaceBare puts a marker in the place of the text b[from:to].
func (r *Redactor) replaceBare(from, to int) {
	if from == to || isMarker(r.b[from:to]) {
		return
	}
	r.copyTo(from)
	r.out = r.appendMarker(r.out, r.b[from:to])
	r.from = to
}

// copyTo takes over the line as it is, up to a position.
func (r *Redactor) copyTo(end int) {
	if r.out == nil {
		r.out = make([]byte, 0, len(r.b)+len(r.b)/8+64)
	}
	r.out = append(r.out, r.b[r.from:end]...)
	r.from, r.changed = end, true
}
