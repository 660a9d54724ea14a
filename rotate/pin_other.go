//go:build !linux

package rotate

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// pinFlags open a file for reading: elsewhere than on Linux it takes the
// permission to. A pipe is not waited for.
const pinFlags = unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC

func deviceIn(st *syscall.Stat_t) uint64 { return uint64(st.Dev) }
