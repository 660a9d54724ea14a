package hold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// recover compares the links with the ledger at start: links that the ledger
// does not have are adopted, entries whose link is gone are quarantined, and
// without a Loki its claims of an earlier run are released.
func (h *Hold) recover() error {
	links, err := os.ReadDir(h.dir)
	if err != nil {
		return fmt.Errorf("list the held files: %w", err)
	}
	pinned := h.pinned()
	for _, link := range links {
		n, inode, ok := parseLinkName(link.Name())
		if !ok {
			continue
		}
		h.next = max(h.next, n+1)
		if _, known := h.cfg.Ledger.Get(link.Name()); known {
			continue
		}
		if err := h.recoverLink(link.Name(), inode, pinned); err != nil {
			return err
		}
	}
	return h.recoverEntries()
}

// pinned is the set of inodes that links with an entry hold.
func (h *Hold) pinned() map[uint64]bool {
	pinned := map[uint64]bool{}
	for _, e := range h.cfg.Ledger.Entries() {
		if h.isHeld(e.ID) {
			pinned[e.Inode] = true
		}
	}
	return pinned
}

// recoverLink adopts a link without an entry. A link to another file than
// its name says was about to be taken back when the process died, and a
// second link to a held file adds nothing: both go.
func (h *Hold) recoverLink(id string, inode uint64, pinned map[uint64]bool) error {
	actual, err := inodeOf(h.Path(id))
	if err != nil {
		return fmt.Errorf("look at the held file %s: %w", h.Path(id), err)
	}
	if actual != inode || pinned[inode] {
		if err := h.cfg.FS.Remove(h.Path(id)); err != nil {
			return fmt.Errorf("remove the needless link %s: %w", h.Path(id), err)
		}
		return nil
	}
	pinned[inode] = true
	e := h.adopt(id, inode)
	if err := h.cfg.Ledger.Add(e); err != nil {
		return err
	}
	h.cfg.Note("adopted a held file that the ledger did not have", e)
	return nil
}

// adopt makes the entry of a link. It counts as open until a pass sees it as
// a backup, or sees that it has no name any more; a compressed file was
// finished before it was linked and its backup is found by its inode.
func (h *Hold) adopt(id string, inode uint64) ledger.Entry {
	return ledger.Entry{
		ID: id, Name: filepath.Base(h.cfg.Log.Path()), Inode: inode, State: ledger.Held, Loki: h.cfg.Loki,
		Gzip: isGzip(h.Path(id)), Born: born(h.Path(id)), Joined: h.baseline,
	}
}

func (h *Hold) recoverEntries() error {
	for _, e := range h.cfg.Ledger.Entries() {
		if n, _, ok := parseLinkName(e.ID); ok {
			h.next = max(h.next, n+1)
		}
		if err := h.recoverEntry(e); err != nil {
			return err
		}
	}
	return nil
}

// recoverEntry quarantines an entry whose bytes are gone before they were
// converted, and releases claims of Loki that nobody can or will serve.
func (h *Hold) recoverEntry(e ledger.Entry) error {
	gone := !h.isHeld(e.ID)
	lost := gone && e.State == ledger.Held
	release := e.Loki && (gone || !h.cfg.Loki)
	if !lost && !release {
		return nil
	}
	edit := func(e *ledger.Entry) {
		e.Loki = e.Loki && !release
		if lost {
			e.State, e.Finished = ledger.Quarantined, true
			e.Reason = "its held link is gone: somebody removed it from " + h.dir
		}
	}
	if err := h.cfg.Ledger.Edit(e.ID, edit); err != nil {
		return err
	}
	if lost {
		edit(&e)
		h.cfg.Note("a held file is gone", e)
	}
	return nil
}

func isGzip(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var magic [2]byte
	_, err = f.ReadAt(magic[:], 0)
	return err == nil && magic == [2]byte{0x1f, 0x8b}
}

// CheckLink finds out whether files of the log can be linked into the state
// directory, and explains what to do where they cannot. It links and unlinks
// one of them; where there is none yet it finds nothing out.
func CheckLink(fsys durable.FS, log rotate.Log, stateDir string) error {
	segments, err := log.Segments()
	if err != nil || len(segments) == 0 {
		return err
	}
	probe := filepath.Join(stateDir, "link-check")
	if err := fsys.Remove(probe); err != nil {
		return fmt.Errorf("remove an earlier link check: %w", err)
	}
	s := segments[len(segments)-1]
	err = fsys.Link(s.Path, probe)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // rotated away this very moment
	case err != nil:
		return fmt.Errorf("hold %s: %w", s.Path, explainLink(err))
	}
	return fsys.Remove(probe)
}

// explainLink adds the remedy to an error of link(2).
func explainLink(err error) error {
	switch {
	case errors.Is(err, syscall.EXDEV):
		return fmt.Errorf("%w; the state directory and the log are on two mounts: mount the audit directory once, as a whole", err)
	case errors.Is(err, syscall.EPERM):
		return fmt.Errorf("%w; only the owner of the file (or CAP_FOWNER) may link it: run the sidecar as the user that runs kube-apiserver", err)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w; the audit directory is mounted read-only: the sidecar needs it writable for its hard links", err)
	case errors.Is(err, syscall.EMLINK):
		return fmt.Errorf("%w; the file has as many links as the file system allows", err)
	}
	return err
}
