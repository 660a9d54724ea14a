package durable

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const lockHelperEnv = "DURABLE_TEST_LOCK"

func TestMain(m *testing.M) {
	if path := os.Getenv(lockHelperEnv); path != "" {
		holdLock(path)
		return
	}
	os.Exit(m.Run())
}

// holdLock is the other process of TestLock: it holds the lock until its
// standard input ends, or it is killed.
func holdLock(path string) {
	if _, err := OS().Lock(path); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("locked")
	_, _ = os.Stdin.Read(make([]byte, 1))
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), lockHelperEnv+"="+path)
	stdin, err := other.StdinPipe()
	must(t, err)
	defer stdin.Close()
	stdout, err := other.StdoutPipe()
	must(t, err)
	must(t, other.Start())
	line := make([]byte, len("locked\n"))
	if _, err := io.ReadFull(stdout, line); err != nil || string(line) != "locked\n" {
		t.Fatalf("helper said %q, %v", line, err)
	}

	_, err = OS().Lock(path)
	var locked *LockedError
	if !errors.Is(err, ErrLocked) || !errors.As(err, &locked) {
		t.Fatalf("Lock of a held file: %v, want ErrLocked", err)
	}
	if want := fmt.Sprintf("pid %d on ", other.Process.Pid); !strings.Contains(err.Error(), want) {
		t.Errorf("error %q does not name the holder (%q)", err, want)
	}

	// A killed holder leaves its text, but no lock.
	must(t, other.Process.Kill())
	_ = other.Wait()
	mine, err := OS().Lock(path)
	must(t, err)
	if _, err := OS().Lock(path); !errors.Is(err, ErrLocked) {
		t.Errorf("second Lock in one process: %v, want ErrLocked", err)
	}
	must(t, mine.Close())
	again, err := OS().Lock(path)
	must(t, err)
	must(t, again.Close())
}

func TestLockDir(t *testing.T) {
	dir := t.TempDir()
	lock, err := OS().LockDir(dir)
	must(t, err)
	if _, err := OS().LockDir(dir); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Errorf("second LockDir: %v, want ErrLocked", err)
	}
	file, err := OS().Lock(filepath.Join(dir, "lock"))
	must(t, err)
	must(t, file.Close())
	must(t, os.Remove(filepath.Join(dir, "lock")))
	must(t, lock.Close())
	again, err := OS().LockDir(dir)
	must(t, err)
	must(t, again.Close())
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("the directory has %v, %v", entries, err)
	}
	if _, err := OS().LockDir(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) || errors.Is(err, ErrLocked) {
		t.Errorf("a missing directory: %v", err)
	}
}

func TestLockWithoutHolderText(t *testing.T) {
	err := &LockedError{Path: "/x/lock"}
	if got := err.Error(); got != "lock /x/lock: held by another process" {
		t.Errorf("Error() = %q", got)
	}
}

func TestLockInMissingDirectory(t *testing.T) {
	if _, err := OS().Lock(filepath.Join(t.TempDir(), "no", "lock")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want os.ErrNotExist", err)
	}
}
