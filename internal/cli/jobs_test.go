package cli

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// Any number of jobs makes the same objects, messages and files as one, and an input that fails
// keeps no other from being converted.
func TestJobsDifferInTimeOnly(t *testing.T) {
	dir := t.TempDir()
	var args []string
	for i := range 6 {
		name := filepath.Join(dir, fmt.Sprintf("audit-2026-11-22T17-00-0%d.978.log", i))
		args = append(args, put(t, name, fewLines(t, 40+10*i)))
	}
	args = append(args[:3:3], append([]string{filepath.Join(dir, "missing.log"), put(t, filepath.Join(dir, "again", filepath.Base(args[1])), []byte("another file\n"))}, args[3:]...)...)
	var want [3]any
	for _, j := range []string{"1", "2", "5"} {
		out := filepath.Join(t.TempDir(), "archive")
		converted := call(t, append([]string{"convert", "--out", out, "--jobs", j}, args...)...)
		restored := call(t, "restore", out, "--jobs", j)
		replayed := call(t, "replay", out, "--jobs", j)
		files := filepath.Join(t.TempDir(), "files")
		written := call(t, "restore", out, "--jobs", j, "--out", files)
		if converted.code != exitFailed || restored.code != exitDone || written.code != exitDone || replayed.code != exitDone {
			t.Fatalf("%s jobs: exit codes %d, %d, %d, %d\n%v", j, converted.code, restored.code, written.code, replayed.code, converted.err)
		}
		got := [3]any{
			strings.ReplaceAll(converted.stdout+fmt.Sprint(converted.err)+restored.stdout+written.stderr+replayed.stdout, out, "OUT"), allFiles(t, out), allFiles(t, files),
		}
		got[0] = strings.ReplaceAll(got[0].(string), files, "FILES")
		if want[0] == nil {
			want = got
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s jobs differ from 1:\n%v\nwant\n%v", j, got[0], want[0])
		}
		for _, text := range []string{"missing.log: ", "belongs to another file", "again/audit"} {
			if !strings.Contains(fmt.Sprint(converted.err), text) {
				t.Errorf("%s jobs: no %q in %v", j, text, converted.err)
			}
		}
	}
	if r := call(t, "convert", args[0], "--out", dir, "--jobs", "0"); r.code != exitUsage || !strings.Contains(fmt.Sprint(r.err), "--jobs is 0: give 1 to 64") {
		t.Errorf("exit code %d: %v", r.code, r.err)
	}
}

// allFiles are the files below a directory, by path.
func allFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	must(t, fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			var b []byte
			b, err = os.ReadFile(filepath.Join(dir, path))
			files[path] = string(b)
		}
		return err
	}))
	return files
}
