package durable

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMkdirPrivate(t *testing.T) {
	for _, test := range []struct {
		name    string
		prepare func(t *testing.T, path string)
		want    string // empty: it may be used
	}{
		{"nothing there", func(*testing.T, string) {}, ""},
		{"ours", func(t *testing.T, path string) { must(t, os.Mkdir(path, 0o700)) }, ""},
		{"others may look", func(t *testing.T, path string) { must(t, os.Mkdir(path, 0o755)) }, ""},
		{"a link to a directory", func(t *testing.T, path string) { must(t, os.Symlink(t.TempDir(), path)) }, "symbolic link"},
		{"a link to nowhere", func(t *testing.T, path string) { must(t, os.Symlink(filepath.Join(t.TempDir(), "x"), path)) }, "symbolic link"},
		{"the group may write", func(t *testing.T, path string) {
			must(t, os.Mkdir(path, 0o700))
			must(t, os.Chmod(path, 0o770))
		}, "mode 0770"},
		{"others may write", func(t *testing.T, path string) {
			must(t, os.Mkdir(path, 0o700))
			must(t, os.Chmod(path, 0o1702))
		}, "mode 0702"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state")
			test.prepare(t, path)
			err := OS().MkdirPrivate(path)
			if test.want == "" && err != nil || test.want != "" && (!errors.Is(err, ErrNotPrivate) || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func TestMkdirPrivateMakesModes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	must(t, OS().MkdirPrivate(path))
	for _, p := range []string{path, filepath.Dir(path)} {
		info, err := os.Stat(p)
		must(t, err)
		if info.Mode().Perm() != 0o700 {
			t.Errorf("%s has mode %v", p, info.Mode())
		}
	}
}

// A file of another user belongs neither to the process nor to root.
func TestPrivateToAUser(t *testing.T) {
	dir := t.TempDir()
	info, err := os.Lstat(dir)
	must(t, err)
	if err := private(dir, info, os.Geteuid()); err != nil {
		t.Errorf("of this user: %v", err)
	}
	err = private(dir, info, os.Geteuid()+1)
	if os.Geteuid() == 0 && err != nil || os.Geteuid() != 0 && !errors.Is(err, ErrNotPrivate) {
		t.Errorf("of user %d for the next one: %v", os.Geteuid(), err)
	}
	if os.Geteuid() != 0 {
		return
	}
	must(t, os.Chown(dir, 2000, 2000))
	if err := OS().MkdirPrivate(dir); !errors.Is(err, ErrNotPrivate) || !strings.Contains(err.Error(), "user 2000") {
		t.Errorf("of user 2000 for root: %v", err)
	}
}

func TestLockFollowsNoLink(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	must(t, os.WriteFile(victim, []byte("precious"), 0o600))
	must(t, os.Symlink(victim, filepath.Join(dir, "lock")))
	if lock, err := Lock(filepath.Join(dir, "lock")); err == nil {
		t.Errorf("locked through a symbolic link: %v", lock)
	}
	if got := read(t, victim); got != "precious" {
		t.Errorf("the victim holds %q", got)
	}
}
