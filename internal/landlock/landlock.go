// Package landlock takes rights from this process that it does not need, by the
// kernel's means: a right given up cannot be regained, by anything in the
// process or its children.
//
// Landlock restricts the files that may be written, made, renamed, linked and removed, and
// keeps signals and abstract sockets to processes of ours. Reading is not
// restricted: which files credentials and certificates are in is known to their
// users only (a chain of AWS' sources, a helper program), and a file that cannot
// be read years later, when a certificate is renewed, would stop the archive.
package landlock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// ErrUnsupported is found by errors.Is in the error of [Writes] where the
// kernel has no Landlock, or not enough of it.
var ErrUnsupported = errors.New("no Landlock of version 2 (Linux 5.19) or later in this kernel, or it is switched off")

// minVersion is the first version of Landlock that lets files be linked from
// one directory to another at all.
const minVersion = 2

// The rights that are given up, except below directories that keep them.
const (
	writeFiles = landlock.AccessFSSet(ll.AccessFSWriteFile | ll.AccessFSTruncate)
	changeDirs = landlock.AccessFSSet(ll.AccessFSRemoveDir | ll.AccessFSRemoveFile | ll.AccessFSMakeChar | ll.AccessFSMakeDir |
		ll.AccessFSMakeReg | ll.AccessFSMakeSock | ll.AccessFSMakeFifo | ll.AccessFSMakeBlock | ll.AccessFSMakeSym | ll.AccessFSRefer)
	scopes = landlock.ScopedSet(ll.ScopeSignal | ll.ScopeAbstractUnixSocket)
)

// Paths are those that the process still writes to.
type Paths struct {
	// Owned are directories below which everything may be done. They must be
	// there.
	Owned []string
	// Optional are directories of the same kind that need not be there.
	Optional []string
	// Linked is a directory whose files may be linked into an owned one; empty:
	// none. Nothing can be made, renamed or removed in it. Its files can be
	// written to, because the kernel lets no process link a file to a directory where it has
	// more rights on it.
	Linked string
}

// Writes gives up, for this process and all that it starts, every right to
// change files outside of these directories. It returns the version of
// Landlock that the kernel has. An error means that nothing was given up, and
// that a refused access is possible.
func Writes(p Paths) (version int, err error) {
	version, err = ll.LandlockGetABIVersion()
	if err != nil || version < minVersion {
		return version, ErrUnsupported
	}
	for _, dir := range p.Owned {
		if err := look(dir); err != nil {
			return version, err
		}
	}
	rules := []landlock.Rule{
		landlock.PathAccess(writeFiles|changeDirs, p.Owned...),
		landlock.PathAccess(writeFiles|changeDirs, p.Optional...).IgnoreIfMissing(),
		// A program that is started has it for its input and output.
		landlock.PathAccess(writeFiles, os.DevNull).IgnoreIfMissing(),
	}
	if p.Linked != "" {
		rules = append(rules, landlock.PathAccess(writeFiles|ll.AccessFSRefer, p.Linked))
	}
	cfg := landlock.Config{HandledAccessFS: writeFiles | changeDirs, Scoped: scopes}
	if err := cfg.BestEffort().Restrict(rules...); err != nil {
		return version, fmt.Errorf("give up rights by Landlock: %w", err)
	}
	return version, nil
}

// look makes sure that a directory can be named in a rule; it mounts directories that
// are mounted at first use.
func look(dir string) error {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrPermission) {
		return nil // can still be written to
	}
	if err != nil {
		return fmt.Errorf("look at a directory that is written to: %w", err)
	}
	_, _ = d.Readdirnames(1)
	return d.Close()
}
