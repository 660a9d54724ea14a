package hold

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// maxPins bounds the descriptors that copies keeps open: the open file's, and
// those of rotated files while there is no room to copy them; and as many of
// files that were copied and may still be written to.
const maxPins = 8

// errNoRoom says that a file stays where it is until there is room to copy it.
var errNoRoom = errors.New("no room for a copy")

// copies keeps finished files by copies in dir. Until a file is finished its
// bytes stay where they are; it is kept open, so that they are there after its
// name is gone, for as long as the process lives.
type copies struct {
	fs   durable.FS
	dir  string
	room func(size int64) error // says errNoRoom

	left map[string]*leftFile // by segment

	mu        sync.Mutex
	pins      map[string]*os.File // by segment
	locations map[string]location // of those that are not copied
}

// leftFile is a file that was copied when it had lost its name. Its writer may continue in it.
type leftFile struct {
	*os.File
	size     int64     // of which the bytes are copied, or in a gap
	at       time.Time // when that was so
	reported bool      // as a gap
}

func newCopies(fsys durable.FS, dir string, room func(int64) error) *copies {
	return &copies{fs: fsys, dir: dir, room: room, left: map[string]*leftFile{}, pins: map[string]*os.File{}, locations: map[string]location{}}
}

func (k *copies) copyPath(id string) string { return filepath.Join(k.dir, id) }

func (k *copies) keep(id string, s rotate.Segment) error {
	if durable.Exists(k.copyPath(id)) {
		return nil
	}
	k.mu.Lock()
	file, pinned := k.pins[id]
	k.mu.Unlock()
	if !pinned {
		var err error
		if file, err = openListed(s); err != nil {
			return err
		}
	}
	if s.Path != "" && !s.Finished {
		k.mu.Lock()
		k.pins[id], k.locations[id] = file, locationOf(s)
		k.mu.Unlock()
		return nil
	}
	size, err := k.copy(id, file, s.Path == "")
	if pinned && err != nil {
		return err // the next pass tries again
	}
	k.mu.Lock()
	delete(k.pins, id)
	k.mu.Unlock()
	if s.Path == "" && err == nil && len(k.left) < maxPins {
		k.left[id] = &leftFile{File: file, size: size, at: time.Now()}
		return nil
	}
	return errors.Join(err, file.Close())
}

// copy copies a finished file. One that has no name any more is copied
// whatever the room: the copy is all that is left of it.
func (k *copies) copy(id string, file *os.File, nameless bool) (size int64, err error) {
	info, err := file.Stat()
	if err == nil && !nameless {
		err = k.room(info.Size())
	}
	if err == nil {
		err = k.fs.Copy(k.copyPath(id), file, 0o600)
	}
	if err != nil {
		return 0, fmt.Errorf("hold %s: %w", file.Name(), err)
	}
	if info, err = os.Stat(k.copyPath(id)); err != nil {
		return 0, fmt.Errorf("look at a copy: %w", err)
	}
	return info.Size(), nil
}

// openListed opens a listed file, and makes sure that it is that file: neither
// a symbolic link nor a pipe that has taken its name since is followed or waited
// for.
func openListed(s rotate.Segment) (*os.File, error) {
	f, err := os.OpenFile(s.Path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ELOOP) {
		return nil, errChanged
	}
	if err != nil {
		return nil, fmt.Errorf("hold %s: %w", s.Path, explainOpen(err))
	}
	info, err := f.Stat()
	if err == nil && inodeIn(info) != s.Inode {
		err = errChanged
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// location is the copy, or else the file itself where it was listed last.
func (k *copies) location(id string) (location, bool) {
	if path := k.copyPath(id); durable.Exists(path) {
		return location{path: path}, true
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	p, ok := k.locations[id]
	return p, ok
}

func locationOf(s rotate.Segment) location {
	return location{path: s.Path, inode: s.Inode, rotated: s.Finished}
}

// owners compares the inodes of open files. A file that is not open (the
// process has just begun) must have been created when the segment was, or
// begin with the same bytes: its inode number may be another file's by now.
func (k *copies) owners(entries []ledger.Entry, listed []rotate.Segment) map[uint64]*ledger.Entry {
	k.mu.Lock()
	defer k.mu.Unlock()
	byInode := map[uint64]rotate.Segment{}
	for _, s := range listed {
		byInode[s.Inode] = s
	}
	owners, needed := map[uint64]*ledger.Entry{}, map[string]bool{}
	for i := range entries {
		e := &entries[i]
		s, isListed := byInode[e.Inode]
		if path := k.copyPath(e.ID); durable.Exists(path) {
			// A link of a run with --hold=link, or a copy made just before a
			// crash; any other copy says nothing about the inode.
			if isLink(path, e.Inode) || !e.Finished && isListed && isSame(e, s.Path) {
				owners[e.Inode] = e
			}
			continue
		}
		if e.Finished || !k.locate(e, s, isListed) {
			continue
		}
		owners[e.Inode], needed[e.ID] = e, true
	}
	k.forget(needed)
	return owners
}

// locate notes where a segment that is not copied is now, and opens it where
// it is not open; false when it is lost.
func (k *copies) locate(e *ledger.Entry, s rotate.Segment, isListed bool) bool {
	pinned := k.pins[e.ID] != nil
	switch {
	case pinned && !isListed:
		return true // without a name; its last place stays
	case !isListed || !pinned && !isSame(e, s.Path):
		return false
	}
	k.locations[e.ID] = locationOf(s)
	if !pinned && (!s.Finished || len(k.pins) < maxPins) {
		if f, err := openListed(s); err == nil {
			k.pins[e.ID] = f
		}
	}
	if pinned && s.Finished && len(k.pins) > maxPins {
		_ = k.pins[e.ID].Close() // read-only: nothing can be lost
		delete(k.pins, e.ID)
	}
	return true
}

// forget closes the files that no segment needs any more.
func (k *copies) forget(needed map[string]bool) {
	maps.DeleteFunc(k.pins, func(id string, f *os.File) bool {
		if !needed[id] {
			_ = f.Close() // read-only: nothing can be lost
		}
		return !needed[id]
	})
	maps.DeleteFunc(k.locations, func(id string, _ location) bool { return !needed[id] })
}

// isSame says whether the file at path, which has the inode number of a
// segment, is that segment.
func isSame(e *ledger.Entry, path string) bool {
	if at := born(path); !at.IsZero() && !e.Born.IsZero() {
		return at.Equal(e.Born)
	}
	same, err := begins(path, e.Mark)
	return err == nil && same
}

// close closes the files that are open.
func (k *copies) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.forget(nil)
	for _, f := range k.left {
		_ = f.Close()
	}
}
