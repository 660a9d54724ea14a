package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra/doc"
)

// cobra's generator of manual pages is a dependency of the tests alone: `make
// man` calls this test with a directory that stays.
var (
	manDir     = flag.String("man", "", "write the manual pages into this directory")
	manVersion = flag.String("man-version", "", "the version that the manual pages show")
)

func TestManPages(t *testing.T) {
	dir := *manDir
	if dir == "" {
		dir = t.TempDir()
	}
	must(t, os.MkdirAll(dir, 0o755))
	root := newRoot(*manVersion)
	root.InitDefaultCompletionCmd()
	must(t, doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "auditsidecar " + *manVersion, Manual: "auditsidecar"}, dir))
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	must(t, err)
	if len(pages) < 15 {
		t.Errorf("pages: %q", pages)
	}
	page := string(readFile(t, filepath.Join(dir, "auditsidecar-run.1")))
	for _, want := range []string{".SH NAME", ".SH EXAMPLE", "audit-log-path", "AUDITSIDECAR_ARCHIVE_URL", ".SH SEE ALSO"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page of run has no %q", want)
		}
	}
	if page := string(readFile(t, filepath.Join(dir, "auditsidecar.1"))); !strings.Contains(page, exitCodes) {
		t.Errorf("the page of the program does not say how it ends:\n%s", page)
	}
}
