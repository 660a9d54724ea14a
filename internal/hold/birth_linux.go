package hold

import (
	"time"

	"golang.org/x/sys/unix"
)

// born returns when the file at path was created, zero where the file system
// does not keep it (statx(2), STATX_BTIME: ext4, xfs, btrfs, tmpfs do).
func born(path string) time.Time {
	var stat unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BTIME, &stat); err != nil {
		return time.Time{}
	}
	if stat.Mask&unix.STATX_BTIME == 0 {
		return time.Time{}
	}
	return time.Unix(stat.Btime.Sec, int64(stat.Btime.Nsec)).UTC()
}
