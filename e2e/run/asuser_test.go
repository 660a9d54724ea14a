//go:build e2e

package run

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
)

// verbAs runs the binary as another user. The directories above the rig are
// opened for it; the audit directory and its files stay as they are.
func (r *rig) verbAs(uid uint32, args ...string) sidecar.Result {
	r.t.Helper()
	for dir := filepath.Dir(filepath.Dir(r.log)); strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			r.t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Dir(r.log), 0o755); err != nil {
		r.t.Fatal(err)
	}
	cmd := exec.CommandContext(r.t.Context(), copyForAll(r), args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Env, cmd.Dir = &stdout, &stderr, []string{"PATH=" + os.Getenv("PATH")}, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		r.t.Fatal(err)
	}
	return sidecar.Result{Stdout: stdout.Bytes(), Stderr: stderr.Bytes(), Code: cmd.ProcessState.ExitCode()}
}

// copyForAll copies the binary to where every user can run it.
func copyForAll(r *rig) string {
	r.t.Helper()
	in, err := os.Open(binary)
	if err != nil {
		r.t.Fatal(err)
	}
	defer in.Close()
	path := filepath.Join(filepath.Dir(filepath.Dir(r.log)), "auditsidecar")
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		r.t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		r.t.Fatal(err)
	}
	return path
}

// listing describes kube-apiserver's files: name, mode, size.
func (r *rig) listing() string {
	r.t.Helper()
	var list strings.Builder
	dir := filepath.Dir(r.log)
	if err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil || path == dir:
			return err
		case e.IsDir():
			return fs.SkipDir // the sidecar's own
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(&list, e.Name(), info.Mode(), info.Size())
		return err
	}); err != nil {
		r.t.Fatal(err)
	}
	return list.String()
}
