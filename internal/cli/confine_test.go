package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/config"
)

// Whoever may write into the audit directory could have prepared the state
// directory so that the sidecar writes elsewhere, as root.
func TestRunRefusesAPreparedStateDirectory(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(t *testing.T, state, elsewhere string)
		want    string
	}{
		"state is a link": {func(t *testing.T, state, elsewhere string) { must(t, os.Symlink(elsewhere, state)) }, "symbolic link"},
		"held is a link": {func(t *testing.T, state, elsewhere string) {
			must(t, os.Mkdir(state, 0o700))
			must(t, os.Symlink(elsewhere, filepath.Join(state, "held")))
		}, "held is a symbolic link"},
		"work is a link": {func(t *testing.T, state, elsewhere string) {
			must(t, os.Mkdir(state, 0o700))
			must(t, os.Symlink(elsewhere, filepath.Join(state, "work")))
		}, "work is a symbolic link"},
		"sealed is a link": {func(t *testing.T, state, elsewhere string) {
			must(t, os.Mkdir(state, 0o700))
			must(t, os.Symlink(elsewhere, filepath.Join(state, "sealed")))
		}, "sealed is a symbolic link"},
		"lock is a link": {func(t *testing.T, state, elsewhere string) {
			must(t, os.Mkdir(state, 0o700))
			must(t, os.Symlink(filepath.Join(elsewhere, "precious"), filepath.Join(state, "lock")))
		}, "lock"},
		"all may write": {func(t *testing.T, state, _ string) {
			must(t, os.Mkdir(state, 0o700))
			must(t, os.Chmod(state, 0o777))
		}, "mode 0777"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			audit, elsewhere := filepath.Join(dir, "audit"), filepath.Join(dir, "elsewhere")
			put(t, filepath.Join(audit, backup), fewLines(t, 10))
			put(t, filepath.Join(audit, "audit.log"), nil)
			put(t, filepath.Join(elsewhere, "precious"), []byte("precious"))
			test.prepare(t, filepath.Join(audit, config.StateDirName), elsewhere)
			call(t, runOnce(dir)...).refused(t, exitFailed, test.want)
			if got := files(t, elsewhere); len(got) != 1 || string(audittest.ReadFile(t, filepath.Join(elsewhere, "precious"))) != "precious" {
				t.Errorf("elsewhere are %q now", got)
			}
		})
	}
}

// The log and its backups are regular files, and nothing else is taken for one.
func TestRunFollowsNoLinkInTheAuditDirectory(t *testing.T) {
	dir := t.TempDir()
	audit := filepath.Join(dir, "audit")
	secret := put(t, filepath.Join(dir, "shadow"), []byte("secret\n"))
	put(t, filepath.Join(audit, "audit.log"), nil)
	must(t, os.Symlink(secret, filepath.Join(audit, backup)))
	ok(t, runOnce(dir)...)
	if got := files(t, filepath.Join(dir, "archive")); len(got) != 1 || !strings.HasPrefix(got[0], "manifests/") { // the record of the settings
		t.Errorf("archived %q", got)
	}
	must(t, os.Remove(filepath.Join(audit, "audit.log")))
	must(t, os.Symlink(secret, filepath.Join(audit, "audit.log")))
	r := call(t, runOnce(dir)...)
	r.refused(t, exitFailed, "symbolic link")
	if strings.Contains(r.stderr, "secret\n") {
		t.Error("the log has the content")
	}
}
