package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// maxReadme is how many lines README.md may have: it is read in 30 seconds.
const maxReadme = 120

// lostOf is a measured loss of a pipeline, as README.md and the comparison write it.
var lostOf = regexp.MustCompile(`(\d[\d,]*) of (\d[\d,]*)(?: lines lost)? \|`)

// readme reports a README.md that is too long, or whose figures of lost lines
// are not those of docs/comparison.md: the same numbers, version and date.
func (c *checker) readme(tree fs.FS) error {
	text, err := fs.ReadFile(tree, "README.md")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if n := bytes.Count(text, []byte("\n")); n > maxReadme {
		c.report("README.md: %d lines, more than %d", n, maxReadme)
	}
	comparison, err := fs.ReadFile(tree, "docs/comparison.md")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := c.counts(tree, text); err != nil {
		return err
	}
	for line := range bytes.Lines(text) {
		m := lostOf.FindSubmatch(line)
		if m == nil {
			continue
		}
		if !bytes.Contains(comparison, append(append(bytes.Clone(m[1]), " of "...), m[2]...)) {
			c.report("README.md: docs/comparison.md does not have the figure %s of %s", m[1], m[2])
		}
		if by := measuredBy.FindSubmatch(line); by == nil || !bytes.Contains(comparison, by[1]) || !bytes.Contains(comparison, by[2]) {
			c.report("README.md: docs/comparison.md does not have program, version and month of: %s", bytes.TrimSpace(line))
		}
	}
	return nil
}

// counts reports numbers of alerts and queries in README.md that are not those of
// the shipped files, and queries without an entry in their index.
func (c *checker) counts(tree fs.FS, readme []byte) error {
	queries, err := fs.Glob(tree, "manifests/queries/*.sql")
	if err != nil || len(queries) == 0 {
		return err
	}
	index, err := fs.ReadFile(tree, "manifests/queries/README.md")
	if err != nil {
		return err
	}
	for _, name := range queries {
		if base := path.Base(name); !bytes.Contains(index, []byte("]("+base+")")) {
			c.report("%s: manifests/queries/README.md does not list it", name)
		}
	}
	rules, err := fs.ReadFile(tree, "manifests/loki/rules.yaml")
	if err != nil {
		return err
	}
	for _, want := range []string{
		fmt.Sprintf("[%d queries](", len(queries)),
		fmt.Sprintf("[%d alerts](", len(alertRule.FindAll(rules, -1))),
	} {
		if !bytes.Contains(readme, []byte(want)) {
			c.report("README.md: it does not say %q, which is the number of shipped files", want)
		}
	}
	return nil
}

var alertRule = regexp.MustCompile(`(?m)^\s*- alert: `)

// costs are the costs that pages quote from docs/BENCHMARKS.md, as multiples of zstd -1: the
// row of its table, whose second figure it is, and the words before the figure on the page.
var costs = []struct{ page, row, words string }{
	{"docs/sizing.md", "archive alone", "conversion with its check takes "},
	{"docs/operations.md", "archive alone", "Catching up costs "},
	{"docs/comparison.md", "both", "| 28 to 30 s usual, 69 s tuned | "},
}

// costs reports quoted costs that are not those of docs/BENCHMARKS.md, rounded.
func (c *checker) costs(tree fs.FS) error {
	bench, err := fs.ReadFile(tree, "docs/BENCHMARKS.md")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, q := range costs {
		m := regexp.MustCompile(`(?m)^` + q.row + ` +[0-9.]+ +([0-9.]+) `).FindSubmatch(bench)
		if m == nil {
			c.report("docs/BENCHMARKS.md: no row %q", q.row)
			continue
		}
		figure, err := strconv.ParseFloat(string(m[1]), 64)
		if err != nil {
			return err
		}
		page, err := fs.ReadFile(tree, q.page)
		if err != nil {
			return err
		}
		if want := fmt.Sprintf("%s%.1f", q.words, figure); !strings.Contains(strings.Join(strings.Fields(string(page)), " "), want) {
			c.report("%s: it does not say %q, as docs/BENCHMARKS.md has %s", q.page, want, m[1])
		}
	}
	return nil
}

// measuredBy is a program with its version, and the month of a measurement.
var measuredBy = regexp.MustCompile(`^\| ([^|(]*[^|( ]) .*?(\w+ 20\d\d)\)`)
