package archive

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/durable"
)

const (
	dirMode  fs.FileMode = 0o700
	fileMode fs.FileMode = 0o600
)

// dirStore keeps objects as files below root.
type dirStore struct {
	fs   durable.FS
	root string
}

func (d *dirStore) path(key string) string { return filepath.Join(d.root, filepath.FromSlash(key)) }

func (d *dirStore) put(ctx context.Context, key string, body *io.SectionReader, sum [sha256.Size]byte) ([]byte, error) {
	path := d.path(key)
	if _, err := os.Lstat(path); err == nil {
		return nil, &Error{Reason: reasonExists, Err: fs.ErrExist}
	}
	dir := filepath.Dir(path)
	if err := d.fs.MkdirAll(dir, dirMode); err != nil {
		return nil, fileError(err)
	}
	// Temporary files that crashes left, and cannot be removed, do no harm.
	_ = d.fs.RemoveOldTemps(dir, staleAfter)
	return nil, fileError(d.fs.Publish(path, fileMode, func(w io.Writer) error {
		h := sha256.New()
		_, err := io.Copy(io.MultiWriter(w, h), withContext(ctx, body))
		if err == nil && [sha256.Size]byte(h.Sum(nil)) != sum {
			err = &Error{Reason: ReasonChecksum, Cause: fmt.Sprintf("the bytes to store have SHA-256 %x, announced was %x", h.Sum(nil), sum)}
		}
		return err
	}))
}

func (d *dirStore) copyTo(ctx context.Context, key string, from, size int64, w io.Writer) (int64, error) {
	info, file, err := d.get(ctx, key, true)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	n, err := io.Copy(w, withContext(ctx, io.NewSectionReader(file, from, cmp.Or(size, info.Size))))
	return n, fileError(err)
}

// withContext makes a copy end when ctx does.
func withContext(ctx context.Context, r io.Reader) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return r.Read(p)
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// staleAfter is how old a temporary file must be to belong to a writer that
// crashed: other nodes may be writing into a shared directory right now.
const staleAfter = time.Hour

func (d *dirStore) stat(key string) (Info, error) {
	info, err := os.Stat(d.path(key))
	if err != nil {
		return Info{}, fileError(err)
	}
	if !info.Mode().IsRegular() {
		return Info{}, &Error{Reason: ReasonNotFound, Cause: "not a regular file"}
	}
	return Info{Key: key, Size: info.Size(), Modified: info.ModTime()}, nil
}

func (d *dirStore) get(_ context.Context, key string, content bool) (Info, *os.File, error) {
	info, err := d.stat(key)
	if err != nil || !content {
		return info, nil, err
	}
	file, err := os.Open(d.path(key))
	if err != nil {
		return Info{}, nil, fileError(err)
	}
	return info, file, nil
}

// list holds the names in one directory per level in memory, without those to skip.
func (d *dirStore) list(ctx context.Context, prefix string, seek func(key string) string, yield func(Info) bool) error {
	wanted := func(key string) bool {
		from := seek(key)
		under := strings.HasSuffix(key, "/")
		return (key > from || under && strings.HasPrefix(from, key)) && (strings.HasPrefix(key, prefix) || under && strings.HasPrefix(prefix, key))
	}
	_, err := d.walk(ctx, "", wanted, yield)
	return fileError(err)
}

// walk visits the directory with the key dir ("" or ending in "/") and returns
// whether to continue.
func (d *dirStore) walk(ctx context.Context, dir string, wanted func(key string) bool, yield func(Info) bool) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	keys, err := d.sortedKeys(dir, wanted)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	for _, key := range keys {
		if strings.HasSuffix(key, "/") {
			if more, err := d.walk(ctx, key, wanted, yield); err != nil || !more {
				return false, err
			}
			continue
		}
		info, err := d.stat(key)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed since the directory was read
		}
		if err != nil || !yield(info) {
			return false, err
		}
	}
	return true, nil
}

// sortedKeys returns the wanted keys of regular files and, with a '/' at the end, of
// directories. With that '/' the order in one directory is the order of all keys
// below it: "a-b" sorts before "a/b".
func (d *dirStore) sortedKeys(dir string, wanted func(key string) bool) (keys []string, err error) {
	file, err := os.Open(d.path(dir))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	for {
		entries, end := file.ReadDir(readAtOnce)
		for _, e := range entries {
			key := dir + e.Name()
			kind, err := follow(d.path(dir), e)
			switch {
			case err != nil:
				return nil, err
			case kind.IsDir():
				key += "/"
			case !kind.IsRegular() || durable.IsTemp(e.Name()):
				continue
			}
			if wanted(key) {
				keys = append(keys, key)
			}
		}
		if errors.Is(end, io.EOF) {
			slices.Sort(keys)
			return keys, nil
		}
		if end != nil {
			return nil, end
		}
	}
}

// readAtOnce is how many names of a directory are read at once.
const readAtOnce = 1024

// follow returns the type of a directory entry, of a symbolic link that of its
// target, as when old days were moved to another disk. One that leads nowhere, or back
// to a directory that it is in (too many links follow each other then), is an error:
// the objects behind it must not be taken for missing.
func follow(dir string, e fs.DirEntry) (fs.FileMode, error) {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.Type(), nil
	}
	info, err := os.Stat(filepath.Join(dir, e.Name()))
	if err != nil { // not as an error of the system: "not there" is said of objects
		return 0, errors.New("follow a symbolic link: " + err.Error())
	}
	return info.Mode().Type(), nil
}

// fileError classifies an error of the file system. Errors that are classified
// already keep their class.
func fileError(err error) error {
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return e
	case errors.Is(err, fs.ErrExist):
		return &Error{Reason: reasonExists, Cause: err.Error(), Err: err}
	}
	e = &Error{Reason: ReasonOf(err), Cause: err.Error(), Err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		e.Reason, e.Cause = ReasonNotFound, "no such object"
	case errors.Is(err, fs.ErrPermission):
		e.Reason, e.Remedy = ReasonPermission, fmt.Sprintf("let user %d write and search the directory", os.Getuid())
	case errors.Is(err, syscall.EROFS):
		e.Reason, e.Remedy = ReasonPermission, "mount the file system (or the container's volume) writable"
	case durable.IsDiskFull(err):
		e.Reason, e.Remedy = ReasonFull, "free space in the archive directory; storing then resumes by itself"
	}
	return e
}
