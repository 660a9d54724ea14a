package main

import (
	"bytes"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/auditsidecar/auditsidecar/hack/dirs"
	"github.com/auditsidecar/auditsidecar/hack/pictures/inputs"
)

// maxLines is the longest that a file of code may be.
const maxLines = 400

var (
	invariant     = regexp.MustCompile(`(?m)^- \*\*(I\d+)\*\*`)
	invariantTest = regexp.MustCompile(`(?m)^func (?:Test|Fuzz|Benchmark)(I\d+)_`)
	codeFile      = regexp.MustCompile(`\.(go|mjs|js|sh|py)$`)
)

// check walks the tree and returns its findings, one line each, sorted, and the
// size of the product. linked lists the import paths that run on a node.
func check(tree fs.FS, linked []string) (findings []string, size string, err error) {
	design, err := fs.ReadFile(tree, "docs/INVARIANTS.md")
	if err != nil {
		return nil, "", fmt.Errorf("read the invariants: %w", err)
	}
	lint, err := fs.ReadFile(tree, ".golangci.yml")
	if err != nil {
		return nil, "", fmt.Errorf("read the linter's rules: %w", err)
	}
	c := checker{known: make(map[string]bool), lint: lint, packages: make(map[string]bool), rooms: make(map[string]*room), maps: make(map[string]*fileMap)}
	for _, m := range invariant.FindAllSubmatch(design, -1) {
		c.known[string(m[1])] = true
	}
	if err := fs.WalkDir(tree, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && dirs.Skipped(name):
			return fs.SkipDir
		case e.IsDir() || !codeFile.MatchString(name):
			return nil
		}
		content, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		return c.file(name, content)
	}); err != nil {
		return nil, "", fmt.Errorf("walk the tree: %w", err)
	}
	if err := c.links(tree); err != nil {
		return nil, "", fmt.Errorf("follow the links: %w", err)
	}
	if err := c.claimed(tree); err != nil {
		return nil, "", fmt.Errorf("look for the tests of claims: %w", err)
	}
	if err := c.releases(tree); err != nil {
		return nil, "", fmt.Errorf("compare the versions: %w", err)
	}
	if err := c.readme(tree); err != nil {
		return nil, "", fmt.Errorf("compare the figures of README.md: %w", err)
	}
	if err := c.costs(tree); err != nil {
		return nil, "", fmt.Errorf("compare the costs: %w", err)
	}
	if err := c.readingPath(tree, "docs/ARCHITECTURE.md"); err != nil {
		return nil, "", fmt.Errorf("read the path through the code: %w", err)
	}
	c.fileMaps()
	stale, err := inputs.Check(tree)
	if err != nil {
		return nil, "", fmt.Errorf("compare the pictures with their inputs: %w", err)
	}
	c.findings = append(c.findings, stale...)
	size = c.budget(linked)
	slices.Sort(c.findings)
	return c.findings, size, nil
}

// checker collects findings over the files of the tree.
type checker struct {
	known    map[string]bool // invariants of the design
	lint     []byte          // .golangci.yml
	packages map[string]bool // directories already looked up in it
	rooms    map[string]*room
	maps     map[string]*fileMap
	tested   map[string][]string // directories of a test, by its name
	findings []string

	parquetTests int // lines of the tests of parquet and its packages
}

func (c *checker) report(format string, args ...any) {
	c.findings = append(c.findings, fmt.Sprintf(format, args...))
}

func (c *checker) file(name string, content []byte) error {
	if lines := bytes.Count(content, []byte("\n")); lines > maxLines {
		c.report("%s: %d lines, more than %d", name, lines, maxLines)
	}
	if !strings.HasSuffix(name, ".go") {
		return nil
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, content, parser.ParseComments)
	if err != nil {
		return err
	}
	c.words(name, file)
	c.mapFile(name, file)
	c.tests(name, content)
	if counted(name, file) {
		c.room(name, content, file)
	}
	if strings.HasSuffix(name, "_test.go") && below(path.Dir(name), "parquet") {
		c.parquetTests += codeLines(content)
	}
	for _, m := range invariantTest.FindAllSubmatch(content, -1) {
		if !c.known[string(m[1])] {
			c.report("%s: a test is named after %s, which docs/INVARIANTS.md does not have", name, m[1])
		}
	}
	switch file.Name.Name {
	case "util", "utils", "common", "types", "helpers", "misc":
		c.report("%s: package %s says nothing: name it after its content", name, file.Name)
	}
	c.importRule(path.Dir(name))
	return nil
}

// importRule reports a package of the product for which the linter keeps no
// import rule. Test material needs none: it is kept out of the binary.
func (c *checker) importRule(dir string) {
	top, _, _ := strings.Cut(dir, "/")
	if dir == "." || c.packages[dir] || slices.Contains([]string{"cmd", "e2e", "hack"}, top) || strings.HasSuffix(dir, "test") {
		return
	}
	c.packages[dir] = true
	if !bytes.Contains(c.lint, []byte(`"**/`+dir+`/*.go"`)) {
		c.report("%s: no import rule in .golangci.yml (docs/ARCHITECTURE.md, \"Packages\")", dir)
	}
}
