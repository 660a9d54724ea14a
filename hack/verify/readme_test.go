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
