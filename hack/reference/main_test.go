package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestManual(t *testing.T) {
	dir := t.TempDir()
	if err := manual(dir, "v1.2.3"); err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(pages) < 15 {
		t.Errorf("pages: %q, error: %v", pages, err)
	}
	for name, wants := range map[string][]string{
		"auditsidecar-run.1": {".SH NAME", ".SH EXAMPLE", "audit-log-path", "AUDITSIDECAR_ARCHIVE_URL", ".SH SEE ALSO"},
		"auditsidecar.1":     {"Exit codes", "v1.2.3"},
	} {
		page, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(page), want) {
				t.Errorf("%s does not contain %q", name, want)
			}
		}
	}
}
