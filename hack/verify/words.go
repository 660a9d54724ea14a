package main

import (
	"go/ast"
	"path"
	"strings"
	"unicode"
)

// replaced maps words that no name may have to the term that it has instead.
// CONTRIBUTING.md has the list of terms.
var replaced = map[string]string{
	"anew":    "again",
	"away":    "unavailable",
	"doubt":   "suspect",
	"flying":  "in flight",
	"glance":  "sampling",
	"house":   "fixture",
	"landed":  "completed",
	"landing": "completed",
	"parcel":  "batch",
	"parcels": "batches",
	"place":   "source or path",
	"places":  "sources or paths",
	"rig":     "fixture",
	"tell":    "report",
	"told":    "reported",
}

// words reports a file name and the names that a file declares if they contain
// a replaced word.
func (c *checker) words(name string, file *ast.File) {
	report := func(what, ident string) {
		words := split(ident)
		for i, w := range words {
			if term, ok := replaced[w]; ok && (i == 0 || words[i-1] != "in") { // "in place" is a term
				c.report("%s: %s %s: say %s, not %s", name, what, ident, term, w)
			}
		}
	}
	report("file", strings.TrimSuffix(path.Base(name), ".go"))
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			report("function", n.Name.Name)
		case *ast.TypeSpec:
			report("type", n.Name.Name)
		case *ast.ValueSpec:
			for _, id := range n.Names {
				report("name", id.Name)
			}
		case *ast.Field:
			for _, id := range n.Names {
				report("name", id.Name)
			}
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				if id, ok := e.(*ast.Ident); ok && id.Obj != nil && id.Obj.Decl == n {
					report("name", id.Name)
				}
			}
		}
		return true
	})
}

// split returns the words of an identifier or a file name, in lower case.
func split(ident string) []string {
	var b strings.Builder
	lower := false
	for _, r := range ident {
		switch {
		case !unicode.IsLetter(r):
			r = ' '
		case unicode.IsUpper(r) && lower:
			b.WriteByte(' ')
		}
		lower = unicode.IsLower(r)
		b.WriteRune(unicode.ToLower(r))
	}
	return strings.Fields(b.String())
}
