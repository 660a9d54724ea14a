package dirs

import "testing"

func TestSkipped(t *testing.T) {
	for dir, want := range map[string]bool{
		".": false, ".ci": false, "docs": false, "internal/site": false,
		".git": true, ".cache": true, "site": true, "try": true, "bin": true, "dist": true, "parquet/testdata": true, "e2e/duckdb/node_modules": true,
	} {
		if got := Skipped(dir); got != want {
			t.Errorf("%s: %t, want %t", dir, got, want)
		}
	}
}
