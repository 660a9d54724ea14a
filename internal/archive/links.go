package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// follow returns the type of a directory entry, of a symbolic link that of its
// target, as when old days were moved to another disk. One that leads nowhere, or back
// to a directory that it is in, is an error: the objects behind it must not
// be taken for missing.
func follow(dir string, e fs.DirEntry) (fs.FileMode, error) {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.Type(), nil
	}
	path := filepath.Join(dir, e.Name())
	info, err := os.Stat(path)
	if err != nil { // not as an error of the system: "not there" is said of objects
		return 0, errors.New("follow a symbolic link: " + err.Error())
	}
	if info.IsDir() && leadsBack(dir, info) {
		return 0, fmt.Errorf("follow a symbolic link: %s leads back to a directory that it is in", path)
	}
	return info.Mode().Type(), nil
}

// leadsBack reports whether a directory is dir or above it, by the way that
// dir's path goes.
func leadsBack(dir string, info fs.FileInfo) bool {
	for {
		if above, err := os.Stat(dir); err == nil && os.SameFile(above, info) {
			return true
		}
		next := filepath.Dir(dir)
		if next == dir {
			return false
		}
		dir = next
	}
}
