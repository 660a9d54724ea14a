package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// FS applies durable effects to the local file system. The zero value is ready
// for use and equal to [OS]. It is safe for concurrent use on distinct paths.
type FS struct{ hook Hook }

// OS returns the FS of the operating system, without a hook.
func OS() FS { return FS{} }

// WithHook returns an FS that passes every effect through h. It exists for
// tests that inject faults and crashes; see the package documentation.
func (f FS) WithHook(h Hook) FS { return FS{hook: h} }

// apply runs do, the effect e, through the hook if there is one.
func (f FS) apply(e Effect, do func() error) error {
	if f.hook == nil {
		return do()
	}
	return f.hook(e, do)
}

// WriteFile replaces the content of path by data, atomically and durably: a
// crash leaves the old content or the new one. The file's mode becomes perm,
// whatever the umask says.
func (f FS) WriteFile(path string, data []byte, perm fs.FileMode) error {
	file, err := f.writeTemp(path, perm, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := f.rename(file.Name(), path); err != nil {
		file.discard()
		return fmt.Errorf("write %s: %w", path, err)
	}
	return f.SyncDir(filepath.Dir(path))
}

// Publish creates path with the content that fill writes, atomically and
// durably, and never over an existing file: then it fails with [fs.ErrExist]
// (after fill ran, because only link(2) can decide it without a race). When fill
// fails, its error is returned wrapped and nothing is left.
func (f FS) Publish(path string, perm fs.FileMode, fill func(io.Writer) error) error {
	file, err := f.writeTemp(path, perm, fill)
	if err != nil {
		return fmt.Errorf("create %s: %w", path, err)
	}
	err = f.Link(file.Name(), path)
	file.discard()
	if err != nil {
		return fmt.Errorf("create %s: %w", path, err)
	}
	return f.SyncDir(filepath.Dir(path))
}

// Link makes newPath a further name of the file oldPath, which is durable after the
// next [FS.SyncDir] of newPath's directory. It fails with [fs.ErrExist] where newPath
// exists, with EXDEV across mounts and with EPERM where protected_hardlinks forbids it.
func (f FS) Link(oldPath, newPath string) error {
	err := f.apply(Effect{Op: OpLink, Path: newPath, From: oldPath}, func() error { return os.Link(oldPath, newPath) })
	if err != nil {
		return fmt.Errorf("link: %w", err)
	}
	return nil
}

// Rename gives oldPath the name newPath, replacing it, and fsyncs the directories
// of both. It does not fsync the content: see [FS.SyncFile].
func (f FS) Rename(oldPath, newPath string) error {
	if err := f.rename(oldPath, newPath); err != nil {
		return fmt.Errorf("rename: %w", err)
	}
	newDir, oldDir := filepath.Dir(newPath), filepath.Dir(oldPath)
	if err := f.SyncDir(newDir); err != nil || newDir == oldDir {
		return err
	}
	return f.SyncDir(oldDir)
}

// Remove deletes the file or empty directory path and fsyncs its directory. A
// path that does not exist is success: the effect is there, and it is fsynced
// because the removal may have been ours, cut short by a crash.
func (f FS) Remove(path string) error {
	err := f.apply(Effect{Op: OpRemove, Path: path}, func() error { return os.Remove(path) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove: %w", err)
	}
	err = f.SyncDir(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// MkdirAll makes the directory path with all missing parents, mode perm less the
// umask, and fsyncs the parent of each one that it makes. A directory that exists
// is taken to be durable.
func (f FS) MkdirAll(path string, perm fs.FileMode) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return fmt.Errorf("make directory %s: a file of this name is in the way: %w", path, unix.ENOTDIR)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("make directory: %w", err)
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := f.MkdirAll(parent, perm); err != nil {
			return err
		}
	}
	err = f.apply(Effect{Op: OpMkdir, Path: path}, func() error { return os.Mkdir(path, perm) })
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make directory: %w", err)
	}
	return f.SyncDir(parent)
}

// SetAside renames a state file that cannot be used to
// "<path>.corrupt-<UTC time>" and returns that name. Nothing is deleted: the
// file is evidence, and the caller rebuilds the state from elsewhere.
func (f FS) SetAside(path string, now time.Time) (string, error) {
	aside := path + ".corrupt-" + now.UTC().Format("20060102T150405.000000000")
	// Two names for one instant are possible when the clock stands still.
	for n := 1; Exists(aside); n++ {
		aside = fmt.Sprintf("%s.corrupt-%s-%d", path, now.UTC().Format("20060102T150405.000000000"), n)
	}
	if err := f.Rename(path, aside); err != nil {
		return "", fmt.Errorf("set aside %s: %w", path, err)
	}
	return aside, nil
}

// Exists reports whether there is anything at path.
func Exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// RemoveTemps removes the temporary files that interrupted calls left in dir
// (not below it). Call it only where no other call can be under way, which is
// to say after [Lock]. A directory that does not exist is success.
func (f FS) RemoveTemps(dir string) error { return f.RemoveOldTemps(dir, 0) }

// RemoveOldTemps is [FS.RemoveTemps] for the files that were not written to for
// some time: others may be at work in the directory.
func (f FS) RemoveOldTemps(dir string, age time.Duration) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove temporary files: %w", err)
	}
	var errs []error
	for _, e := range entries {
		if !IsTemp(e.Name()) {
			continue
		}
		if info, err := e.Info(); err == nil && (age == 0 || time.Since(info.ModTime()) > age) {
			errs = append(errs, f.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}

const (
	tempSuffix = ".tmp"
	// maxTempBase is how much of a name its temporary file has: a name may have
	// 255 bytes.
	maxTempBase = 200
)

// IsTemp reports whether a file name (without directory) is that of a temporary
// file of this package. Listings of published files leave such names out.
func IsTemp(name string) bool {
	return strings.HasPrefix(name, ".") && strings.HasSuffix(name, tempSuffix)
}
