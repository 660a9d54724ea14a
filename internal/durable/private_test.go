package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
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

// A key file is its owner's alone, but for root's file that another user reads by its group alone.
func TestSecret(t *testing.T) {
	for _, test := range []struct {
		mode        os.FileMode
		owner       uint32
		gid         uint32
		user, group int
		want        bool
	}{
		{mode: 0o600, user: 0, want: true},
		{mode: 0o400, owner: 65534, gid: 65534, user: 65534, group: 65534, want: true},
		{mode: 0o640, owner: 0, gid: 65534, user: 65534, group: 65534, want: true}, // a Secret's file in a pod with fsGroup
		{mode: 0o440, owner: 0, gid: 65534, user: 65534, group: 65534, want: true},
		{mode: 0o640, owner: 0, gid: 65534, user: 0, group: 0},             // root needs no group
		{mode: 0o640, owner: 0, gid: 65534, user: 0, group: 65534},         // neither does root in that group
		{mode: 0o640, owner: 0, gid: 1000, user: 65534, group: 65534},      // another group
		{mode: 0o640, owner: 65534, gid: 65534, user: 65534, group: 65534}, // its owner can chmod it
		{mode: 0o660, owner: 0, gid: 65534, user: 65534, group: 65534},
		{mode: 0o650, owner: 0, gid: 65534, user: 65534, group: 65534},
		{mode: 0o644, owner: 0, gid: 65534, user: 65534, group: 65534},
	} {
		info := fileInfo{mode: test.mode, stat: syscall.Stat_t{Uid: test.owner, Gid: test.gid}}
		if got := Secret(&info, test.user, test.group); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

// fileInfo is a file of a mode and an owner.
type fileInfo struct {
	os.FileInfo

	mode os.FileMode
	stat syscall.Stat_t
}

func (f *fileInfo) Mode() os.FileMode { return f.mode }
func (f *fileInfo) Sys() any          { return &f.stat }

// A file that cannot be a key is refused before it is read.
func TestReadKeyFile(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	if err := errors.Join(os.WriteFile(large, nil, 0o600), os.Truncate(large, maxKeyFile+1)); err != nil {
		t.Fatal(err)
	}
	public := filepath.Join(dir, "public")
	if err := os.WriteFile(public, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{dir: "no regular file", large: "no regular file of at most", public: "mode 0644"} {
		if _, err := ReadKeyFile(path, true); !errors.Is(err, ErrKeyFile) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if data, err := ReadKeyFile(public, false); err != nil || string(data) != "x" {
		t.Errorf("a public key: %q, %v", data, err)
	}
	if _, err := ReadKeyFile(filepath.Join(dir, "none"), true); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrKeyFile) {
		t.Errorf("a missing file: %v", err)
	}
}
