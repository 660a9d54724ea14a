package landlock

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// confined is the environment variable that has TestMain confine this process
// and make its attempts: rights given up cannot be regained for other tests.
const confined = "CONFINED_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(confined); dir != "" {
		os.Exit(attempts(dir))
	}
	os.Exit(m.Run())
}

// attempts prints which of many things the confined process could do.
func attempts(dir string) int {
	at := func(names ...string) string { return filepath.Join(append([]string{dir}, names...)...) }
	_, err := Writes(Paths{Owned: []string{at("audit", "state"), at("archive")}, Optional: []string{at("none"), at("temp")}, Linked: at("audit")})
	if err != nil {
		println(err.Error())
		return 1
	}
	write := func(path string) error { return os.WriteFile(path, []byte("x"), 0o600) }
	for _, a := range []struct {
		name string
		try  func() error
	}{
		{"link-into-state", func() error { return os.Link(at("audit", "audit.log"), at("audit", "state", "link")) }},
		{"write-state", func() error { return write(at("audit", "state", "a")) }},
		{"rename-in-state", func() error { return os.Rename(at("audit", "state", "a"), at("audit", "state", "b")) }},
		{"remove-in-state", func() error { return os.Remove(at("audit", "state", "b")) }},
		{"make-directory-in-archive", func() error { return os.Mkdir(at("archive", "d"), 0o700) }},
		{"write-archive", func() error { return write(at("archive", "d", "o")) }},
		{"write-temp", func() error { return write(at("temp", "t")) }},
		{"read-elsewhere", func() error { _, err := os.ReadFile(at("other", "file")); return err }},
		{"read-log", func() error { _, err := os.ReadFile(at("audit", "audit.log")); return err }},
		{"start-program", func() error { return exec.Command("/bin/sh", "-c", "read x; exit 0").Run() }},

		{"REMOVE-LOG", func() error { return os.Remove(at("audit", "audit.log")) }},
		{"RENAME-LOG", func() error { return os.Rename(at("audit", "audit.log"), at("audit", "gone.log")) }},
		{"RENAME-LOG-AWAY", func() error { return os.Rename(at("audit", "audit.log"), at("audit", "state", "gone.log")) }},
		{"MAKE-IN-AUDIT", func() error { return write(at("audit", "new")) }},
		{"WRITE-ELSEWHERE", func() error { return write(at("other", "file")) }},
		{"MAKE-ELSEWHERE", func() error { return write(at("other", "new")) }},
		{"THROUGH-A-LINK", func() error { return write(at("audit", "state", "away", "file")) }},
		{"LINK-FROM-ELSEWHERE", func() error { return os.Link(at("other", "file"), at("audit", "state", "stolen")) }},
		{"PROGRAM-WRITES", func() error { return exec.Command("/bin/sh", "-c", "echo x > "+at("other", "new")).Run() }},
	} {
		err := a.try()
		var exit *exec.ExitError
		switch {
		case err == nil:
			println(a.name, "yes")
		case errors.Is(err, fs.ErrPermission), errors.As(err, &exit), strings.Contains(err.Error(), "cross-device"):
			println(a.name, "no")
		default:
			println(a.name, err.Error())
		}
	}
	return 0
}

func TestWrites(t *testing.T) {
	if version, err := ll.LandlockGetABIVersion(); err != nil || version < minVersion {
		if _, err := Writes(Paths{}); !errors.Is(err, ErrUnsupported) {
			t.Fatalf("without Landlock: %v", err)
		}
		t.Skip("this kernel has no Landlock")
	}
	dir := t.TempDir()
	for _, d := range []string{"audit/state", "archive", "other", "temp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{"audit/audit.log", "other/file"} {
		if err := os.WriteFile(filepath.Join(dir, f), []byte("before"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "other"), filepath.Join(dir, "audit/state/away")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), confined+"="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 19 {
		t.Errorf("%d attempts, want 19: %s", len(lines), out)
	}
	for _, line := range lines {
		name, got, _ := strings.Cut(line, " ")
		want := "yes"
		if name == strings.ToUpper(name) {
			want = "no"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if data, err := os.ReadFile(filepath.Join(dir, "other/file")); err != nil || string(data) != "before" {
		t.Errorf("the file elsewhere holds %q, %v", data, err)
	}
}

// A directory that is to be written to and is not there is no reason to give
// up the right to write to it.
func TestWritesNeedsItsPaths(t *testing.T) {
	if version, err := ll.LandlockGetABIVersion(); err != nil || version < minVersion {
		t.Skip("this kernel has no Landlock")
	}
	dir := t.TempDir()
	if _, err := Writes(Paths{Owned: []string{filepath.Join(dir, "none")}}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Errorf("confined after all: %v", err)
	}
}
