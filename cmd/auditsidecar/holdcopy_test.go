package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// With --hold=copy and a state directory elsewhere nothing is written into the
// audit directory.
func TestRunOnceWithCopies(t *testing.T) {
	dir := t.TempDir()
	audit, archive, state := filepath.Join(dir, "audit"), filepath.Join(dir, "archive"), filepath.Join(dir, "state")
	first := fewLines(t, 100)
	put(t, filepath.Join(audit, backup), first)
	put(t, filepath.Join(audit, "audit.log"), []byte("open\n"))
	before := files(t, audit)
	for range 2 {
		ok(t, append(runOnce(dir), "--hold=copy", "--state-dir", state)...)
		same(t, "the archive", []byte(ok(t, "restore", "file://"+archive).stdout), first)
	}
	if after := files(t, audit); !slices.Equal(after, before) {
		t.Errorf("the audit directory has %q, had %q", after, before)
	}
	held := slices.DeleteFunc(files(t, state), func(n string) bool { return !strings.HasPrefix(n, "held") })
	if len(held) != 0 {
		t.Errorf("copies are left: %q", held)
	}
}
