package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/scanner"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
)

const (
	module = "github.com/auditsidecar/auditsidecar/"
	// nodeRoot is the package whose imports run on a control plane.
	nodeRoot = "internal/sidecar"
)

// The bounds of the product's size. Node counts the packages that nodeRoot
// links, tools all others: lines of Go without blank lines and comments,
// without tests, test helpers, e2e, hack and generated files.
const (
	// The sizes after the rebuild into today's packages, 30,497 lines together, are
	// the base. From there the node may grow by 5 % in total. The tools' base includes
	// the packages that left the node since: catalog (543 lines), bucket (320), columns
	// and others (70). They may grow by 1,500 lines for each of seven issues: formats,
	// untrusted input, verbs, detections, deployment forms, engines (with the Iceberg
	// committer), policy and evidence; by 100 for the detections as Sigma rules; and by 300 for
	// verbs that use all cores.
	baseNode   = 24_050
	baseTools  = 6_447 + 543 + 320 + 70
	maxNode    = baseNode + baseNode/20
	maxTools   = baseTools + 7*1_500 + 100 + 300
	maxFiles   = 20 // of a package
	maxMethods = 20 // of a type
	maxFields  = 15 // of a struct, unless its comment gives the reason with the word "fields"
	maxFuncs   = 3  // of a struct

	maxPackages = 560 // in the binary; 534 when it was set
)

// minTested is how many lines of tests parquet/ and the packages below it have
// for each line of code, together.
const minTested = 0.8

// room has the counts of one package of the product.
type room struct {
	files, lines int
	methods      map[string]int
}

// counted reports whether a Go file belongs to the product.
func counted(name string, file *ast.File) bool {
	dir := path.Dir(name)
	top, _, _ := strings.Cut(dir, "/")
	return !strings.HasSuffix(name, "_test.go") && !strings.HasSuffix(dir, "test") && !slices.Contains([]string{".", "e2e", "hack"}, top) &&
		!ast.IsGenerated(file)
}

// room adds a file to the room of its package and reports types that hold too
// much.
func (c *checker) room(name string, content []byte, file *ast.File) {
	dir := path.Dir(name)
	r := c.rooms[dir]
	if r == nil {
		r = &room{methods: make(map[string]int)}
		c.rooms[dir] = r
	}
	r.files++
	r.lines += codeLines(content)
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv != nil {
				r.methods[receiver(d.Recv.List[0].Type)]++
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if t, ok := s.(*ast.TypeSpec); ok {
					c.fields(name, t, d.Doc.Text()+t.Doc.Text())
				}
			}
		}
	}
}

// fields reports a struct with too many fields or functions.
func (c *checker) fields(name string, t *ast.TypeSpec, doc string) {
	s, ok := t.Type.(*ast.StructType)
	if !ok || strings.Contains(doc, "fields") {
		return
	}
	all, funcs := 0, 0
	for _, f := range s.Fields.List {
		n := max(1, len(f.Names))
		all += n
		if _, ok := f.Type.(*ast.FuncType); ok {
			funcs += n
		}
	}
	if all > maxFields {
		c.report("%s: %s has %d fields, more than %d, and its comment gives no reason", name, t.Name, all, maxFields)
	}
	if funcs > maxFuncs {
		c.report("%s: %s has %d functions, more than %d: an interface of the consumer says it better", name, t.Name, funcs, maxFuncs)
	}
}

// below reports whether a directory is top or below it.
func below(dir, top string) bool { return strings.HasPrefix(dir+"/", top+"/") }

// receiver returns the name of a receiver's type.
func receiver(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.IndexExpr:
		return receiver(t.X)
	case *ast.Ident:
		return t.Name
	}
	return ""
}

// codeLines counts the lines of a Go file with a token that is no comment.
func codeLines(content []byte) (n int) {
	var s scanner.Scanner
	files := token.NewFileSet()
	f := files.AddFile("", -1, len(content))
	s.Init(f, content, nil, 0)
	last := 0
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			return n
		}
		if tok == token.SEMICOLON && lit == "\n" {
			continue
		}
		first := f.Line(pos)
		end := first + strings.Count(lit, "\n")
		n += end - max(first-1, last)
		last = end
	}
}

// budget reports rooms that are too full and returns a line with the sizes of
// both parts. linked lists the import paths that nodeRoot links.
func (c *checker) budget(linked []string) string {
	node, tools, parquet := 0, 0, 0
	for _, dir := range slices.Sorted(maps.Keys(c.rooms)) {
		r := c.rooms[dir]
		if r.files > maxFiles {
			c.report("%s: %d files, more than %d", dir, r.files, maxFiles)
		}
		for _, name := range slices.Sorted(maps.Keys(r.methods)) {
			if n := r.methods[name]; n > maxMethods {
				c.report("%s: %s has %d methods, more than %d", dir, name, n, maxMethods)
			}
		}
		if below(dir, "parquet") {
			parquet += r.lines
		}
		if slices.Contains(linked, module+dir) {
			node += r.lines
		} else {
			tools += r.lines
		}
	}
	if node > maxNode {
		c.report("the node's packages have %d lines, more than %d", node, maxNode)
	}
	if tools > maxTools {
		c.report("the tools have %d lines, more than %d", tools, maxTools)
	}
	if float64(c.parquetTests) < minTested*float64(parquet) {
		c.report("parquet and its packages have %d lines of tests for %d of code, fewer than %.1f for each", c.parquetTests, parquet, minTested)
	}
	return fmt.Sprintf("lines of code: node %d of %d (%+d since the base), tools %d of %d (%+d), together %d",
		node, maxNode, node-baseNode, tools, maxTools, tools-baseTools, node+tools)
}

// The path through the code that docs/ARCHITECTURE.md names.
const (
	maxPathFiles = 15
	maxPathLines = 2_500
)

var pathFile = regexp.MustCompile(`(?m)^\d+\. \[([^\]]+\.go)\]`)

// readingPath reports a path through the code that takes too long to read. page
// is the page that names its files.
func (c *checker) readingPath(tree fs.FS, page string) error {
	text, err := fs.ReadFile(tree, page)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	files, lines := pathFile.FindAllStringSubmatch(string(text), -1), 0
	for _, m := range files {
		content, err := fs.ReadFile(tree, m[1])
		if err != nil {
			return err
		}
		lines += codeLines(content)
	}
	if len(files) > maxPathFiles || lines > maxPathLines {
		c.report("%s: the path through the code has %d files and %d lines, more than %d and %d", page, len(files), lines, maxPathFiles, maxPathLines)
	}
	return nil
}

// linked lists the packages that a package links, the standard library's too.
func linked(root string) ([]string, error) {
	cmd := exec.Command("go", "list", "-deps", "./"+root)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as the binary is built
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list -deps ./%s: %w", root, err)
	}
	return strings.Fields(string(out)), nil
}
