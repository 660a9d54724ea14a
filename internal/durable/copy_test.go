package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// source makes a file with a time of its own and opens it.
func source(t *testing.T, text string) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "source")
	must(t, os.WriteFile(path, []byte(text), 0o600))
	at := time.Date(2026, 1, 2, 3, 4, 5, 6007, time.UTC)
	must(t, os.Chtimes(path, at, at))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestCopy(t *testing.T) {
	for _, text := range []string{"", "one\n", strings.Repeat("x", 3*copyBuffer+1)} {
		dir := t.TempDir()
		path := filepath.Join(dir, "copy")
		src := source(t, text)
		must(t, OS().Copy(path, src, 0o640))
		if got := read(t, path); got != text {
			t.Errorf("%d bytes, want %d", len(got), len(text))
		}
		info, err := os.Stat(path)
		must(t, err)
		from, err := src.Stat()
		must(t, err)
		if info.Mode() != 0o640 || !info.ModTime().Equal(from.ModTime()) {
			t.Errorf("mode %v, time %v", info.Mode(), info.ModTime())
		}
		if err := OS().Copy(path, src, 0o600); !errors.Is(err, fs.ErrExist) {
			t.Errorf("over an existing file: %v", err)
		}
		if got := names(t, dir); got != "copy" {
			t.Errorf("directory holds %q", got)
		}
	}
}

func TestCopyOfAGrowingFile(t *testing.T) {
	dir := t.TempDir()
	src := source(t, "one\n")
	growing := OS().WithHook(func(e Effect, apply func() error) error {
		if e.Op == OpWrite {
			_, err := src.WriteAt([]byte("two\n"), 4)
			must(t, err)
		}
		return apply()
	})
	if err := growing.Copy(filepath.Join(dir, "copy"), src, 0o600); !errors.Is(err, ErrGrowing) {
		t.Errorf("error %v", err)
	}
	if got := names(t, dir); got != "" {
		t.Errorf("directory holds %q", got)
	}
}
