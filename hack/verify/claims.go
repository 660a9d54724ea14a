package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// claims are the pages whose tables name the test of each row.
var claims = []string{"docs/security.md", "docs/threat-model.md"}

var (
	testFunc   = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	makeTarget = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)
	testName   = regexp.MustCompile("`((?:Test|Fuzz|Benchmark)\\w+|make [a-z0-9-]+)`")
	inDir      = regexp.MustCompile("^(?:, `[^`]+`)* in ([\\w/.-]+\\w)")
)

// tests notes the test functions of a file.
func (c *checker) tests(name string, content []byte) {
	if c.tested == nil {
		c.tested = make(map[string][]string)
	}
	for _, m := range testFunc.FindAllSubmatch(content, -1) {
		c.tested[string(m[1])] = append(c.tested[string(m[1])], path.Dir(name))
	}
}

// claimed reports a row of a table with the column "test" that names no test, or one that the
// tree does not have, or not in the directory that the row says.
func (c *checker) claimed(tree fs.FS) error {
	makefile, _ := fs.ReadFile(tree, "Makefile")
	targets := make(map[string]bool)
	for _, m := range makeTarget.FindAllSubmatch(makefile, -1) {
		targets[string(m[1])] = true
	}
	for _, page := range claims {
		content, err := fs.ReadFile(tree, page)
		if errors.Is(err, fs.ErrNotExist) {
			continue // then the link to it leads nowhere
		}
		if err != nil {
			return err
		}
		tables, inside := 0, false
		for i, line := range bytes.Split(content, []byte("\n")) {
			cells := strings.Split(strings.Trim(string(line), "| "), " | ")
			last := cells[len(cells)-1]
			switch {
			case !bytes.HasPrefix(line, []byte("|")):
				inside = false
			case last == "test":
				tables, inside = tables+1, true
			case inside && !strings.HasPrefix(last, "--"):
				c.row(fmt.Sprintf("%s:%d", page, i+1), last, targets)
			}
		}
		if tables == 0 {
			c.report("%s: no table has a column \"test\"", page)
		}
	}
	return nil
}

func (c *checker) row(at, cell string, targets map[string]bool) {
	named := testName.FindAllStringSubmatchIndex(cell, -1)
	if len(named) == 0 {
		c.report("%s: the row names no test", at)
	}
	for _, m := range named {
		name, dir := cell[m[2]:m[3]], ""
		if in := inDir.FindStringSubmatch(cell[m[1]:]); in != nil {
			dir = in[1]
		}
		dirs := c.tested[name]
		switch target, ok := strings.CutPrefix(name, "make "); {
		case ok && targets[target] || !ok && len(dirs) > 0 && (dir == "" || slices.Contains(dirs, dir)):
		default:
			c.report("%s: there is no %s %s", at, name, dir)
		}
	}
}
