package durable

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return strings.Join(out, " ")
}

var must = audittest.Must

func TestWriteFileReplacesAndSetsMode(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ledger.json")
	must(t, OS().WriteFile(path, []byte("one"), 0o600))
	must(t, OS().WriteFile(path, []byte("two"), 0o666))
	if got := read(t, path); got != "two" {
		t.Errorf("content = %q, want two", got)
	}
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode() != 0o666 {
		t.Errorf("mode = %v, want 0666 whatever the umask is", info.Mode())
	}
	if got := names(t, dir); got != "ledger.json" {
		t.Errorf("directory holds %q", got)
	}
}

func TestWriteFileInCurrentDirectory(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	must(t, OS().WriteFile("state", []byte("x"), 0o600))
	must(t, OS().Link("state", "held"))
	if got := names(t, dir); got != "held state" {
		t.Errorf("directory holds %q", got)
	}
}

func TestFailedFillLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	broken := errors.New("source broke")
	fill := func(w io.Writer) error {
		_, _ = io.WriteString(w, "half")
		return broken
	}
	if err := OS().Publish(path, 0o600, fill); !errors.Is(err, broken) {
		t.Errorf("Publish: %v, want the cause", err)
	}
	if got := names(t, dir); got != "" {
		t.Errorf("directory holds %q, want nothing", got)
	}
}

func TestLongNames(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("n", 255))
	must(t, OS().Publish(path, 0o600, func(w io.Writer) error {
		_, err := io.WriteString(w, "x")
		return err
	}))
	if got, err := os.ReadFile(path); err != nil || string(got) != "x" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestPublishNeverReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "object")
	put := func(content string) error {
		return OS().Publish(path, 0o640, func(w io.Writer) error {
			_, err := io.WriteString(w, content)
			return err
		})
	}
	must(t, put("first"))
	if err := put("second"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second Publish: %v, want fs.ErrExist", err)
	}
	if got := read(t, path); got != "first" {
		t.Errorf("content = %q, want first", got)
	}
	if got := names(t, dir); got != "object" {
		t.Errorf("directory holds %q", got)
	}
}

func TestLinkRenameRemove(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	must(t, OS().MkdirAll(in("held/deep"), 0o700))
	must(t, OS().WriteFile(in("audit.log"), []byte("x"), 0o600))
	must(t, OS().Link(in("audit.log"), in("held/1")))
	if err := OS().Link(in("audit.log"), in("held/1")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second Link: %v, want fs.ErrExist", err)
	}
	must(t, OS().Rename(in("held/1"), in("held/deep/2")))
	must(t, OS().Remove(in("audit.log")))
	must(t, OS().Remove(in("audit.log")))
	must(t, OS().Remove(in("no/such/directory")))
	if got := read(t, in("held/deep/2")); got != "x" {
		t.Errorf("content = %q", got)
	}
	must(t, OS().SyncFile(in("held/deep/2")))
	if got := names(t, dir) + "|" + names(t, in("held")); got != "held|deep" {
		t.Errorf("names = %q", got)
	}
}

func TestMkdirAllOverAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	must(t, OS().WriteFile(path, nil, 0o600))
	for _, p := range []string{path, filepath.Join(path, "sub")} {
		if err := OS().MkdirAll(p, 0o700); !errors.Is(err, unix.ENOTDIR) {
			t.Errorf("MkdirAll(%s) = %v, want ENOTDIR", p, err)
		}
	}
}

func TestSetAsideKeepsEveryCopy(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ledger.json")
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("x", 3600))
	var kept []string
	for _, content := range []string{"a", "b", "c"} {
		must(t, OS().WriteFile(path, []byte(content), 0o600))
		aside, err := OS().SetAside(path, now)
		must(t, err)
		kept = append(kept, filepath.Base(aside)+"="+read(t, aside))
	}
	want := "ledger.json.corrupt-20260102T020405.000000006=a " +
		"ledger.json.corrupt-20260102T020405.000000006-1=b " +
		"ledger.json.corrupt-20260102T020405.000000006-2=c"
	if got := strings.Join(kept, " "); got != want {
		t.Errorf("kept %s\nwant %s", got, want)
	}
	if _, err := OS().SetAside(path, now); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("SetAside of a missing file: %v, want fs.ErrNotExist", err)
	}
}

func TestRemoveTemps(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []string{".a.0123.tmp", "b.tmp", ".c", "d"} {
		must(t, os.WriteFile(filepath.Join(dir, n), nil, 0o600))
	}
	must(t, OS().RemoveTemps(dir))
	if got := names(t, dir); got != ".c b.tmp d" {
		t.Errorf("left %q", got)
	}
	must(t, OS().RemoveTemps(filepath.Join(dir, "missing")))
}

func TestErrorClasses(t *testing.T) {
	fail := func(op Op, cause error) FS {
		return OS().WithHook(func(e Effect, apply func() error) error {
			if e.Op == op {
				return &fs.PathError{Op: string(op), Path: e.Path, Err: cause}
			}
			return apply()
		})
	}
	for _, c := range []struct {
		op          Op
		cause       error
		fatal, full bool
	}{
		{OpSync, unix.EIO, true, false},
		{OpSyncDir, unix.EIO, true, false},
		{OpWrite, unix.EIO, false, false},
		{OpSync, unix.ENOSPC, false, true},
		{OpWrite, unix.EDQUOT, false, true},
		{OpCreate, unix.ENOSPC, false, true},
		{OpRename, unix.EACCES, false, false},
	} {
		dir := t.TempDir()
		err := fail(c.op, c.cause).WriteFile(filepath.Join(dir, "f"), []byte("x"), 0o600)
		if !errors.Is(err, c.cause) {
			t.Fatalf("%v %v: got %v", c.op, c.cause, err)
		}
		if IsFatal(err) != c.fatal || IsDiskFull(err) != c.full {
			t.Errorf("%v %v: fatal %v, full %v", c.op, c.cause, IsFatal(err), IsDiskFull(err))
		}
		if got := names(t, dir); c.op != OpSyncDir && got != "" {
			t.Errorf("%v %v: left %q", c.op, c.cause, got)
		}
	}
	if IsFatal(nil) || IsDiskFull(nil) {
		t.Error("nil is classified")
	}
}

func TestDirectoriesThatCannotBeSynced(t *testing.T) {
	noDirSync := OS().WithHook(func(e Effect, apply func() error) error {
		if e.Op == OpSyncDir {
			return &fs.PathError{Op: "sync", Path: e.Path, Err: unix.EINVAL}
		}
		return apply()
	})
	must(t, noDirSync.WriteFile(filepath.Join(t.TempDir(), "f"), nil, 0o600))
}
