package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// Comments and texts stand on the lines of their source; imports, tags, SQL and
// the literals of tests are no texts.
func TestExtract(t *testing.T) {
	const source = `// Package a is a package.
package a

import "the package of another"

type t struct {
	F int ` + "`a tag of this`" + ` // a comment behind
}

//go:noinline
var help = "the help of a flag"
var query = "SELECT a of this FROM b"
`
	dir := t.TempDir()
	lines, err := extract(fstest.MapFS{
		"a/a.go":          {Data: []byte(source)},
		"a/a_test.go":     {Data: []byte("package a\n\nvar x = \"the text of a test\" // its comment\n")},
		"docs/a.md":       {Data: []byte("# Title\n\ntext\n")},
		"a/testdata/b.md": {Data: []byte("left out\n")},
		"m/a.yaml":        {Data: []byte("a: 1\n  summary: the text of an alert\n")},
	}, dir)
	if err != nil {
		t.Fatal(err)
	}
	if lines != 2+1+2 {
		t.Errorf("%d lines of prose, want 5", lines)
	}
	for name, want := range map[string]string{
		"a/a.go.comments.txt":      "Package a is a package.\n\n\n\n\n\na comment behind\n\n\n\n\n\n\n",
		"a/a.go.texts.txt":         "\n\n\n\n\n\n\n\n\n\nthe help of a flag\n\n\n",
		"a/a_test.go.comments.txt": "\n\nits comment\n\n",
		"docs/a.md":                "# Title\n\ntext\n",
		"m/a.yaml.txt":             "\nsummary: the text of an alert\n\n",
	} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(got) != want {
			t.Errorf("%s: %v, %q, want %q", name, err, got, want)
		}
	}
	for _, name := range []string{"a/a_test.go.texts.txt", "a/testdata"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s was written", name)
		}
	}
}

func TestCheckSubject(t *testing.T) {
	for subject, want := range map[string]string{
		"hold: link files at once":            "",
		"e2e/loki, docs: add a dashboard":     "",
		"README: fit on one screen":           "",
		"fix things":                          "write the packages",
		"some things here: fix them":          "write the packages",
		"hold: Link files":                    "lower-case",
		"hold: link":                          "its object",
		"hold: a test without the machine":    "imperative",
		"hold: added a link":                  "imperative",
		"hold: linking files":                 "imperative",
		"hold: do " + strings.Repeat("x", 99): "more than 100",
	} {
		err := checkSubject(subject)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", subject, err, want)
		}
	}
}
