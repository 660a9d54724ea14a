package main

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestLinks(t *testing.T) {
	const rules = "      - alert: DiskFull\n        annotations:\n          runbook_url: '" + published + "docs/operations.md#diskfull'\n"
	for _, test := range []struct {
		name, path, content string
		want                string // "" = no finding
	}{
		{"a file", "docs/a.md", "see [b](operations.md) and [up](../README.md)", ""},
		{"a directory", "docs/a.md", "[all](../docs)", ""},
		{"an anchor", "docs/a.md", "[b](operations.md#what-is-it-exactly)", ""},
		{"an anchor of its own", "docs/a.md", "# One two\n[up](#one-two)", ""},
		{"the web", "docs/a.md", "[b](https://example.com/x#y) [m](mailto:a@example.com)", ""},
		{"in code", "docs/a.md", "```\n[b](nowhere.md)\n```\n", ""},
		{"nowhere", "docs/a.md", "[b](nowhere.md)", "docs/nowhere.md leads nowhere"},
		{"no such heading", "docs/a.md", "[b](operations.md#gone)", "docs/operations.md#gone: there is no such heading"},
		{"no such heading of its own", "docs/a.md", "[b](#gone)", "docs/a.md#gone"},
		{"a comment in code is no heading", "docs/a.md", "[b](operations.md#in-code)", "docs/operations.md#in-code"},
		{"published", "manifests/x.yaml", "# " + published + "docs/operations.md#diskfull.", ""},
		{"published nowhere", "manifests/x.yaml", "url: " + published + "docs/gone.md", "docs/gone.md leads nowhere"},
		{"a page that is not in the index", "docs/b.md", "", "docs/b.md: docs/README.md does not link to it"},
		{"an alert", "manifests/prometheus/x.rules.yaml", rules, ""},
		{"an alert without a runbook", "manifests/prometheus/x.rules.yaml", rules + "      - alert: Other\n", "the alert Other has no runbook_url"},
		{"an alert with that of another", "manifests/prometheus/x.rules.yaml", strings.ReplaceAll(rules, ": DiskFull", ": Other"), "the alert Other has no runbook_url"},
		{"an alert without a section", "manifests/prometheus/x.rules.yaml", strings.NewReplacer(": DiskFull", ": Other", "#diskfull", "#other").Replace(rules), "docs/operations.md#other: there is no such heading"},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree := fstest.MapFS{
				"README.md": file(""), ".golangci.yml": file(""), "docs/INVARIANTS.md": file(""),
				"docs/README.md":     file("[d](INVARIANTS.md) [o](operations.md) [a](a.md)"),
				"docs/a.md":          file(""),
				"docs/operations.md": file("# Operations\n## `DiskFull`\n### What is it, [exactly](../README.md)?\n```\n# in code\n```\n"),
			}
			tree[test.path] = file(test.content)
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
