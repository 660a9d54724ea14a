package doctor

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mount is one line of /proc/self/mountinfo, see proc_pid_mountinfo(5).
type mount struct {
	root     string // in its file system
	point    string // where it is mounted
	readOnly bool
	kind     string // of file system
	deleted  bool   // the directory that was mounted is gone
}

// parseMounts reads mountinfo. Lines that are none are left out.
func parseMounts(r io.Reader) ([]mount, error) {
	var all []mount
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		before, after, ok := strings.Cut(lines.Text(), " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !ok || len(left) < 6 || len(right) < 1 {
			continue
		}
		m := mount{root: unescape(left[3]), point: unescape(left[4]), kind: right[0]}
		m.deleted = strings.HasSuffix(m.root, "//deleted")
		m.readOnly = slices.Contains(strings.Split(left[5], ","), "ro")
		if len(right) > 2 {
			m.readOnly = m.readOnly || slices.Contains(strings.Split(right[2], ","), "ro")
		}
		all = append(all, m)
	}
	return all, lines.Err()
}

// unescape undoes the octal escapes of space, tab, newline and backslash.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// mountOf returns the mount that a path is on: the one with the longest mount
// point, the last of those.
func mountOf(all []mount, path string) (found mount, ok bool) {
	for _, m := range all {
		if within(path, m.point) && len(m.point) >= len(found.point) {
			found, ok = m, true
		}
	}
	return found, ok
}

// within says whether path is dir or below it.
func within(path, dir string) bool {
	return path == dir || dir == "/" || strings.HasPrefix(path, dir+"/")
}

func readMounts(path string) ([]mount, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the mounts: %w", err)
	}
	defer f.Close()
	return parseMounts(f)
}

// real resolves symbolic links in as much of path as there is.
func real(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		return resolved
	}
	if parent := filepath.Dir(path); parent != path {
		return filepath.Join(real(parent), filepath.Base(path))
	}
	return path
}
