//go:build e2e

package run

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

const nobody = 65534

// commandAs is a program that runs as another user, from a copy that it can run. The directories
// above the fixture are opened for it, the audit directory as well; its files stay as they are.
func (r *fixture) commandAs(uid uint32, program string, args ...string) *exec.Cmd {
	r.t.Helper()
	for dir := filepath.Dir(filepath.Dir(r.log)); strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			r.t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Dir(r.log), 0o755); err != nil {
		r.t.Fatal(err)
	}
	cmd := exec.CommandContext(r.t.Context(), copyForAll(r, program), args...)
	cmd.Env, cmd.Dir = []string{"PATH=" + os.Getenv("PATH")}, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	return cmd
}

// verbAs runs the binary as another user.
func (r *fixture) verbAs(uid uint32, args ...string) sidecar.Result {
	r.t.Helper()
	cmd := r.commandAs(uid, binary, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		r.t.Fatal(err)
	}
	return sidecar.Result{Stdout: stdout.Bytes(), Stderr: stderr.Bytes(), Code: cmd.ProcessState.ExitCode()}
}

// copyForAll copies a program to where every user can run it.
func copyForAll(r *fixture, program string) string {
	r.t.Helper()
	path := filepath.Join(filepath.Dir(filepath.Dir(r.log)), filepath.Base(program))
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if err := os.WriteFile(path, audittest.ReadFile(r.t, program), 0o755); err != nil {
		r.t.Fatal(err)
	}
	return path
}

// listing describes kube-apiserver's files: name, mode, size.
func (r *fixture) listing() string {
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
