package main

import (
	"bytes"
	"errors"
	"io/fs"
	"regexp"
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

// measuredBy is a program with its version, and the month of a measurement.
var measuredBy = regexp.MustCompile(`^\| ([^|(]*[^|( ]) .*?(\w+ 20\d\d)\)`)
