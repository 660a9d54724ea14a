package main

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestReadme(t *testing.T) {
	const row = "| Fluent Bit 5.1 (development version, November 2026) | 8,005 of 119,959 |\n"
	for name, test := range map[string]struct{ readme, want string }{
		"the figures of the comparison": {row, ""},
		"another figure":                {strings.Replace(row, "8,005", "9,005", 1), "9,005 of 119,959"},
		"another version":               {strings.Replace(row, "5.1", "5.2", 1), "version and month"},
		"another month":                 {strings.Replace(row, "November", "October", 1), "version and month"},
		"no month":                      {strings.Replace(row, ", November 2026", "", 1), "version and month"},
		"120 lines":                     {strings.Repeat("\n", 120), ""},
		"121 lines":                     {strings.Repeat("\n", 121), "121 lines"},
	} {
		c := checker{}
		err := c.readme(fstest.MapFS{
			"README.md":          file(test.readme),
			"docs/comparison.md": file("Measured in November 2026 with Fluent Bit 5.1 (development)\n| 8,005 of 119,959 lines lost | 0 |\n"),
		})
		got := strings.Join(c.findings, "\n")
		if err != nil || (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, %v, want %q", name, got, err, test.want)
		}
	}
}

func TestCounts(t *testing.T) {
	const readme = "[1 queries](manifests/queries) and [2 alerts](manifests/detections)"
	for name, test := range map[string]struct{ readme, index, want string }{
		"the counts of the files":     {readme, "[a](a.sql)", ""},
		"another number of queries":   {strings.Replace(readme, "1", "3", 1), "[a](a.sql)", "1 queries"},
		"another number of alerts":    {strings.Replace(readme, "2", "3", 1), "[a](a.sql)", "2 alerts"},
		"a query without index entry": {readme, "", "a.sql: manifests/queries/README.md"},
	} {
		c := checker{}
		err := c.readme(fstest.MapFS{
			"README.md":                   file(test.readme),
			"docs/comparison.md":          file(""),
			"manifests/queries/a.sql":     file(""),
			"manifests/queries/README.md": file(test.index),
			"manifests/loki/rules.yaml":   file("- alert: A\n- alert: B\n"),
		})
		got := strings.Join(c.findings, "\n")
		if err != nil || (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, %v, want %q", name, got, err, test.want)
		}
	}
}

func TestCosts(t *testing.T) {
	const bench = "archive alone      9.69   5.92   54\nboth   13.23  8.08  55\narchive alone  9.9  6.3  54\n"
	pages := fstest.MapFS{
		"docs/BENCHMARKS.md": file(bench),
		"docs/sizing.md":     file("conversion with its\ncheck takes 5.9 times"),
		"docs/operations.md": file("Catching up costs 5.9 times"),
		"docs/comparison.md": file("| 28 to 30 s usual, 69 s tuned | 8.1 times"),
	}
	for name, test := range map[string]struct{ page, content, want string }{
		"the measured costs": {"docs/BENCHMARKS.md", bench, ""},
		"another cost":       {"docs/sizing.md", "conversion with its check takes 9.7 times", "docs/sizing.md"},
		"a new measurement":  {"docs/BENCHMARKS.md", strings.Replace(bench, "5.92", "5.50", 1), "5.5"},
	} {
		old := pages[test.page]
		pages[test.page] = file(test.content)
		c := checker{}
		err := c.costs(pages)
		pages[test.page] = old
		got := strings.Join(c.findings, "\n")
		if err != nil || (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, %v, want %q", name, got, err, test.want)
		}
	}
}
