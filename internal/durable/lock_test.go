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

	"golang.org/x/sys/unix"
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
	if _, err := Lock(path); err != nil {
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

	_, err = Lock(path)
	if !errors.Is(err, ErrLocked) {
		t.Fatalf("Lock of a held file: %v, want ErrLocked", err)
	}
	if want := fmt.Sprintf("pid %d on ", other.Process.Pid); !strings.Contains(err.Error(), want) {
		t.Errorf("error %q does not name the holder (%q)", err, want)
	}

	// A killed holder leaves its text, but no lock.
	must(t, other.Process.Kill())
	_ = other.Wait()
	mine, err := Lock(path)
	must(t, err)
	if _, err := Lock(path); !errors.Is(err, ErrLocked) {
		t.Errorf("second Lock in one process: %v, want ErrLocked", err)
	}
	must(t, mine.Close())
	again, err := Lock(path)
	must(t, err)
	must(t, again.Close())
}

// Whoever can open the file can lock it.
func TestLockIsForThisUserAlone(t *testing.T) {
	dir := t.TempDir()
	open := filepath.Join(dir, "open")
	must(t, os.WriteFile(open, nil, 0o600))
	must(t, os.Chmod(open, 0o666))
	lock, err := Lock(open)
	must(t, err)
	info, err := os.Stat(open)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the lock has mode %v", info.Mode())
	}
	must(t, lock.Close())

	link, pipe := filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	target := filepath.Join(dir, "target")
	must(t, os.Symlink(target, link))
	must(t, unix.Mkfifo(pipe, 0o600))
	for _, path := range []string{link, pipe} {
		if _, err := Lock(path); !errors.Is(err, ErrNotPrivate) || !strings.Contains(err.Error(), path) {
			t.Errorf("lock of %s: %v, want ErrNotPrivate", path, err)
		}
	}
	if _, err := os.Stat(target); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the link was followed: %v", err)
	}
	if os.Getuid() != 0 {
		return // only root can give a file away
	}
	must(t, os.Chown(open, 65534, 65534))
	if _, err := Lock(open); !errors.Is(err, ErrNotPrivate) {
		t.Errorf("lock of another user's file: %v, want ErrNotPrivate", err)
	}
}

func TestLockWithoutHolderText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	lock, err := Lock(path)
	must(t, err)
	must(t, os.Truncate(path, 0))
	if _, err := Lock(path); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), path+": held by another process") {
		t.Errorf("Lock of a held file: %v", err)
	}
	must(t, lock.Close())
}

func TestLockInMissingDirectory(t *testing.T) {
	if _, err := Lock(filepath.Join(t.TempDir(), "no", "lock")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want os.ErrNotExist", err)
	}
}
