//go:build e2e

package run

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// lockerEnv makes this test binary the process of another user: it locks the paths in the
// variable, reports each result, and keeps the locks until its standard input ends.
const lockerEnv = "E2E_LOCK_PATHS"

func lockAll(paths []string) {
	for _, path := range paths {
		fd, err := unix.Open(path, unix.O_RDONLY, 0)
		if err == nil {
			err = unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
		}
		fmt.Printf("%s: %v\n", filepath.Base(path), err)
	}
	_, _ = os.Stdin.Read(make([]byte, 1))
}

// startLocker starts the other user's process and returns its result for each path. The test
// ends it.
func (r *fixture) startLocker(paths ...string) string {
	r.t.Helper()
	program, err := os.Executable()
	if err != nil {
		r.t.Fatal(err)
	}
	cmd := r.commandAs(nobody, program)
	cmd.Env = append(cmd.Env, lockerEnv+"="+strings.Join(paths, string(filepath.ListSeparator)))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait() // it may have been killed with the test's context
	})
	var said strings.Builder
	in := bufio.NewScanner(stdout)
	for range paths {
		if !in.Scan() {
			r.t.Fatalf("the locker ended after %q: %v", said.String(), in.Err())
		}
		fmt.Fprintln(&said, in.Text())
	}
	return said.String()
}

// Any user can open the audit directory, and so lock it: that must not keep files from being
// held. No other user can open the files that the sidecar locks.
func TestI7_LocksOfAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to become nobody")
	}
	for name, args := range map[string][]string{
		"links":                   nil,
		"copies, state elsewhere": {"--hold=copy", "--state-dir", "STATE"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newFixture(t, audittest.Config{})
			r.args = []string{"--loki-url", ""}
			audit := filepath.Dir(r.log)
			state := filepath.Join(filepath.Dir(audit), "state")
			for _, a := range args {
				r.args = append(r.args, strings.ReplaceAll(a, "STATE", state))
			}
			if got, want := r.startLocker(audit, r.log), "audit: <nil>\naudit.log: permission denied\n"; got != want {
				t.Fatalf("another user's locks: %q, want %q", got, want)
			}
			p := r.start()
			r.waitReady(p, true)
			r.replay(100, 0, 0)
			r.waitArchived(p, 1)
			own := filepath.Join(audit, ".auditsidecar")
			if got, want := r.startLocker(own, filepath.Join(own, "lock")), ".auditsidecar: permission denied\nlock: permission denied\n"; got != want {
				t.Errorf("another user's locks: %q, want %q", got, want)
			}
			v := r.verb(append([]string{"run", "--once", "--listen", "127.0.0.1:0"}, r.runArgs()...)...)
			if v.Code != 1 || !strings.Contains(string(v.Stderr), fmt.Sprintf("%s: held by pid %d", filepath.Join(own, "lock"), p.PID())) {
				t.Errorf("a second sidecar: exit %d, %s", v.Code, v.Stderr)
			}
			r.stop(p)
			r.args = nil
			r.checkArchive()
		})
	}
}

// A sidecar that may only read the audit directory, as docs/rootless.md has it, works without a
// lock there and says so.
func TestCopiesFromADirectoryOfAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to become nobody")
	}
	r := newFixture(t, audittest.Config{})
	r.replay(100, 0, 0)
	for _, f := range r.writer.Files() {
		if err := os.Chmod(f.Path, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	top := filepath.Dir(filepath.Dir(r.log))
	for _, dir := range []string{"state", "archive"} {
		dir = filepath.Join(top, dir)
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Chown(dir, nobody, nobody)); err != nil {
			t.Fatal(err)
		}
	}
	before := r.listing()
	r.args = []string{"--loki-url", "", "--hold=copy", "--state-dir", filepath.Join(top, "state")}
	v := r.verbAs(nobody, append([]string{"run", "--once", "--listen", "127.0.0.1:0"}, r.runArgs()...)...)
	if v.Code != 0 || !strings.Contains(string(v.Stderr), "cannot lock the audit directory") {
		t.Fatalf("exit %d: %s", v.Code, v.Stderr)
	}
	if after := r.listing(); after != before {
		t.Errorf("the directory was\n%sand is\n%s", before, after)
	}
	r.args = nil
	r.checkArchive()
}
