package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/prometheus/procfs"

	"github.com/auditsidecar/auditsidecar/internal/hold"
)

// checkAuditDir looks at the audit directory and the log in it.
func checkAuditDir(_ context.Context, cfg *Config) []Result {
	info, err := os.Stat(cfg.Log.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return one(Error, "create it, give kube-apiserver --audit-log-path in it, and mount it as a directory", "%s does not exist", cfg.Log.Dir)
	case err != nil:
		return one(Error, "let the sidecar's user into it", "%s", err)
	case !info.IsDir():
		return one(Error, "mount the directory", "%s is not a directory", cfg.Log.Dir)
	}
	segments, err := cfg.Log.Segments()
	open := len(segments) > 0 && !segments[len(segments)-1].Finished
	running := "is kube-apiserver running with --audit-log-path=" + cfg.Log.Path() + "?"
	return first(
		finding{err != nil, result(Error, "correct --audit-log-path or the permissions", "%v", err)},
		finding{len(segments) == 0, result(Warning, running, "%s has no file of the log %s", cfg.Log.Dir, cfg.Log.Name())},
		finding{!open, result(Warning, running, "%s has %d backups and no %s", cfg.Log.Dir, len(segments), cfg.Log.Name())},
		finding{true, result(OK, "", "%s has %s and %d backups", cfg.Log.Dir, cfg.Log.Name(), len(segments)-1)},
	)
}

// checkMount looks at how the audit directory and the state directory are mounted, and reads the
// mounts for the check after it.
func checkMount(_ context.Context, cfg *Config) []Result {
	var err error
	if cfg.mounts, err = readMounts(cfg.Proc); err != nil {
		return one(Info, "", "%s", err)
	}
	dir, file, state := real(cfg.Log.Dir), real(cfg.Log.Path()), real(cfg.StateDir)
	m, stateMount := cfg.mounts.of(dir), cfg.mounts.of(state)
	if m.MountPoint == "" {
		return one(Info, "", "%s is on no mount that this process sees", dir)
	}
	wrong := every(
		finding{cfg.mounts.of(file).MountPoint == file, result(Error, "mount the directory "+filepath.Dir(file)+", not the file",
			"%s is mounted as a single file: after the first rotation it is a file that nothing writes to any more", file)},
		finding{strings.HasSuffix(m.Root, "//deleted"), result(Error, "restart the container", "the directory that is mounted at %s was deleted on the host", m.MountPoint)},
		finding{stateMount.MountPoint != m.MountPoint && !cfg.Copy, result(Error, "mount the audit directory once, as a whole, or run with --hold=copy",
			"the state directory is on the mount %s and the log on %s: files cannot be linked from one to the other", stateMount.MountPoint, m.MountPoint)},
		finding{readOnly(stateMount), result(Error, "mount it writable, or run with --hold=copy and a --state-dir elsewhere", "the state directory %s is on a read-only mount", state)},
	)
	if len(wrong) > 0 {
		return wrong
	}
	return one(OK, "", "%s is on the mount %s, as a directory; state is in %s", dir, m.MountPoint, state)
}

// checkFileSystem looks at the kind of file system that the log is on.
func checkFileSystem(_ context.Context, cfg *Config) []Result {
	dir := real(cfg.Log.Dir)
	m := cfg.mounts.of(dir)
	switch kind := m.FSType; {
	case m.MountPoint == "":
		return nil // checkMount reports it
	case kind == "overlay" && m.MountPoint == "/":
		return one(Warning, "mount the host's directory; on the node itself this is no mistake if its root is an overlay",
			"%s is on the container's own file system, not on a volume", dir)
	case kind == "tmpfs" || kind == "ramfs":
		return one(Warning, "keep the audit log on a disk", "%s is in memory (%s): lines that are not archived are lost when the node restarts", dir, kind)
	case strings.HasPrefix(kind, "nfs") || kind == "cifs" || kind == "smb3" || kind == "ceph" || kind == "9p" || strings.HasPrefix(kind, "fuse"):
		return one(Warning, "keep the audit log on a local disk",
			"%s is on %s: inotify may not see kube-apiserver's writes (the directory is then read each --rescan-interval), and whether fsync keeps its promise depends on the server", dir, kind)
	default:
		return one(OK, "", "%s is on %s", dir, kind)
	}
}

// mounts are those that this process sees.
type mounts []*procfs.MountInfo

func readMounts(proc string) (mounts, error) {
	fs, err := procfs.NewFS(proc)
	if err != nil {
		return nil, fmt.Errorf("read the mounts: %w", err)
	}
	all, err := fs.GetMounts()
	if err != nil {
		return nil, fmt.Errorf("read the mounts: %w", err)
	}
	// The octal escapes of space, tab, newline and backslash, see proc_pid_mountinfo(5).
	escapes := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	for _, m := range all {
		m.MountPoint = escapes.Replace(m.MountPoint)
	}
	return all, nil
}

// of returns the mount that a path is on: the one with the longest mount point, the last of those;
// an empty one without one.
func (all mounts) of(path string) (found procfs.MountInfo) {
	for _, m := range all {
		if within(path, m.MountPoint) && len(m.MountPoint) >= len(found.MountPoint) {
			found = *m
		}
	}
	return found
}

func readOnly(m procfs.MountInfo) bool {
	_, mount := m.Options["ro"]
	_, super := m.SuperOptions["ro"]
	return mount || super
}

// within says whether path is dir or below it.
func within(path, dir string) bool {
	return path == dir || dir == "/" || strings.HasPrefix(path, dir+"/")
}

// real resolves symbolic links in the existing part of path.
func real(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	dir := existing(path)
	resolved, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return path
	}
	return filepath.Join(resolved, strings.TrimPrefix(path, dir))
}

// checkHold finds out whether the log's files can be held as --hold says.
func checkHold(_ context.Context, cfg *Config) []Result {
	segments, err := cfg.Log.Segments()
	if err != nil || len(segments) == 0 {
		return one(Info, "look again when kube-apiserver has written something", "there is no file to try it with")
	}
	dir, err := os.MkdirTemp(existing(cfg.StateDir), ".doctor-*")
	if err != nil {
		return one(Error, "let the sidecar's user write there, or run with --hold=copy and a --state-dir elsewhere", "make a directory: %s", err)
	}
	how := "linked"
	if cfg.Copy {
		how, err = "copied", hold.CheckCopy(cfg.Log)
	} else {
		err = hold.CheckLink(cfg.FS, cfg.Log, dir)
	}
	cleaning := os.Remove(dir)
	switch {
	case err != nil:
		return one(Error, fmt.Sprintf("doctor ran as user %d: run it as the sidecar's user", os.Geteuid()), "%s", err)
	case cleaning != nil:
		return one(Warning, "remove the directory", "the directory of this check could not be removed: %s", cleaning)
	}
	return one(OK, "", "files of the log can be %s by user %d", how, os.Geteuid())
}
