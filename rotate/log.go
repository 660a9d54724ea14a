package rotate

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// Log is the family of files behind one --audit-log-path: the open file
// Dir/Base+Ext and its backups beside it. It is a value; a copy is as good as
// the original.
type Log struct {
	// Dir is the audit directory, absolute or relative.
	Dir string
	// Base is the file name without its extension: "audit".
	Base string
	// Ext is the extension with its dot, ".log"; empty without one.
	Ext string
}

// ParsePath splits the value of kube-apiserver's --audit-log-path, absolute or
// relative, in the way kube-apiserver does. It looks at the text only. The
// error says what to give instead.
func ParsePath(path string) (Log, error) {
	const want = "give the file that kube-apiserver's --audit-log-path names, such as /var/log/kubernetes/audit/audit.log"
	switch path {
	case "":
		return Log{}, errors.New("audit log path is empty: " + want)
	case "-":
		return Log{}, errors.New(`audit log path is "-", so kube-apiserver logs to standard output and leaves no file to follow: ` +
			"set its --audit-log-path to a file and give the same path here")
	}
	// The last element is looked at before filepath cleans it away.
	switch _, last := filepath.Split(path); last {
	case "", ".", "..":
		return Log{}, fmt.Errorf("audit log path %q is a directory: %s", path, want)
	}
	name := filepath.Base(path)
	ext := filepath.Ext(name)
	return Log{Dir: filepath.Dir(path), Base: name[:len(name)-len(ext)], Ext: ext}, nil
}

// Name returns the name of the open file: "audit.log".
func (l Log) Name() string { return l.Base + l.Ext }

// Path returns the path of the open file.
func (l Log) Path() string { return filepath.Join(l.Dir, l.Name()) }

// maxListings bounds how often Segments lists a directory that rotates while
// it is being listed.
const maxListings = 8

// Segments lists the log in rotation order: the backups by the time in their
// names, then the open file. It leaves alone files that are not regular and
// files without a backup's name, and a ".gz" whose plain file is still
// there, because kube-apiserver is then still writing it. Without an open file
// (as between the two steps of a rotation) it lists the backups. The list never
// has the file that was opened by a rotation without the one that was closed,
// unless that one was pruned meanwhile.
//
// A missing directory is an error that wraps fs.ErrNotExist. If the open file's
// name belongs to a directory, a symbolic link or a device, that is an error
// too: nothing could be followed, and silence would look like an idle log.
func (l Log) Segments() ([]Segment, error) {
	var segments, earlier []Segment
	for i := range maxListings {
		earlier = segments
		pinned, id := l.pin()
		var err error
		segments, err = l.list()
		if err := errors.Join(err, pinned.Close()); err != nil {
			return nil, err
		}
		// A rotation during a listing may hide the closed file: its old name was
		// gone, its new name not there yet. It shows in the open file's inode, which
		// no other file can have had, or else the next listing has the file.
		n := len(segments)
		if id != "" && n > 0 && segments[n-1].ID == id || id == "" && i > 0 && slices.EqualFunc(earlier, segments, same) {
			return segments, nil
		}
	}
	// It rotates faster than it can be listed. Files that the listing before had,
	// too, is without a hole; a reader waits for the rest.
	return settled(earlier, segments), nil
}

// pin opens the open file, so that its inode number goes to no other file before it
// is closed; id is empty if it cannot be opened, and [Log.list] says why.
func (l Log) pin() (file io.Closer, id string) {
	f, err := os.OpenFile(l.Path(), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return io.NopCloser(nil), ""
	}
	if info, err := f.Stat(); err == nil {
		id = l.segment("", "", info).ID
	}
	return f, id
}

// same reports whether two listed files are one under the same name.
func same(a, b Segment) bool { return a.ID == b.ID && a.Name == b.Name }

// settled returns the segments up to the first one that the earlier listing did
// not have. One that the later listing missed was renamed during it, and so
// were all that come after it: none of those is in the earlier one.
func settled(earlier, later []Segment) []Segment {
	for i, s := range later {
		if !slices.ContainsFunc(earlier, func(e Segment) bool { return same(e, s) }) {
			return later[:i]
		}
	}
	return later
}

// list lists the backups, oldest first, and the open file, if there is one. It
// does not follow a symbolic link.
func (l Log) list() ([]Segment, error) {
	segments, err := l.backups()
	if err != nil {
		return nil, err
	}
	info, err := os.Lstat(l.Path())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return segments, nil
	case err != nil:
		return nil, fmt.Errorf("look at the audit log: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("follow %s: it is a %s, not a regular file: give the file that kube-apiserver's --audit-log-path names",
			l.Path(), kind(info.Mode()))
	}
	return append(segments, l.segment(l.Name(), l.Name(), info)), nil
}

// kind names the type of a file that is not regular.
func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "directory"
	case mode&fs.ModeSymlink != 0:
		return "symbolic link"
	default:
		return "device, pipe or socket"
	}
}

// backups lists the rotated files, oldest first.
func (l Log) backups() ([]Segment, error) {
	entries, err := os.ReadDir(l.Dir)
	if err != nil {
		return nil, fmt.Errorf("list the audit directory: %w", err)
	}
	var segments, packed []Segment
	plain := make(map[string]bool)
	for _, entry := range entries {
		backup, ok := l.ParseBackup(entry.Name())
		if !ok || !entry.Type().IsRegular() {
			continue
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // pruned or compressed since it was listed
		}
		if err != nil {
			return nil, fmt.Errorf("look at a backup of the audit log: %w", err)
		}
		s := l.segment(entry.Name(), backup.Name, info)
		s.Rotated, s.Gzip, s.Finished = backup.Rotated, backup.Gzip, true
		if s.Gzip {
			packed = append(packed, s)
			continue
		}
		plain[s.Name] = true
		segments = append(segments, s)
	}
	// Only now is it known which plain files are still there: one that went
	// between the listing and the look was just replaced by its ".gz".
	for _, s := range packed {
		if !plain[s.Name] {
			segments = append(segments, s)
		}
	}
	slices.SortStableFunc(segments, func(a, b Segment) int { return a.Rotated.Compare(b.Rotated) })
	return segments, nil
}

// segment describes the file called entry, which is the segment called name.
func (l Log) segment(entry, name string, info fs.FileInfo) Segment {
	device, inode := FileID(info)
	return Segment{
		ID:      strconv.FormatUint(device, 10) + "-" + strconv.FormatUint(inode, 10),
		Name:    name,
		Path:    filepath.Join(l.Dir, entry),
		Size:    info.Size(),
		Inode:   inode,
		Device:  device,
		ModTime: info.ModTime(),
	}
}

// FileID returns the device and inode numbers in a FileInfo of package os,
// zeros for any other.
func FileID(info fs.FileInfo) (device, inode uint64) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0
	}
	return uint64(st.Dev), st.Ino //nolint:unconvert // its type depends on the system
}
