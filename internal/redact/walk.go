package redact

import (
	"slices"
)

// maxNested is how deep in a body a Secret is looked for; a value that is deeper and
// may be one is replaced. Each level costs a look at all that is in it.
const maxNested = 32

// walk replaces the values that nodes name.
type walk struct {
	edit
	inner     *node   // of a Secret in another object's body; nil: not looked for
	nested    bool    // a Secret may be in the body
	positions []*node // a stack, owned by the functions that walk; its memory is reused
}

// value applies the positions to the value at i, and returns where it
// ends. depth counts from the body.
func (w *walk) value(i int, positions []*node, depth int) int {
	c := at(w.b, i)
	isBare := c != '{' && c != '['
	var hit, whole, tokens bool
	for _, n := range positions {
		hit, whole, tokens = hit || n.hit || n.bare && isBare, whole || n.whole, tokens || n.tokens
	}
	switch {
	case whole:
		return w.single(i)
	case hit:
		return w.leaves(i)
	case isBare:
		end := skip(w.b, i)
		if tokens && c == '"' {
			w.tokens(i+1, end-1, textToken)
		}
		return end
	case len(positions) == 0 && !w.nested:
		return skip(w.b, i)
	case w.nested && depth > maxNested:
		return w.tooDeep(i, positions, depth)
	case c == '[':
		return w.array(i, positions, depth)
	}
	return w.object(i, positions, depth)
}

// step puts on the stack the positions that a member of this name leads to, or an element of a list;
// a segment of a JSON pointer can be either. The value is at i, or unknown where that is negative.
func (w *walk) step(from []*node, key []byte, isItem bool, i, depth int) []*node {
	base := len(w.positions)
	for _, n := range from {
		for k := range n.edges {
			e := &n.edges[k]
			if (isItem && e.items || key != nil && e.leads(key)) && (e.where == nil || i < 0 || w.selects(e.where, i, depth)) {
				w.positions = append(w.positions, e.to)
			}
		}
	}
	return w.positions[base:]
}

// selects says whether the value at i is an object that is meant. One that is very deep always is:
// to look would cost the length of its content at each level.
func (w *walk) selects(by *where, i, depth int) bool {
	if depth > maxNested {
		return true
	}
	for key, value := range members(w.b, i) {
		if isName(key, by.member) && at(w.b, value.from) == '"' && by.match(text(w.b[value.from:value.to])) {
			return true
		}
	}
	return false
}

// tooDeep is value for an object or a list that is too deep in a body to look
// for a Secret in it. It looks once at all that is in it, so the levels below are
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
	return children(w.b, i, func(_ []byte, value int) int {
		end := w.value(value, w.step(positions, nil, true, value, depth), depth+1)
		w.positions = w.positions[:base]
		return end
	})
}

func (w *walk) object(i int, positions []*node, depth int) int {
	base := len(w.positions)
	if w.nested && w.isSecret(i) {
		w.positions = append(append(w.positions, positions...), w.inner)
		positions = w.positions[base:]
	}
	top := len(w.positions)
	end := children(w.b, i, func(key []byte, value int) int {
		if w.holdsManifest(value, positions) {
			return w.leaves(value)
		}
		end := w.value(value, w.step(positions, key, false, value, depth), depth+1)
		w.positions = w.positions[:top]
		return end
	})
	w.positions = w.positions[:base]
	return end
}

// isSecret says whether the object at i says that it is a Secret, or a list of
// them: with any of its kinds, if there are several.
func (w *walk) isSecret(i int) bool {
	for key, value := range members(w.b, i) {
		if isName(key, "kind") {
			if kind := text(w.b[value.from:value.to]); string(kind) == "Secret" || string(kind) == "SecretList" {
				return true
			}
		}
	}
	return false
}

// holdsManifest says whether the string at i, in an object at these positions, holds an object that
// must not be shown.
func (w *walk) holdsManifest(i int, positions []*node) bool {
	if at(w.b, i) != '"' {
		return false
	}
	value := w.b[i+1 : max(i+1, skipString(w.b, i)-1)]
	return slices.ContainsFunc(positions, func(n *node) bool {
		return n.manifests && mayBeManifest(value) || n.secrets && saysSecret(value)
	})
}
