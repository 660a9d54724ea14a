package hold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// recovery brings the held files and the ledger in line.
type recovery struct{ *base }

// recover compares the links with the ledger at start: links that the ledger
// does not have are adopted, entries whose link is gone are quarantined, and
// without a Loki its claims of an earlier run are released.
func (h *recovery) recover() error {
	listed, err := h.cfg.Log.Segments()
	if err != nil {
		return fmt.Errorf("list the audit directory: %w", err)
	}
	if err := h.findAgain(h.cfg.Ledger.Entries(), listed); err != nil {
		return err
	}
	held, err := os.ReadDir(h.dir)
	if err != nil {
		return fmt.Errorf("list the held files: %w", err)
	}
	pinned := (&links{dir: h.dir}).owners(h.cfg.Ledger.Entries(), nil) // by inode
	for _, file := range held {
		n, inode, ok := parseLinkName(file.Name())
		if !ok {
			continue
		}
		h.next = max(h.next, n+1)
		if _, known := h.cfg.Ledger.Get(file.Name()); known {
			continue
		}
		if err := h.recoverFile(file.Name(), inode, pinned, listed); err != nil {
			return err
		}
	}
	return h.recoverEntries(h.cfg.Ledger.Entries())
}

// findAgain finds the listed files of segments that are not held: open ones, of which a run with
// --hold=copy has no copy, and those whose link was removed from outside.
func (h *recovery) findAgain(entries []ledger.Entry, listed []rotate.Segment) error {
	h.keep.owners(entries, listed)
	kept := false
	for i := range entries {
		e := &entries[i]
		if e.State != ledger.Held || h.isHeld(e.ID) {
			continue
		}
		if err := h.findPacked(e, listed); err != nil {
			return err
		}
		for _, s := range listed {
			if s.Inode != e.Inode || !isSame(e, s.Path) {
				continue
			}
			if err := h.keep.keep(e.ID, s); err != nil && !errors.Is(err, errChanged) && !errors.Is(err, errNoRoom) {
				return err
			}
			kept = true
		}
	}
	if !kept {
		return nil
	}
	return h.cfg.FS.SyncDir(h.dir)
}

