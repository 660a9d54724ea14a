package redact

import (
	"bytes"
	"slices"
)

// maxNested is how deep in a body a Secret is looked for; what is deeper and
// may be one is replaced. Each level costs a look at all that is in it.
const maxNested = 32

// walk replaces the values that nodes name.
type walk struct {
	edit
	inner     *node   // of a Secret in another object's body; nil: not looked for
	nested    bool    // a Secret may be in the body
	positions []*node // a stack, owned by the functions that walk; its memory is reused
}

// value replaces what the places say of the value at i, and returns where it
// ends. depth counts from the body.
func (w *walk) value(i int, positions []*node, depth int) int {
	c := at(w.b, i)
	isBare := c != '{' && c != '['
	for _, n := range positions {
		if n.hit || n.bare && isBare {
			return w.leaves(i)
		}
	}
	if isBare || len(positions) == 0 && !w.nested {
		return skip(w.b, i)
	}
	if w.nested && depth > maxNested {
		return w.tooDeep(i, positions, depth)
	}
	if c == '[' {
		return w.array(i, positions, depth)
	}
	return w.object(i, positions, depth)
}

// tooDeep is value for an object or a list that is too deep in a body to look
// for a Secret in it. It looks once at all that is in it, so what is below is
// not asked again.
func (w *walk) tooDeep(i int, positions []*node, depth int) int {
	end := skip(w.b, i)
	if saysSecret(w.b[i:end]) {
		return w.leaves(i)
	}
	if len(positions) > 0 {
		w.nested = false
		w.value(i, positions, depth)
		w.nested = true
	}
	return end
}

func (w *walk) array(i int, positions []*node, depth int) int {
	base := len(w.positions)
	w.positions = step(w.positions, positions, nil, false, true)
	below := w.positions[base:]
	end := children(w.b, i, func(_ []byte, value int) int { return w.value(value, below, depth+1) })
	w.positions = w.positions[:base]
	return end
}

func (w *walk) object(i int, positions []*node, depth int) int {
	base := len(w.positions)
	if w.nested && w.isSecret(i) {
		w.positions = append(append(w.positions, positions...), w.inner)
		positions = w.positions[base:]
	}
	top := len(w.positions)
	end := children(w.b, i, func(key []byte, value int) int {
		if w.holdsManifest(key, value, positions) {
			return w.leaves(value)
		}
		w.positions = step(w.positions[:top], positions, key, true, false)
		return w.value(value, w.positions[top:], depth+1)
	})
	w.positions = w.positions[:base]
	return end
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
func (w *walk) isSecret(i int) bool {
	var kind []byte // of several the last one, as decoders do
	for key, value := range members(w.b, i) {
		if string(key) == "kind" {
			kind = text(w.b[value.from:value.to])
		}
	}
	return string(kind) == "Secret" || string(kind) == "SecretList"
}

// appliedName ends the names of annotations that hold the object as it was
// applied, data included; kubectl's is kubectl.kubernetes.io/last-applied-configuration.
const appliedName = "last-applied-configuration"

// holdsManifest says whether a member is an annotation that holds an object as
// JSON text which must not be shown.
func (w *walk) holdsManifest(key []byte, i int, positions []*node) bool {
	if at(w.b, i) != '"' {
		return false
	}
	if w.nested && bytes.HasSuffix(key, []byte(appliedName)) && saysSecret(w.inString(i)) {
		return true
	}
	// data, stringData, binaryData
	return slices.ContainsFunc(positions, func(n *node) bool { return n.manifests }) && isQuoted(w.inString(i), "ata", "")
}

// inString is the string at i as it stands, without its last quote.
func (w *walk) inString(i int) []byte { return w.b[i : skipString(w.b, i)-1] }
