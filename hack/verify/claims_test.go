package main

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestClaimed(t *testing.T) {
	for row, want := range map[string]string{
		"| a | b | `TestFound` |":                               "",
		"| a | b | `TestFound` in internal/hold |":              "",
		"| a | b | `make soak`, with an account |":              "",
		"| a | b | `TestFound`, `FuzzFound` in internal/hold |": "",
		"| a | b | `TestFound` in internal/ledger |":            "no TestFound internal/ledger",
		"| a | b | `TestFound`, `TestLost` |":                   "no TestLost",
		"| a | b | `TestFound`, `TestLost` in internal/hold |":  "no TestLost internal/hold",
		"| a | b | `make rain` |":                               "no make rain",
		"| a | b | by eye |":                                    "names no test",
	} {
		var c checker
		c.tests("internal/hold/a_test.go", []byte("package hold\nfunc TestFound(t *testing.T) {}\nfunc FuzzFound(f *testing.F) {}\n"))
		page := file("| who | what | test |\n|---|---|---|\n" + row + "\n\n| no | claim |\n")
		tree := fstest.MapFS{"Makefile": file("soak: build\n"), "docs/security.md": page, "docs/threat-model.md": page}
		if err := c.claimed(tree); err != nil {
			t.Fatal(err)
		}
		if want == "" && len(c.findings) > 0 || want != "" && !slices.ContainsFunc(c.findings, func(f string) bool { return strings.Contains(f, want) }) {
			t.Errorf("%s: findings %q, want %q", row, c.findings, want)
		}
	}
	var c checker
	if err := c.claimed(fstest.MapFS{"docs/security.md": file("x"), "docs/threat-model.md": file("x")}); err != nil || len(c.findings) != 2 {
		t.Errorf("without a table: %q, %v", c.findings, err)
	}
}
