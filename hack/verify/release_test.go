package main

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestReleases(t *testing.T) {
	for name, test := range map[string]struct{ changes, readme, image, want string }{
		"nothing is released":     {"## [Unreleased]\nThe next version is v0.1.0-rc.1.\n", "Nothing is released yet", "v0.1.0-rc.1", ""},
		"a release":               {"## [Unreleased]\n## [0.1.0] - 2026-12-01\n", "", "v0.1.0", ""},
		"a release and the next":  {"The next version is v0.2.0.\n## [0.1.0] - 2026-12-01\n", "", "v0.2.0", ""},
		"an image of another":     {"The next version is v0.1.0-rc.1.\n", "Nothing is released yet", "v0.1.0", "a.yaml: the image has the version v0.1.0, CHANGELOG.md v0.1.0-rc.1"},
		"the README knows of one": {"The next version is v0.1.0-rc.1.\n", "", "v0.1.0-rc.1", "CHANGELOG.md has a release: false"},
		"the README knows none":   {"## [0.1.0] - 2026-12-01\n", "Nothing is released yet", "v0.1.0", "CHANGELOG.md has a release: true"},
		"no version":              {"## [Unreleased]\n", "", "v0.1.0", "neither a release nor"},
	} {
		c := checker{}
		tree := fstest.MapFS{
			"CHANGELOG.md": {Data: []byte(test.changes)}, "README.md": {Data: []byte(test.readme)},
			"manifests/x/a.yaml": {Data: []byte("image: ghcr.io/auditsidecar/auditsidecar:" + test.image + "\n")},
		}
		if err := c.releases(tree); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(c.findings, "; "); (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
