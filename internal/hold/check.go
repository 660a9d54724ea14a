package hold

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// CheckLink finds out whether files of the log can be linked into the state
// directory, and explains what to do where they cannot. It links and unlinks
// one of them; without one it reports nothing.
func CheckLink(fsys durable.FS, log rotate.Log, stateDir string) error {
	segments, err := log.Segments()
	if err != nil || len(segments) == 0 {
		return err
	}
	probe := filepath.Join(stateDir, "link-check")
	if err := fsys.Remove(probe); err != nil {
		return fmt.Errorf("remove an earlier link check: %w", err)
	}
	s := segments[len(segments)-1]
	err = fsys.Link(s.Path, probe)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // rotated away this very moment
	case err != nil:
		return fmt.Errorf("hold %s: %w", s.Path, explainLink(err))
	}
	return fsys.Remove(probe)
}

// explainLink adds the remedy to an error of link(2).
func explainLink(err error) error {
	switch {
	case errors.Is(err, syscall.EXDEV):
		return fmt.Errorf("%w; the state directory and the log are on two mounts: mount the audit directory once, as a whole, or run with --hold=copy", err)
	case errors.Is(err, syscall.EPERM):
		return fmt.Errorf("%w; only the owner of the file (or CAP_FOWNER) may link it: run the sidecar as the user that runs kube-apiserver, or with --hold=copy", err)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w; the audit directory is mounted read-only: the sidecar needs it writable for its hard links; mount it writable, or run with --hold=copy and a --state-dir elsewhere", err)
	case errors.Is(err, syscall.EMLINK):
		return fmt.Errorf("%w; the file has as many links as the file system allows; run with --hold=copy", err)
	}
	return err
}

// CheckCopy finds out whether files of the log can be read, and explains how
// to change that if they cannot. It opens one of them; without one it
// finds nothing out.
func CheckCopy(log rotate.Log) error {
	segments, err := log.Segments()
	if err != nil || len(segments) == 0 {
		return err
	}
	f, err := openListed(segments[len(segments)-1])
	if errors.Is(err, errChanged) {
		return nil // rotated away this very moment
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// explainOpen adds the remedy to an error of open(2).
func explainOpen(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w; let the sidecar's group read it: chgrp and chmod 0640 on the open file, kube-apiserver keeps group and mode at rotation", err)
	}
	return err
}
