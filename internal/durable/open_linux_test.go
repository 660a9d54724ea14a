package durable

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// moves says whether reading a file, opened by open, moves its time of access.
func moves(t *testing.T, open func(string) (*os.File, error)) bool {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.log")
	if err := os.WriteFile(path, []byte("line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// So old that Linux would write it at the first read (relatime).
	old := time.Now().Add(-72 * time.Hour).Truncate(time.Second)
	if err := os.Chtimes(path, old, old.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	before := accessed(t, path)
	f, err := open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, err := io.ReadAll(f); err != nil || string(b) != "line\n" {
		t.Fatalf("%q, %v", b, err)
	}
	return accessed(t, path) != before
}

// accessed is the time of access as the file system has it.
func accessed(t *testing.T, path string) syscall.Timespec {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Atim
}

// Reading leaves the time of access alone.
func TestOpenLeavesAccessTime(t *testing.T) {
	if !moves(t, os.Open) {
		t.Log("this file system keeps no times of access: nothing can be seen here")
	}
	if moves(t, Open) {
		t.Error("the time of access has moved")
	}
	if _, err := Open(filepath.Join(t.TempDir(), "gone")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such file: %v", err)
	}
}
