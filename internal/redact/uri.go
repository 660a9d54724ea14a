package redact

import (
	"bytes"
	"iter"
	"slices"
	"strconv"
)

// span is a piece of a text.
type span struct{ from, to int }

// character returns the character at i of a URI as it stands in JSON. Escapes of both are undone:
// level says how often it is percent-encoded, next where the next one begins.
func character(uri []byte, i int) (c byte, level, next int) {
	switch c = uri[i]; {
	case c == '%':
		for next = i + 1; hasPrefix(uri[next:], "25"); next += 2 {
			level++
		}
		if n, ok := hexDigits(uri, next); ok {
			return n, level + 1, next + 2
		}
		return c, level, next
	case c == '\\' && hasPrefix(uri[i+1:], "u00"): // encoding/json writes & like this
		if n, ok := hexDigits(uri, i+4); ok {
			return n, 0, i + 6
		}
	}
	return c, 0, i + 1
}

func hexDigits(b []byte, i int) (byte, bool) {
	n, err := strconv.ParseUint(string(b[min(i, len(b)):min(i+2, len(b))]), 16, 8)
	return byte(n), err == nil && i+2 <= len(b)
}

// unescaped appends a part of a URI without its escapes.
func unescaped(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		c, _, next := character(text, i)
		dst, i = append(dst, c), next
	}
	return dst
}

// parameters yields where the values are of those parameters of a URI whose names are wanted: of the
// query, of the fragment and of the segments of the path, separated by & or ;, and of URIs that are
// values themselves, percent-encoded. It does not look into commands and selectors.
func parameters(uri []byte, wanted func(name []byte) bool) iter.Seq[span] {
	return func(yield func(span) bool) {
		inPath, name := true, 0
		for i := firstParameter(uri); i < len(uri); {
			if uri[i] > '?' && uri[i] != '\\' { // most are
				i++
				continue
			}
			c, level, next := uri[i], 0, i+1
			if c == '%' || c == '\\' {
				c, level, next = character(uri, i)
			}
			switch c {
			case '=':
				switch {
				case wanted(uri[name:i]):
					end := valueEnd(uri, next, level, inPath, false)
					if !yield(span{next, end}) {
						return
					}
					next = end
				case level == 0 && slices.Contains([]string{"command", "labelSelector", "fieldSelector"}, string(uri[name:i])):
					next = valueEnd(uri, next, 0, inPath, true)
				}
				name = next
			case '?', '&', ';', '#', '/':
				name = next
				inPath = inPath && (c != '?' || level > 0)
			}
			i = next
		}
	}
}

// firstParameter returns a position in a URI before which there are no parameters.
func firstParameter(uri []byte) int {
	query := bytes.IndexByte(uri, '?')
	if query < 0 {
		query = len(uri)
	}
	if path := uri[:query]; bytes.IndexByte(path, '=') >= 0 || bytes.IndexByte(path, '%') >= 0 {
		return 0
	}
	return query
}

// valueEnd returns where a parameter's value ends that begins at i, behind a = of this level of
// encoding. A semicolon may belong to it; short ends it there as well.
func valueEnd(uri []byte, i, level int, inPath, short bool) int {
	for i < len(uri) {
		c, l, next := character(uri, i)
		if l <= level && (c == '&' || short && c == ';' || inPath && (c == '/' || c == '?')) {
			return i
		}
		i = next
	}
	return len(uri)
}

// plainURI says that a URI has no credential in it; false says nothing.
func plainURI(uri []byte) bool {
	for range parameters(uri, isCredential) {
		return false
	}
	return !mayHoldToken(uri)
}

// uri replaces, in the URI b[from:to], given without its quotes, the values of the parameters that
// positions have; credentials: and those that are one by their names, and text that looks like a bearer
// token or a JSON Web Token anywhere else.
func (e *edit) uri(from, to int, credentials bool, positions []*node) {
	wanted := func(name []byte) bool {
		return credentials && isCredential(name) || slices.ContainsFunc(positions, func(n *node) bool {
			return slices.ContainsFunc(n.edges, func(e edge) bool { return e.leads(unescaped(nil, name)) })
		})
	}
	next := from // the first byte not examined
	for value := range parameters(e.b[from:to], wanted) {
		if credentials {
			e.tokens(next, from+value.from, uriToken)
		}
		e.replaceBare(from+value.from, from+value.to)
		next = from + value.to
	}
	if credentials {
		e.tokens(next, to, uriToken)
	}
}
