package cli

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/durable"
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

// Another sidecar may have its state elsewhere: the audit directory itself is
// what both lock.
func TestRunOnceBesideAnotherStateDirectory(t *testing.T) {
	dir := t.TempDir()
	audit := filepath.Join(dir, "audit")
	put(t, filepath.Join(audit, "audit.log"), []byte("open\n"))
	lock, err := durable.OS().LockDir(audit)
	must(t, err)
	args := append(runOnce(dir), "--hold=copy", "--state-dir", filepath.Join(dir, "state"))
	call(t, args...).refused(t, exitFailed, "one sidecar works on an audit directory", audit)
	must(t, lock.Close())
	ok(t, args...)
}
