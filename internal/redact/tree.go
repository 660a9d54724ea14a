package redact

import (
	"bytes"
	"slices"
)

// node is a place in a JSON value. Several nodes may stand for one place, each
// of another rule. Nodes of lists point back to the node of an item, so that
// there are cycles; nobody changes a node once its rule is made.
type node struct {
	edges []edge
	// hit: every value here and below is replaced.
	hit bool
	// bare: a value that is neither object nor array is replaced. It stands
	// where an object or a list is expected, and so means nothing.
	bare bool
	// manifests: a string in here that holds an object as JSON is replaced.
	manifests bool
}

// edge leads from a place to those below it.
type edge struct {
	name  string   // of a member, in any case
	but   []string // members of any other name than these, in lower case
	tail  string   // members whose name ends like this
	head  string   // members whose name begins like this
	every bool     // members of any name
	items bool     // elements of a list
	to    *node
}

// leads says whether an edge leads to a member.
func (e *edge) leads(key []byte) bool {
	switch {
	case e.every:
		return true
	case e.name != "":
		return isName(key, e.name)
	case e.but != nil:
		return !slices.ContainsFunc(e.but, func(name string) bool { return isName(key, name) })
	case e.tail != "":
		return bytes.HasSuffix(key, []byte(e.tail))
	case e.head != "":
		return bytes.HasPrefix(key, []byte(e.head))
	}
	return false
}

// all is the place where everything is replaced.
func all() *node { return &node{hit: true} }

func named(name string, to *node) edge { return edge{name: name, to: to} }

// list is a place whose elements are places of their own.
func list(item *node) *node {
	return &node{edges: []edge{{items: true, every: true, to: item}}, bare: item.bare}
}

// asList adds the ways to a further object of the same kind: the items of a
// list, the rows of a table and the object of a watch event.
func asList(root *node) *node {
	row := &node{edges: []edge{named("object", root)}, bare: root.bare}
	root.edges = append(root.edges, named("items", list(root)), named("rows", list(row)), named("object", root))
	return root
}

// step appends the places that a member, or an element where it has no key,
// leads to. A segment of a JSON pointer can be either.
func step(dst []*node, from []*node, key []byte, isMember, isItem bool) []*node {
	for _, n := range from {
		for i := range n.edges {
			e := &n.edges[i]
			if isItem && e.items || isMember && e.leads(key) {
				dst = append(dst, e.to)
			}
		}
	}
	return dst
}

func hits(nodes []*node) bool {
	return slices.ContainsFunc(nodes, func(n *node) bool { return n.hit })
}
