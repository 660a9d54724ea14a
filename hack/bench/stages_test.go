package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestStagesNameFunctions guards the breakdown against functions that were renamed or
// moved: their stage would silently count as the rest.
func TestStagesNameFunctions(t *testing.T) {
	method := regexp.MustCompile(`^((?:parquet|internal)[a-z/]*)\.\((\*\w+)\)\.(\w+)$`)
	for _, stage := range stages() {
		for _, name := range append(stage.add, stage.less...) {
			m := method.FindStringSubmatch(name)
			if m == nil {
				if !strings.HasPrefix(name, "crypto/") && !strings.HasPrefix(name, "github.com/klauspost/") {
					t.Errorf("%s: %q is not a method of this module", stage.name, name)
				}
				continue
			}
			files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(m[1]), "*.go"))
			if err != nil {
				t.Fatal(err)
			}
			declared := regexp.MustCompile(`(?m)^func \(\w+ ` + regexp.QuoteMeta(m[2]) + `\) ` + m[3] + `\(`)
			found := false
			for _, file := range files {
				content, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				found = found || declared.Match(content)
			}
			if !found {
				t.Errorf("%s: no method %s", stage.name, name)
			}
		}
	}
}
