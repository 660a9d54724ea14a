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

// Reading changes nothing of a file, not even its time of access (I7).
func TestOpenLeavesAccessTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	if err := os.WriteFile(path, []byte("line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// So old that Linux would write it at the first read (relatime).
	old := time.Now().Add(-72 * time.Hour).Truncate(time.Second)
	if err := os.Chtimes(path, old, old.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, err := io.ReadAll(f); err != nil || string(b) != "line\n" {
		t.Fatalf("%q, %v", b, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if at := info.Sys().(*syscall.Stat_t).Atim; at.Sec != old.Unix() {
		t.Errorf("the time of access is %v, was %v", time.Unix(at.Sec, at.Nsec), old)
	}
	if _, err := Open(path + ".gone"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such file: %v", err)
	}
}
