package doctor

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// checkAuditDir looks at the audit directory and the log in it.
func checkAuditDir(cfg *Config, _ *staticPod) []Result {
	const id = "audit-dir"
	info, err := os.Stat(cfg.Log.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return one(id, Error, "create it, give kube-apiserver --audit-log-path in it, and mount it as a directory", "%s does not exist", cfg.Log.Dir)
	case err != nil:
		return one(id, Error, "let the sidecar's user into it", "%s", err)
	case !info.IsDir():
		return one(id, Error, "mount the directory", "%s is no directory", cfg.Log.Dir)
	}
	segments, err := cfg.Log.Segments()
	if err != nil {
		return one(id, Error, "correct --audit-log-path or the permissions", "%s", err)
	}
	if len(segments) == 0 {
		return one(id, Warning, "is kube-apiserver running with --audit-log-path="+cfg.Log.Path()+"?", "%s has no file of the log %s", cfg.Log.Dir, cfg.Log.Name())
	}
	if last := segments[len(segments)-1]; last.Finished {
		return one(id, Warning, "is kube-apiserver running with --audit-log-path="+cfg.Log.Path()+"?", "%s has %d backups and no %s", cfg.Log.Dir, len(segments), cfg.Log.Name())
	}
	return one(id, OK, "", "%s has %s and %d backups", cfg.Log.Dir, cfg.Log.Name(), len(segments)-1)
}

// checkMount looks at how the audit directory and the state directory are
// mounted, and on what.
func checkMount(cfg *Config, _ *staticPod) []Result {
	all, err := readMounts(cfg.MountInfo)
	if err != nil {
		return one("mount", Info, "", "%s", err)
	}
	dir, file, state := real(cfg.Log.Dir), real(cfg.Log.Path()), real(cfg.StateDir)
	m, ok := mountOf(all, dir)
	if !ok {
		return one("mount", Info, "", "%s is on no mount that this process sees", dir)
	}
	results := mountMistakes(cfg, all, m, file, state)
	if len(results) == 0 {
		results = one("mount", OK, "", "%s is on the mount %s, as a directory; state is in %s", dir, m.point, state)
	}
	return append(results, checkFileSystem(m, dir))
}

func mountMistakes(cfg *Config, all []mount, m mount, file, state string) (results []Result) {
	if own, _ := mountOf(all, file); own.point == file {
		results = append(results, result("mount", Error, "mount the directory "+filepath.Dir(file)+", not the file",
			"%s is mounted as a single file: after the first rotation it is a file that nobody writes to any more", file))
	}
	if m.deleted {
		results = append(results, result("mount", Error, "restart the container",
			"the directory that is mounted at %s was deleted on the host", m.point))
	}
	stateMount, _ := mountOf(all, state)
	if stateMount.point != m.point && !cfg.Copy {
		results = append(results, result("mount", Error, "mount the audit directory once, as a whole, or run with --hold=copy",
			"the state directory is on the mount %s and the log on %s: files cannot be linked from one to the other", stateMount.point, m.point))
	}
	if stateMount.readOnly {
		results = append(results, result("mount", Error, "mount it writable, or run with --hold=copy and a --state-dir elsewhere",
			"the state directory %s is on a read-only mount", state))
	}
	return results
}

// checkFileSystem looks at the kind of file system that the log is on.
func checkFileSystem(m mount, dir string) Result {
	const id = "filesystem"
	switch kind := m.kind; {
	case kind == "overlay" && m.point == "/":
		return result(id, Warning, "mount the host's directory; on the node itself this is no mistake where its root is an overlay",
			"%s is on the container's own file system, not on a volume", dir)
	case kind == "tmpfs" || kind == "ramfs":
		return result(id, Warning, "keep the audit log on a disk", "%s is in memory (%s): what is not archived is lost when the node restarts", dir, kind)
	case strings.HasPrefix(kind, "nfs") || kind == "cifs" || kind == "smb3" || kind == "ceph" || kind == "9p" || strings.HasPrefix(kind, "fuse"):
		return result(id, Warning, "keep the audit log on a local disk",
			"%s is on %s: inotify may not see kube-apiserver's writes (the directory is then read each --rescan-interval), and what fsync promises is the server's to keep", dir, kind)
	default:
		return result(id, OK, "", "%s is on %s", dir, kind)
	}
}
