package redact

import (
	"bytes"
	"slices"
)

// node is a position in a JSON value. Several nodes may stand for one position, each
// of another rule. Nodes of lists point back to the node of an item, so that
// there are cycles; a node does not change once its rule is made.
type node struct {
	edges []edge
	// hit: every value here and below is replaced; whole: by one marker, names included.
	hit, whole bool
	// bare: a value that is neither object nor array is replaced. It stands
	// where an object or a list is expected, and so means nothing.
	bare bool
	// manifests: a string in here that may hold a Secret or a ConfigMap in any form is replaced;
	// secrets: one that holds a Secret.
	manifests, secrets bool
	// tokens: text that looks like a bearer token or a JSON Web Token in a string here is replaced.
	tokens bool
}

// where selects the elements of a list that have a member of this name whose string matches.
type where struct {
	member string
	match  func(text []byte) bool
}

// edge leads from a position to those below it.
type edge struct {
	name  string                 // of a member, in any case
	but   []string               // members of any other name than these, in lower case
	head  string                 // members whose name begins like this
	match func(name []byte) bool // members whose name matches
	every bool                   // members of any name
	items bool                   // elements of a list
	where *where                 // only these elements; nil: all
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
	case e.match != nil:
		return e.match(key)
	case e.head != "":
		return bytes.HasPrefix(key, []byte(e.head))
	}
	return false
}

// all is the position where everything is replaced.
func all() *node { return &node{hit: true} }

func named(name string, to *node) edge { return edge{name: name, to: to} }

// list is a position whose elements are positions of their own.
func list(item *node) *node {
	return &node{edges: []edge{{items: true, every: true, to: item}}, bare: item.bare}
}

// anywhere is a position from which an edge may begin at any depth.
func anywhere(e edge) *node {
	n := &node{}
	n.edges = []edge{{items: true, every: true, to: n}, e}
	return n
}

// asList adds the ways to a further object of the same kind: the items of a
// list, the rows of a table and the object of a watch event.
func asList(root *node) *node {
	row := &node{edges: []edge{named("object", root)}, bare: root.bare}
	root.edges = append(root.edges, named("items", list(root)), named("rows", list(row)), named("object", root))
	return root
}

// hits says whether everything at a position is replaced, and whether by one marker.
func hits(nodes []*node) (hit, whole bool) {
	for _, n := range nodes {
		hit, whole = hit || n.hit, whole || n.whole
	}
	return hit, whole
}
