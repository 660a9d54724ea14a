package audittest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// File is one file of a [Writer]'s account.
type File struct {
	// Name is the base name in the audit directory: that of the backup, never
	// with .gz, once the file is finished, and that of the open log before.
	Name string
	// Path is the account's own hard link: the bytes stay there whatever
	// happens in the audit directory.
	Path string
	// Lines and Bytes count the written part; a last line without a newline
	// is not counted in Lines.
	Lines, Bytes int64
	// Finished says that the file was rotated away: it has no writer any more.
	Finished bool
}

// IsHeld reports whether the open log of a [Writer], at path, has a link besides its
// name and the account: the sidecar holds it. A file that is rotated and pruned,
// moved or deleted before a busy machine has seen it is lost.
func IsHeld(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink > 2
}

// account keeps a hard link to each file that was ever the open log.
type account struct {
	dir   string
	files []File
}

// open links the file at path as the newest one of the account, and counts
// its present content.
func (a *account) open(path string) error {
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		return fmt.Errorf("make account directory: %w", err)
	}
	link := filepath.Join(a.dir, fmt.Sprintf("%06d", len(a.files)))
	if err := os.Link(path, link); err != nil {
		return fmt.Errorf("link %s into the account (same filesystem? a directory that no other writer uses?): %w", path, err)
	}
	lines, size, err := count(link)
	if err != nil {
		return err
	}
	a.files = append(a.files, File{Name: filepath.Base(path), Path: link, Lines: lines, Bytes: size})
	return nil
}

// newest is the entry of the open log.
func (a *account) newest() *File { return &a.files[len(a.files)-1] }

// count returns the number of newlines and bytes in the file at path.
func count(path string) (lines, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, fmt.Errorf("count lines: %w", err)
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 64<<10)
	for {
		part, err := r.ReadSlice('\n')
		size += int64(len(part))
		lines += int64(bytes.Count(part, []byte("\n")))
		switch {
		case errors.Is(err, io.EOF):
			return lines, size, nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return 0, 0, fmt.Errorf("count lines of %s: %w", path, err)
		}
	}
}
