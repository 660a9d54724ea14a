//go:build e2e

package run

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// --once archives finished files (plain and compressed), streams to the end
// of the open file and ends; a second time finds nothing to do.
func TestOnce(t *testing.T) {
	r := newFixture(t, audittest.Config{})
	r.serve()
	r.replay(3000, 0, 0)
	lines := audittest.Fresh(audittest.Corpus(t, "diverse.log"), 500)
	if err := r.writer.Replay(t.Context(), lines, 0, 0); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r.once()
		if twice := r.checkLoki(); twice != 0 {
			t.Errorf("%d entries came twice", twice)
		}
		r.checkArchive()
	}
}

// convert and restore are each other's inverse, for every corpus file and for
// a compressed backup.
func TestI3_ConvertAndRestore(t *testing.T) {
	r := newFixture(t, audittest.Config{})
	dir := t.TempDir()
	var files []string
	for _, name := range audittest.Names() {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, audittest.Corpus(t, name), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	for _, file := range files {
		object := file + ".parquet"
		if v := r.verb("convert", file, "--out", object, "--cluster", "e2e", "--node", "cp1"); v.Code != 0 {
			t.Fatalf("convert %s: exit %d: %s", file, v.Code, v.Stderr)
		}
		v := r.verb("restore", object)
		if v.Code != 0 || !bytes.Equal(v.Stdout, audittest.ReadFile(t, file)) {
			t.Errorf("restore %s: exit %d, %d bytes: %s", object, v.Code, len(v.Stdout), v.Stderr)
		}
	}
	out := filepath.Join(dir, "archive")
	if v := r.verb(append([]string{"convert", "--out", out, "--cluster", "e2e", "--node", "cp1"}, files...)...); v.Code != 0 {
		t.Fatalf("convert into a directory: exit %d: %s", v.Code, v.Stderr)
	}
	back := filepath.Join(dir, "back")
	if v := r.verb("restore", out, "--out", back); v.Code != 0 {
		t.Fatalf("restore -o: exit %d: %s", v.Code, v.Stderr)
	}
	for _, file := range files {
		if !bytes.Equal(audittest.ReadFile(t, filepath.Join(back, filepath.Base(file))), audittest.ReadFile(t, file)) {
			t.Errorf("%s came back with other bytes", filepath.Base(file))
		}
	}
}

func TestI3_ConvertGzip(t *testing.T) {
	r := newFixture(t, audittest.Config{})
	file := audittest.GzipFile(t)
	object := filepath.Join(t.TempDir(), "x.parquet")
	if v := r.verb("convert", file, "--out", object, "--cluster", "e2e", "--node", "cp1"); v.Code != 0 {
		t.Fatalf("convert: exit %d: %s", v.Code, v.Stderr)
	}
	v := r.verb("restore", object)
	if want := audittest.Gunzip(t, file); v.Code != 0 || !bytes.Equal(v.Stdout, want) {
		t.Errorf("restore: exit %d, %d bytes, want %d: %s", v.Code, len(v.Stdout), len(want), v.Stderr)
	}
}

func TestVersion(t *testing.T) {
	r := newFixture(t, audittest.Config{})
	if v := r.verb("version"); v.Code != 0 || !bytes.HasPrefix(v.Stdout, []byte("auditsidecar ")) {
		t.Errorf("exit %d: %q", v.Code, v.Stdout)
	}
}
