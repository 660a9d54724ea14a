package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func file(content string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(content)} }

func TestCheck(t *testing.T) {
	base := fstest.MapFS{
		"docs/INVARIANTS.md": file("## Invariants\n- **I1** every byte\n- **I2** each line\n"),
		"docs/README.md":     file("[design](INVARIANTS.md)"),
		".golangci.yml":      file("files: [\"**/internal/hold/*.go\"]\n"),
		"internal/hold/a.go": file("package hold\n"),
	}
	for _, test := range []struct {
		name, path, content string
		want                string // "" = no finding
	}{
		{"a known invariant", "internal/hold/a_test.go", "package hold\nfunc TestI2_lines(t *testing.T) {}\n", ""},
		{"an unknown invariant", "internal/hold/a_test.go", "package hold\nfunc TestI7_quiet(t *testing.T) {}\n", "I7"},
		{"an unknown one in a fuzz test", "internal/hold/a_test.go", "package hold\nfunc FuzzI12_x(f *testing.F) {}\n", "I12"},
		{"400 lines", "internal/hold/b.go", "package hold\n" + strings.Repeat("\n", 399), ""},
		{"401 lines", "internal/hold/b.go", "package hold\n" + strings.Repeat("\n", 400), "401 lines"},
		{"a long script", "hack/x.mjs", strings.Repeat("\n", 401), "401 lines"},
		{"a long file in testdata", "internal/hold/testdata/b.go", strings.Repeat("\n", 500), ""},
		{"a long file of npm", "e2e/duckdb/node_modules/b.js", strings.Repeat("\n", 500), ""},
		{"a package without a rule", "internal/ledger/a.go", "package ledger\n", "internal/ledger: no import rule"},
		{"a command", "cmd/auditsidecar/main.go", "package main\n", ""},
		{"test material", "internal/lokitest/a.go", "package lokitest\n", ""},
		{"a replaced word in a name", "internal/hold/b.go", "package hold\nfunc takeParcel() {}\n", "say batch, not parcel"},
		{"a replaced word in a file's name", "internal/hold/glance.go", "package hold\n", "say sampling, not glance"},
		{"a word of the field", "internal/hold/b.go", "package hold\nfunc batch() { replaced := 1; _ = replaced }\n", ""},
		{"a file that its package's list leaves out", "internal/hold/doc.go", "// Package hold holds.\n//\n// # Files\n//\n// None.\npackage hold\n", "a.go is not in the list"},
		{"a list with a file that is not there", "internal/hold/doc.go", "// Package hold holds.\n//\n// # Files\n//\n//\ta.go   all\n//\tb.go   more\npackage hold\n", "lists b.go"},
		{"a list of all files", "internal/hold/doc.go", "// Package hold holds.\n//\n// # Files\n//\n//\t?.go   all\npackage hold\n", ""},
		{"a long line of text", "docs/README.md", "[design](INVARIANTS.md) " + strings.Repeat("word ", 30), "README.md:1: a paragraph"},
		{"a long line of a table", "docs/README.md", "[design](INVARIANTS.md)\n\n| " + strings.Repeat("word ", 30) + "|\n", ""},
		{"many fields", "internal/hold/b.go", "package hold\ntype T struct {" + strings.Repeat("f int;", 16) + "}\n", "T has 16 fields"},
		{"many fields with a reason", "internal/hold/b.go", "package hold\n// T has the fields of the form.\ntype T struct {" + strings.Repeat("f int;", 16) + "}\n", ""},
		{"many functions", "internal/hold/b.go", "package hold\ntype T struct { a, b, c, d func() }\n", "T has 4 functions"},
		{"many methods", "internal/hold/b.go", "package hold\ntype T int\n" + strings.Repeat("func (t *T) m() {}\n", 21), "T has 21 methods"},
		{"a name that says nothing", "internal/hold/b.go", "package util\n", "package util"},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree := fstest.MapFS{test.path: file(test.content)}
			for name, f := range base {
				if tree[name] == nil {
					tree[name] = f
				}
			}
			got, _, err := check(tree, nil)
			if err != nil {
				t.Fatal(err)
			}
			if test.want == "" && len(got) != 0 || test.want != "" && (len(got) != 1 || !strings.Contains(got[0], test.want)) {
				t.Errorf("findings %q, want %q", got, test.want)
			}
		})
	}
}

func TestCheckNeedsTheDesign(t *testing.T) {
	for _, missing := range []string{"docs/INVARIANTS.md", ".golangci.yml"} {
		tree := fstest.MapFS{"docs/INVARIANTS.md": file(""), ".golangci.yml": file("")}
		delete(tree, missing)
		if got, _, err := check(tree, nil); err == nil {
			t.Errorf("without %s: findings %q and no error", missing, got)
		}
	}
}

func TestFindingsAreSorted(t *testing.T) {
	tree := fstest.MapFS{
		"docs/INVARIANTS.md": file(""), "docs/README.md": file("[design](INVARIANTS.md)"), ".golangci.yml": file(""),
		"rotate/a.go": file("package rotate\n"), "hack/b.go": file("package misc\n"),
	}
	got, _, err := check(tree, nil)
	if err != nil || len(got) != 2 || !slices.IsSorted(got) {
		t.Errorf("findings %q, %v", got, err)
	}
}

func TestCodeLines(t *testing.T) {
	const code = "// Package x.\npackage x\n\n/* a\nb */\nvar s = `one\ntwo`\n\nfunc f() { // why\n\tg(\n\t\t1,\n\t)\n}\n"
	if n := codeLines([]byte(code)); n != 8 {
		t.Errorf("%d lines of code, want 8", n)
	}
}

func TestBudget(t *testing.T) {
	c := checker{rooms: map[string]*room{"internal/hold": {files: 20, lines: 7}, "internal/ddl": {files: 21, lines: 5}}}
	size := c.budget([]string{module + "internal/hold"})
	if !strings.Contains(size, "node 7 ") || !strings.Contains(size, "tools 5 ") || !strings.Contains(size, "together 12") {
		t.Error(size)
	}
	if len(c.findings) != 1 || !strings.Contains(c.findings[0], "internal/ddl: 21 files") {
		t.Errorf("findings %q", c.findings)
	}
}

func TestParquetIsTested(t *testing.T) {
	for lines, want := range map[int]int{79: 1, 80: 0} {
		c := checker{
			packages: map[string]bool{"parquet/internal/schema": true, "rotate": true},
			rooms:    map[string]*room{"parquet": {lines: 60}, "parquet/internal/schema": {lines: 40}, "rotate": {lines: 900}},
		}
		tests := []byte("package a\n// A comment.\n" + strings.Repeat("var _ = 1\n", lines-1))
		if err := errors.Join(c.file("parquet/internal/schema/a_test.go", tests), c.file("rotate/a_test.go", tests)); err != nil {
			t.Fatal(err)
		}
		if c.budget(nil); len(c.findings) != want {
			t.Errorf("%d lines of tests for 100 of code: findings %q", lines, c.findings)
		}
	}
}

func TestReadingPath(t *testing.T) {
	tree := fstest.MapFS{"a.go": file("package a\n" + strings.Repeat("var x = 1\n", 200))}
	for n, want := range map[int]int{12: 0, 13: 1, 16: 1} { // 2,412, 2,613 and 3,216 lines
		tree["docs/ARCHITECTURE.md"] = file(strings.Repeat("1. [a.go](x): y\n", n))
		var c checker
		if err := c.readingPath(tree, "docs/ARCHITECTURE.md"); err != nil || len(c.findings) != want {
			t.Errorf("%d files: %v, findings %q", n, err, c.findings)
		}
	}
}