// findPacked notes that a segment whose bytes are not held is a compressed backup now.
func (h *recovery) findPacked(e *ledger.Entry, listed []rotate.Segment) error {
	for _, s := range listed {
		if !s.Gzip || e.Gzip || e.Finished && e.Name != s.Name {
			continue
		}
		same, err := unpacksTo(s.Path, e.Mark, e.Least())
		var mark ledger.Mark
		if same {
			mark, err = readMark(s.Path)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if same && err == nil {
			return h.edit(e, func(e *ledger.Entry) {
				e.Finished, e.Name, e.Rotated, e.Gzip, e.Inode, e.Born = true, s.Name, s.Rotated, true, s.Inode, born(s.Path)
				e.Mark, e.Seen, e.Wrote = mark, s.Size, s.ModTime.UTC()
				e.Tail, e.Read, e.Open = ledger.Tail{}, nil, nil // of its unpacked content
			})
		}
	}
	return nil
}

// keepLinks looks for segments whose link was removed while this runs. Files that the directory still has are
// linked again; the rest is a gap.
func (h *recovery) keepLinks(listed []rotate.Segment) error {
	entries := h.cfg.Ledger.Entries() // one state for both: a new epoch may begin meanwhile
	if err := h.findAgain(entries, listed); err != nil {
		return err
	}
	return h.recoverEntries(entries)
}

// recoverFile adopts a held file without an entry. A second link to a held
// file, such as one that was about to be taken back when the process died,
// adds nothing and goes.
func (h *recovery) recoverFile(id string, inode uint64, pinned map[uint64]*ledger.Entry, listed []rotate.Segment) error {
	path := filepath.Join(h.dir, id)
	actual, err := inodeOf(path)
	if err != nil {
		return fmt.Errorf("look at the held file %s: %w", path, err)
	}
	if pinned[actual] != nil {
		if err := h.cfg.FS.Remove(path); err != nil {
			return fmt.Errorf("remove the needless link %s: %w", path, err)
		}
		return nil
	}
	e := h.adopt(id, actual)
	if h.cfg.Copy && actual != inode {
		if e, err = h.adoptCopy(id, inode, listed); err != nil {
			return err
		}
	}
	pinned[actual], h.adopted[id] = &e, true
	if err := h.cfg.Ledger.Add(e); err != nil {
		return err
	}
	h.cfg.Note("adopted a held file that the ledger did not have", e)
	return nil
}

// adoptCopy makes the entry of a copy. It is that of the listed file with the
// same inode, size and time, or of the compressed one with the same bytes, or else
// of one that was rotated when it was last written to.
func (h *recovery) adoptCopy(id string, inode uint64, listed []rotate.Segment) (ledger.Entry, error) {
	path := filepath.Join(h.dir, id)
	info, err := os.Stat(path)
	if err != nil {
		return ledger.Entry{}, fmt.Errorf("look at the held file: %w", err)
	}
	e := h.adopt(id, inode)
	e.Finished, e.Seen, e.Born = true, info.Size(), time.Time{}
	if e.Mark, err = readMark(path); err != nil {
		return ledger.Entry{}, err
	}
	for _, s := range listed {
		same := s.Inode == inode && s.Size == info.Size() && s.ModTime.Equal(info.ModTime())
		if s.Gzip && !e.Gzip {
			if same, err = unpacksTo(s.Path, e.Mark, e.Seen); err != nil {
				return ledger.Entry{}, err
			}
		} else if same {
			e.Born = h.bornOf(id, s)
		}
		if s.Finished && same {
			e.Name, e.Rotated = s.Name, s.Rotated
			return e, nil
		}
	}
	e.Name, e.Rotated = h.freeName(&look{entries: h.cfg.Ledger.Entries(), listed: listed}, info.ModTime())
	return e, nil
}

// adopt makes the entry of a link. It counts as open until a pass sees it as
// a backup, or sees that it has no name any more; a compressed file was
// finished before it was linked and its backup is found by its inode.
func (h *recovery) adopt(id string, inode uint64) ledger.Entry {
	e := ledger.Entry{
		ID: id, Name: filepath.Base(h.cfg.Log.Path()), Inode: inode, State: ledger.Held, Loki: h.cfg.Loki,
		Gzip: isGzip(h.Path(id)), Born: born(h.Path(id)), Continuous: h.baseline,
	}
	if info, err := os.Stat(h.Path(id)); err == nil {
		e.Wrote = info.ModTime().UTC()
	}
	return e
}

func (h *recovery) recoverEntries(entries []ledger.Entry) error {
	for _, e := range entries {
		if n, _, ok := parseLinkName(e.ID); ok {
			h.next = max(h.next, n+1)
		}
		now, known := h.cfg.Ledger.Get(e.ID)
		if !known || now.State != e.State { // the next pass decides
			continue
		}
		if err := h.recoverEntry(now); err != nil {
			return err
		}
	}
	return nil
}

// recoverEntry quarantines an entry whose bytes are gone before they were
// converted, and releases Loki's claim where there is no Loki. A file
// that was lost before it was copied is left to the first pass.
func (h *recovery) recoverEntry(e ledger.Entry) error {
	gone := !h.isHeld(e.ID) && (e.Finished || !h.cfg.Copy)
	lost := gone && e.State == ledger.Held
	release := e.Loki && !h.cfg.Loki
	if !lost && !release {
		return nil
	}
	edit := func(e *ledger.Entry) {
		e.Loki = e.Loki && !release
		if lost {
			e.State, e.Finished = ledger.Quarantined, true
			e.Reason = "its held link is gone: it was removed from " + h.dir
		}
	}
	if !lost {
		return h.cfg.Ledger.Edit(e.ID, edit)
	}
	gap := ledger.Gap{
		Seq: e.Seq, Reason: continuity.ReasonVanished, File: e.Name, From: e.Born, To: e.Rotated, Bytes: e.Seen,
		Detail: "its held link was removed from outside; if the file is still in the audit directory, it is held and archived again",
	}
	if err := h.record(gap, &e, edit); err != nil {
		return err
	}
	h.cfg.Note("a held file is gone", e)
	return nil
}

func isGzip(path string) bool {
	magic, _ := readPart(path, 0, 2)
	return string(magic) == "\x1f\x8b"
}
