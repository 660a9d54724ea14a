package cli

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/durable"
)

// With --hold=copy and a state directory elsewhere nothing but the lock is made in
// the audit directory.
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
	before = append([]string{".auditsidecar", ".auditsidecar/lock"}, before...)
	if after := files(t, audit); !slices.Equal(after, before) {
		t.Errorf("the audit directory has %q, had %q", after, before)
	}
	held := slices.DeleteFunc(files(t, state), func(n string) bool { return !strings.HasPrefix(n, "held") })
	if len(held) != 0 {
		t.Errorf("copies are left: %q", held)
	}
}

// Sidecars on one audit directory exclude each other wherever their state is, and so do those
// that share a state directory.
func TestRunOnceBesideAnotherSidecar(t *testing.T) {
	dir := t.TempDir()
	audit, state := filepath.Join(dir, "audit"), filepath.Join(dir, "state")
	put(t, filepath.Join(audit, "audit.log"), []byte("open\n"))
	elsewhere := append(runOnce(dir), "--hold=copy", "--state-dir", state)
	for _, locked := range []string{filepath.Join(audit, config.StateDirName), state} {
		must(t, durable.OS().MkdirPrivate(locked))
		lock, err := durable.Lock(filepath.Join(locked, "lock"))
		must(t, err)
		call(t, elsewhere...).refused(t, exitFailed, "one sidecar works on an audit directory", filepath.Join(locked, "lock"))
		must(t, lock.Close())
	}
	ok(t, elsewhere...)
	// The same directory under another name is no second one.
	must(t, os.Symlink(audit, filepath.Join(dir, "link")))
	ok(t, append(runOnce(dir), "--hold=copy", "--state-dir", filepath.Join(dir, "link", config.StateDirName))...)
}

// A foreign file in place of the lock is not followed, and does not keep files from being
// held with the state elsewhere.
func TestRunOnceWithoutALock(t *testing.T) {
	for name, plant := range map[string]func(at, target string) error{
		"a link to a directory": func(at, target string) error { return os.Symlink(target, at) },
		"a file":                func(at, _ string) error { return os.WriteFile(at, nil, 0o600) },
		"a directory for all": func(at, _ string) error {
			return errors.Join(os.Mkdir(at, 0o700), os.Chmod(at, 0o777))
		},
		"a link as the lock": func(at, target string) error {
			return errors.Join(os.Mkdir(at, 0o700), os.Symlink(filepath.Join(target, "new"), filepath.Join(at, "lock")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			audit, target := filepath.Join(dir, "audit"), filepath.Join(dir, "target")
			first := fewLines(t, 10)
			put(t, filepath.Join(audit, backup), first)
			must(t, os.Mkdir(target, 0o700))
			must(t, plant(filepath.Join(audit, config.StateDirName), target))
			r := ok(t, append(runOnce(dir), "--hold=copy", "--state-dir", filepath.Join(dir, "state"))...)
			if !strings.Contains(r.stderr, "cannot lock the audit directory") {
				t.Errorf("no warning: %s", r.stderr)
			}
			same(t, "the archive", []byte(ok(t, "restore", "file://"+filepath.Join(dir, "archive")).stdout), first)
			if made := files(t, target); len(made) > 0 {
				t.Errorf("the link was followed: %q", made)
			}
		})
	}
}
