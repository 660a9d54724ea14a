package hold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// keeper keeps the bytes of segments: by hard links, or by copies.
type keeper interface {
	// keep keeps a listed file as the segment id; a link lasts from the next
	// fsync of the directory on. It is repeated when the file is finished:
	// its content at that time lasts. s has no Path where the file
	// has no name any more. [errChanged] says that the name is another
	// file's by now, [errNoRoom] that a later call may succeed.
	keep(id string, s rotate.Segment) error
	// location says where the bytes of a segment are, false where they are not
	// kept.
	location(id string) (location, bool)
	// owners says which of the segments each listed file is, by inode. It is
	// called with every listing.
	owners(entries []ledger.Entry, listed []rotate.Segment) map[uint64]*ledger.Entry
}

// location is where bytes can be read.
type location struct {
	path    string
	inode   uint64 // the file's, where another may take its name; else 0
	rotated bool   // it has no writer any more
}

// errChanged says that a name was no longer the listed file when it was to be
// held.
var errChanged = errors.New("the directory changed")

// links keeps files by hard links in dir.
type links struct {
	fs  durable.FS
	dir string
}

func (k *links) keep(id string, s rotate.Segment) error {
	path := filepath.Join(k.dir, id)
	if s.Path == "" || durable.Exists(path) {
		return nil // linked since it was first seen
	}
	err := k.fs.Link(s.Path, path)
	if errors.Is(err, fs.ErrNotExist) {
		return errChanged
	}
	if err != nil {
		return fmt.Errorf("hold %s: %w", s.Path, explainLink(err))
	}
	inode, err := inodeOf(path)
	if err != nil {
		return fmt.Errorf("hold %s: %w", s.Path, err)
	}
	if inode != s.Inode {
		return errChanged
	}
	return nil
}

func (k *links) location(id string) (location, bool) {
	path := filepath.Join(k.dir, id)
	return location{path: path}, durable.Exists(path)
}

// owners goes by the inode, which a link pins.
func (k *links) owners(entries []ledger.Entry, _ []rotate.Segment) map[uint64]*ledger.Entry {
	owners := map[uint64]*ledger.Entry{}
	for i := range entries {
		if e := &entries[i]; isLink(filepath.Join(k.dir, e.ID), e.Inode) {
			owners[e.Inode] = e
		}
	}
	return owners
}

// isLink says whether path is a link to the file with that inode. A copy, made
// when the sidecar ran with --hold=copy, does not count.
func isLink(path string, inode uint64) bool {
	actual, err := inodeOf(path)
	return err == nil && actual == inode
}

func inodeOf(path string) (uint64, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, err
	}
	return inodeIn(info), nil
}

func inodeIn(info os.FileInfo) uint64 {
	_, inode := rotate.FileID(info)
	return inode
}
