//go:build e2e

package run

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// The program in a pack checks the pack with nothing else: in a root directory that has the pack
// alone, without a network. A changed byte is found there, too.
func TestEvidenceOffline(t *testing.T) {
	r := newFixture(t, audittest.Config{})
	r.serve()
	r.replay(3000, 0, 0)
	r.once()
	pack := filepath.Join(t.TempDir(), "pack")
	if v := r.verb("evidence", r.url, "--from", "2d", "--to", "1d", "--out", pack); v.Code != 0 {
		t.Fatalf("exit %d: %s%s", v.Code, v.Stdout, v.Stderr)
	}
	check := func() (string, int) {
		cmd := exec.CommandContext(t.Context(), "/bin/auditsidecar", "evidence", "--check", "/")
		cmd.Dir, cmd.Env = "/", []string{}
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: pack, Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}, GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}}
		out, _ := cmd.CombinedOutput() // the code says it
		return string(out), cmd.ProcessState.ExitCode()
	}
	if out, code := check(); code != 0 || !strings.HasPrefix(out, "OK: the pack agrees with itself") {
		t.Errorf("exit %d: %s", code, out)
	}
	page := filepath.Join(pack, "index.html")
	text := audittest.ReadFile(t, page)
	text[len(text)/2] ^= 1
	if err := os.WriteFile(page, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := check(); code != 3 || !strings.Contains(out, "FAULT index.html") {
		t.Errorf("with a changed byte: exit %d: %s", code, out)
	}
}
