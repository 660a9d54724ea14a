package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// maxLines is the longest that a file of code may be.
const maxLines = 400

var (
	invariant     = regexp.MustCompile(`(?m)^- \*\*(I\d+)\*\*`)
	invariantTest = regexp.MustCompile(`(?m)^func (?:Test|Fuzz|Benchmark)(I\d+)_`)
	packageClause = regexp.MustCompile(`(?m)^package (\w+)`)
	codeFile      = regexp.MustCompile(`\.(go|mjs|js|sh|py)$`)
)

// check walks the tree and returns its findings, one line each, sorted.
func check(tree fs.FS) ([]string, error) {
	design, err := fs.ReadFile(tree, "docs/DESIGN.md")
	if err != nil {
		return nil, fmt.Errorf("read the design: %w", err)
	}
	lint, err := fs.ReadFile(tree, ".golangci.yml")
	if err != nil {
		return nil, fmt.Errorf("read the linter's rules: %w", err)
	}
	c := checker{known: make(map[string]bool), lint: lint, packages: make(map[string]bool)}
	for _, m := range invariant.FindAllSubmatch(design, -1) {
		c.known[string(m[1])] = true
	}
	if err := fs.WalkDir(tree, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && skipped(name):
			return fs.SkipDir
		case e.IsDir() || !codeFile.MatchString(name):
			return nil
		}
		content, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		c.file(name, content)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("walk the tree: %w", err)
	}
	if err := c.links(tree); err != nil {
		return nil, fmt.Errorf("follow the links: %w", err)
	}
	slices.Sort(c.findings)
	return c.findings, nil
}

// skipped says whether a directory holds nothing that people wrote here.
func skipped(dir string) bool {
	base := path.Base(dir)
	return base == "testdata" || base == "node_modules" || dir == "bin" || dir == "dist" ||
		len(base) > 1 && strings.HasPrefix(base, ".") && base != ".ci"
}

// checker collects findings over the files of the tree.
type checker struct {
	known    map[string]bool // invariants of the design
	lint     []byte          // .golangci.yml
	packages map[string]bool // directories already looked up in it
	findings []string
}

func (c *checker) report(format string, args ...any) {
	c.findings = append(c.findings, fmt.Sprintf(format, args...))
}

func (c *checker) file(name string, content []byte) {
	if lines := bytes.Count(content, []byte("\n")); lines > maxLines {
		c.report("%s: %d lines, more than %d", name, lines, maxLines)
	}
	if !strings.HasSuffix(name, ".go") {
		return
	}
	for _, m := range invariantTest.FindAllSubmatch(content, -1) {
		if !c.known[string(m[1])] {
			c.report("%s: a test is named after %s, which docs/DESIGN.md does not have", name, m[1])
		}
	}
	if m := packageClause.FindSubmatch(content); m != nil {
		switch string(m[1]) {
		case "util", "utils", "common", "types", "helpers", "misc":
			c.report("%s: package %s says nothing: name it after what it holds", name, m[1])
		}
	}
	c.importRule(path.Dir(name))
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
