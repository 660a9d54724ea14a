package archive

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// limitStall sets TCP_USER_TIMEOUT. Without it a connection to a machine that
// vanished is given up after a quarter of an hour.
func limitStall(_, _ string, c syscall.RawConn) error {
	var serr error
	err := c.Control(func(fd uintptr) {
		serr = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(stallTimeout.Milliseconds()))
	})
	return errors.Join(err, serr)
}
