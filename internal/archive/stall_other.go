//go:build !linux

package archive

import "syscall"

// limitStall does nothing: TCP_USER_TIMEOUT is Linux's. Elsewhere the kernel's
// own limit ends a dead connection, after minutes.
func limitStall(_, _ string, _ syscall.RawConn) error { return nil }
