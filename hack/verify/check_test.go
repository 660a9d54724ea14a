package main

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func file(content string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(content)} }

func TestCheck(t *testing.T) {
	base := fstest.MapFS{
		"docs/DESIGN.md":     file("## Invariants\n- **I1** every byte\n- **I2** each line\n"),
		"docs/README.md":     file("[design](DESIGN.md)"),
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
		{"a name that says nothing", "internal/hold/b.go", "package util\n", "package util"},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree := fstest.MapFS{test.path: file(test.content)}
			for name, f := range base {
				if tree[name] == nil {
					tree[name] = f
				}
			}
			got, err := check(tree)
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
	for _, missing := range []string{"docs/DESIGN.md", ".golangci.yml"} {
		tree := fstest.MapFS{"docs/DESIGN.md": file(""), ".golangci.yml": file("")}
		delete(tree, missing)
		if got, err := check(tree); err == nil {
			t.Errorf("without %s: findings %q and no error", missing, got)
		}
	}
}

func TestFindingsAreSorted(t *testing.T) {
	tree := fstest.MapFS{
		"docs/DESIGN.md": file(""), "docs/README.md": file("[design](DESIGN.md)"), ".golangci.yml": file(""),
		"rotate/a.go": file("package rotate\n"), "hack/b.go": file("package misc\n"),
	}
	got, err := check(tree)
	if err != nil || len(got) != 2 || !slices.IsSorted(got) {
		t.Errorf("findings %q, %v", got, err)
	}
}
