package hold

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// base is shared by the parts of a Hold: the held files and the facts that a pass
// remembers of them besides the ledger.
type base struct {
	cfg     Config
	dir     string
	keep    keeper
	metrics *metrics

	next      int64               // number of the next link
	sizes     map[string]sizeSeen // of unfinished segments
	seenAt    time.Time           // when a size was last put on disk
	unwritten []ledger.Entry      // linked, but the ledger could not be written
	noRoom    error               // of this pass
	changed   bool                // by this pass: the sinks have something to do
	baseline  bool                // nothing was known before the first pass
	adopted   map[string]bool     // segments whose link was adopted at this start
	unknown   []string            // files named after the log that are not of it
}

// occupies says whether a held file takes disk that would be free without it:
// a link while nothing else links to the file, a copy always.
func (h *base) occupies(l *look, e *ledger.Entry) bool {
	path := filepath.Join(h.dir, e.ID)
	if isLink(path, e.Inode) {
		return !l.listedInode(e.Inode)
	}
	return durable.Exists(path)
}

// bytesOf is the size of a held file, 0 where it is gone.
func (h *base) bytesOf(id string) int64 { return treeBytes(h.Path(id)) }

// Path returns where the bytes of a held segment are. A file at that path ceases to
// be theirs only where a segment is not finished and copies are made.
func (h *base) Path(id string) string {
	if path := h.at(id); path != "" {
		return path
	}
	return filepath.Join(h.dir, id)
}

// at is Path, empty where the bytes cannot be read at any path.
func (h *base) at(id string) string {
	p, ok := h.keep.location(id)
	if !ok || p.inode != 0 && !isLink(p.path, p.inode) {
		return ""
	}
	return p.path
}

// forget drops a segment whose bytes are no longer needed.
func (h *base) forget(id string) error {
	if err := h.cfg.Ledger.Edit(id, func(e *ledger.Entry) { e.State, e.Loki = ledger.Retired, false }); err != nil {
		return err
	}
	return errors.Join(h.drop(id), h.cfg.Ledger.Forget(id))
}

// drop removes the link or copy of a segment, if there is one.
func (h *base) drop(id string) error {
	path := filepath.Join(h.dir, id) // never Path, which may be kube-apiserver's own
	if !durable.Exists(path) {
		return nil
	}
	if err := h.cfg.FS.Remove(path); err != nil {
		return fmt.Errorf("release the held file %s: %w", path, err)
	}
	return nil
}

// look indexes the entries. A name is evidence only while the segment's bytes
// are safe: a quarantined entry that lost its link must not hide the file
// itself.
func (h *base) look(listed []rotate.Segment) *look {
	entries := h.cfg.Ledger.Entries()
	l := &look{entries: entries, listed: listed, byInode: h.keep.owners(entries, listed), byName: map[string]*ledger.Entry{}}
	for i := range entries {
		e := &entries[i]
		if e.Finished && (e.State != ledger.Quarantined || h.isHeld(e.ID)) {
			l.byName[e.Name] = e
		}
	}
	return l
}

func (h *base) isHeld(id string) bool {
	_, ok := h.keep.location(id)
	return ok
}

func (h *base) hold(s rotate.Segment, number int64) (e ledger.Entry, err error) {
	id := linkName(number, s.Inode)
	if err = h.keep.keep(id, s); err == nil {
		e, err = h.newEntry(id, s)
	}
	if path := filepath.Join(h.dir, id); err != nil && durable.Exists(path) { // a file that no entry names must not stay
		err = errors.Join(err, h.cfg.FS.Remove(path))
	}
	return e, err
}

// newEntry describes a file that was just linked or copied.
func (h *base) newEntry(id string, s rotate.Segment) (ledger.Entry, error) {
	mark, tail, err := readEnds(h.Path(id), s.Size)
	if s.Gzip { // a damaged one may be repaired
		tail = ledger.Tail{}
	}
	return ledger.Entry{
		ID: id, Name: s.Name, Gzip: s.Gzip, Inode: s.Inode, Finished: s.Finished,
		Rotated: s.Rotated, State: ledger.Held, Loki: h.cfg.Loki,
		Born: h.bornOf(id, s), Mark: mark, Seen: s.Size, Tail: tail, Wrote: s.ModTime.UTC(), Continuous: h.baseline,
	}, err
}

// bornOf is when a held file was created; its copy was created later.
func (h *base) bornOf(id string, s rotate.Segment) time.Time {
	if path := filepath.Join(h.dir, id); isLink(path, s.Inode) {
		return born(path)
	}
	at := born(s.Path)
	if !isLink(s.Path, s.Inode) {
		return time.Time{} // it has another name by now
	}
	return at
}

// freeName is the name of a backup that was rotated at a time, or as soon
// afterwards as no other file has that name.
func (h *base) freeName(l *look, at time.Time) (string, time.Time) {
	taken := func(name string) bool {
		return slices.ContainsFunc(l.listed, func(s rotate.Segment) bool { return s.Name == name }) ||
			slices.ContainsFunc(l.entries, func(e ledger.Entry) bool { return e.Name == name })
	}
	at = at.UTC().Truncate(time.Millisecond)
	for taken(h.cfg.Log.BackupName(at)) {
		at = at.Add(time.Millisecond)
	}
	return h.cfg.Log.BackupName(at), at
}

// seen is the most bytes that a segment was seen with since it was cut last.
func (h *base) seen(e *ledger.Entry) int64 {
	if s := h.sizes[e.ID]; s.cuts == e.Cuts {
		return max(e.Seen, s.size)
	}
	return e.Seen
}

// noteSize puts the size, and the mark while it grows, on disk.
func (h *base) noteSize(e *ledger.Entry, size int64) error {
	mark, tail, err := readEnds(h.Path(e.ID), size)
	if err != nil {
		return err
	}
	h.seenAt = time.Now()
	return h.cfg.Ledger.Edit(e.ID, func(e *ledger.Entry) { e.Seen, e.Mark, e.Tail = max(e.Seen, size), mark, tail })
}

// edit changes an entry on disk, and e.
func (h *base) edit(e *ledger.Entry, edit func(*ledger.Entry)) error {
	err := h.cfg.Ledger.Edit(e.ID, edit)
	if err == nil {
		h.changed = true
		edit(e)
	}
	return err
}

// record puts a gap on disk, with a change of the entry, and reports it.
func (h *base) record(gap ledger.Gap, e *ledger.Entry, edit func(*ledger.Entry)) error {
	id := ""
	if e != nil {
		id = e.ID
	}
	gap.Detail = strings.TrimPrefix(gap.Detail+h.mayExplain(), "; ")
	err := h.cfg.Ledger.AddGap(gap, id, func(e *ledger.Entry) error { edit(e); return nil })
	if err != nil {
		return err
	}
	if e != nil {
		edit(e)
	}
	h.changed = true
	h.cfg.NoteGap(gap)
	return nil
}
