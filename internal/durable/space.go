package durable

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Space returns the size of the file system that path is on, and the part of it that this user may still
// fill, in bytes.
func Space(path string) (size, free int64, err error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(path, &stat); err != nil {
		return 0, 0, fmt.Errorf("get the free space of %s: %w", path, err)
	}
	block := int64(stat.Bsize) //nolint:unconvert // its type depends on the system
	return int64(stat.Blocks) * block, int64(stat.Bavail) * block, nil
}
