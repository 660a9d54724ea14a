package rotate

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// pinFlags open a file without any permission on it.
const pinFlags = unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC

func deviceIn(st *syscall.Stat_t) uint64 { return st.Dev }
