package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// declared reports whether the module has a method by the name that profiles have, with ok
// false for a name of something else.
func declared(t *testing.T, name string) (found, ok bool) {
	m := regexp.MustCompile(`^((?:parquet|internal)[a-z/]*)\.\((\*?\w+)\)\.(\w+)$`).FindStringSubmatch(name)
	if m == nil {
		return false, false
	}
	files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(m[1]), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	method := regexp.MustCompile(`(?m)^func \(\w+ ` + regexp.QuoteMeta(m[2]) + `\) ` + m[3] + `\(`)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if method.Match(content) {
			return true, true
		}
	}
	return false, true
}

// TestStagesNameFunctions guards the breakdown against functions that were renamed or
// moved: their stage would silently count as the rest.
func TestStagesNameFunctions(t *testing.T) {
	for _, stage := range stages() {
		for _, name := range append(stage.add, stage.less...) {
			found, ok := declared(t, name)
			if !ok && !strings.HasPrefix(name, "crypto/") && !strings.HasPrefix(name, "github.com/klauspost/") {
				t.Errorf("%s: %q is not a method of this module", stage.name, name)
			}
			if ok && !found {
				t.Errorf("%s: no method %s", stage.name, name)
			}
		}
	}
}

// TestProfileNamesFunctions guards the compiler's profile against the same: it does nothing
// for a function that was renamed or moved since. Of the hot ones nine in ten must exist.
func TestProfileNamesFunctions(t *testing.T) {
	out, err := exec.Command("go", "tool", "pprof", "-top", "-cum", "-nodecount=60", filepath.Join("..", "..", "cmd", "auditsidecar", "default.pgo")).Output()
	if err != nil {
		t.Fatal(err)
	}
	all, missing := 0, []string(nil)
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 6 {
			continue
		}
		name, ours := strings.CutPrefix(f[5], "github.com/auditsidecar/auditsidecar/")
		found, ok := declared(t, name)
		if !ours || !ok {
			continue
		}
		if all++; !found {
			missing = append(missing, name)
		}
	}
	if all < 10 || 10*len(missing) > all {
		t.Errorf("of %d hot methods in cmd/auditsidecar/default.pgo %d are not there any more: run `make pgo`\n%s",
			all, len(missing), strings.Join(missing, "\n"))
	}
}
