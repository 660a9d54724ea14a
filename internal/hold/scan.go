package hold

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// maxLooks bounds how often one pass lists the directory again because it
// changed meanwhile; the next pass goes on from there.
const maxLooks = 4

// scan brings the ledger in line with the directory. A listing is no
// snapshot: while kube-apiserver renames a file, it can show neither of its
// names, or a name that is another file's by the time it is linked. So a
// pass that met a change lists again, and a file counts as gone only when
// two listings in a row do not have it. listed is what the ledger agrees with in
// the end; nil where it does not come to that.
func (h *Hold) scan(ctx context.Context) (listed []rotate.Segment, changed bool, err error) {
	missing := map[string]bool{}
	h.noRoom = nil
	for range maxLooks {
		began := time.Now()
		listed, err := h.cfg.Log.Segments()
		if err != nil {
			return nil, changed, fmt.Errorf("list the audit directory: %w", err)
		}
		if err := h.keepLinks(listed); err != nil {
			return nil, changed, err
		}
		look := h.look(listed)
		if repaired, err := h.holdRepaired(look); err != nil {
			return nil, changed, err
		} else if repaired {
			look, changed = h.look(listed), true
		}
		didUnpack, packErr := h.finishPacked(look)
		again, didLink, linkErr := h.linkNew(look)
		didFinish, finishErr := h.finishRotated(look)
		vanished, didVanish, vanishErr := h.finishVanished(look, missing)
		changed = changed || didUnpack || didLink || didFinish || didVanish
		if err := errors.Join(packErr, linkErr, finishErr, vanishErr); err != nil || ctx.Err() != nil {
			return nil, changed, err
		}
		if !again && !vanished {
			examined, err := h.examine(listed, began)
			return append([]rotate.Segment{}, listed...), changed || examined, err
		}
	}
	return nil, changed, nil
}

// examine looks for breaks and at the disk, once the ledger and the directory
// agree. The listing began at a time.
func (h *Hold) examine(listed []rotate.Segment, at time.Time) (changed bool, err error) {
	look := h.look(listed)
	if n := len(look.entries); n > 0 {
		h.newest = newest{look.entries[n-1].ID, at}
	}
	h.baseline = h.baseline && len(listed) == 0
	err = errors.Join(h.noteVanished(look), h.watchOpen(look), h.watchReplaced(look))
	if len(h.waiting) == 0 { // else what waits would be taken for missing
		err = errors.Join(err, h.joinAll(look))
	}
	h.alarms(look)
	changed, budgetErr := h.keepBudget(look)
	return changed, errors.Join(err, budgetErr)
}

// look is one listing beside the ledger.
type look struct {
	entries []ledger.Entry
	listed  []rotate.Segment
	byInode map[uint64]*ledger.Entry // entries whose inode number is theirs
	byName  map[string]*ledger.Entry // finished entries
}

// look indexes the entries. A name is evidence only while the segment's bytes
// are safe: a quarantined entry that lost its link must not hide the file
// itself.
func (h *Hold) look(listed []rotate.Segment) *look {
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

func (h *Hold) isHeld(id string) bool {
	_, ok := h.keep.place(id)
	return ok
}

// entryOf finds the segment that a listed file is.
func (l *look) entryOf(s rotate.Segment) *ledger.Entry {
	if e := l.byInode[s.Inode]; e != nil {
		return e
	}
	if s.Finished {
		return l.byName[s.Name]
	}
	return nil
}

// open returns the listed open file, if there is one.
func (l *look) open() (rotate.Segment, bool) {
	if n := len(l.listed); n > 0 && !l.listed[n-1].Finished {
		return l.listed[n-1], true
	}
	return rotate.Segment{}, false
}

// linkNew links every listed file that is no known segment, oldest first.
// again says that the directory changed under it. A file that cannot be
// linked keeps none of the others from being held.
func (h *Hold) linkNew(l *look) (again, linked bool, err error) {
	fresh := h.unwritten
	var errs []error
	older := h.olderThanAdopted(l)
	h.noteWaiting(l)
	for i, s := range l.listed {
		if l.entryOf(s) != nil || hasInode(fresh, s.Inode) {
			continue
		}
		number := h.number(l, s, older-i)
		e, err := h.hold(s, number)
		if errors.Is(err, errNoRoom) {
			h.waiting[s.Name], h.noRoom = wait{number, s}, err
			continue
		}
		if errors.Is(err, errChanged) {
			h.vanishing = append(h.vanishing, s)
			again = true
			break // what follows must not be numbered before this one
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		e.Joined = e.Joined || h.firstSight(l, fresh, i, e)
		fresh = append(fresh, e)
		h.unwritten = fresh // they take room already
	}
	return again, len(fresh) > 0, errors.Join(append(errs, h.add(fresh))...)
}

func hasInode(entries []ledger.Entry, inode uint64) bool {
	return slices.ContainsFunc(entries, func(e ledger.Entry) bool { return e.Inode == inode })
}

// add makes new links durable, all with one fsync, and writes their entries. While the disk is too full for that
// the links wait: one file linked again under every number would be adopted,
// and archived, once for each of them.
func (h *Hold) add(entries []ledger.Entry) error {
	h.unwritten = entries
	if len(entries) == 0 {
		return nil
	}
	if err := h.cfg.FS.SyncDir(h.dir); err != nil {
		return err
	}
	if err := h.cfg.Ledger.Add(entries...); err != nil {
		return err
	}
	h.unwritten = nil
	for _, e := range entries {
		h.cfg.Note("holding a new file", e)
	}
	return nil
}

// olderThanAdopted says how many listed files come before the first one that
// is held already, when the ledger was lost and links were adopted.
func (h *Hold) olderThanAdopted(l *look) int {
	if !h.baseline {
		return 0
	}
	for i, s := range l.listed {
		if l.entryOf(s) != nil {
			return i
		}
	}
	return 0
}

// number is the number of the next link; one that is so many places before the
// oldest held file, where that is more than 0. A file that waits for room has
// its number already.
func (h *Hold) number(l *look, s rotate.Segment, before int) int64 {
	if w, ok := h.waiting[s.Name]; ok {
		return w.number
	}
	if before > 0 && len(l.entries) > 0 {
		if oldest, _, ok := parseLinkName(l.entries[0].ID); ok && oldest >= int64(before) {
			return oldest - int64(before)
		}
	}
	h.next++
	return h.next - 1
}

func (h *Hold) hold(s rotate.Segment, number int64) (e ledger.Entry, err error) {
	id := linkName(number, s.Inode)
	if err = h.keep.keep(id, s); err == nil {
		e, err = h.newEntry(id, s)
	}
	if path := filepath.Join(h.dir, id); err != nil && exists(path) { // what no entry names must not stay
		err = errors.Join(err, h.cfg.FS.Remove(path))
	}
	return e, err
}

// newEntry describes a file that was just linked or copied.
func (h *Hold) newEntry(id string, s rotate.Segment) (ledger.Entry, error) {
	mark, err := readMark(h.Path(id))
	if err != nil {
		return ledger.Entry{}, err
	}
	var tail ledger.Tail
	if !s.Gzip { // a damaged one may be repaired
		if tail, err = readTail(h.Path(id), s.Size); err != nil {
			return ledger.Entry{}, err
		}
	}
	return ledger.Entry{
		ID: id, Name: s.Name, Gzip: s.Gzip, Inode: s.Inode, Finished: s.Finished,
		Rotated: s.Rotated, State: ledger.Held, Loki: h.cfg.Loki,
		Born: h.bornOf(id, s), Mark: mark, Seen: s.Size, Tail: tail, Wrote: s.ModTime.UTC(), Joined: h.baseline,
	}, nil
}

// bornOf is when a held file was created; its copy was created later.
func (h *Hold) bornOf(id string, s rotate.Segment) time.Time {
	if path := filepath.Join(h.dir, id); isLink(path, s.Inode) {
		return born(path)
	}
	at := born(s.Path)
	if !isLink(s.Path, s.Inode) {
		return time.Time{} // it has another name by now
	}
	return at
}

// finishRotated notes the segments that are listed as backups now.
func (h *Hold) finishRotated(l *look) (changed bool, err error) {
	for _, s := range l.listed {
		e := l.byInode[s.Inode]
		if e == nil || e.Finished || !s.Finished {
			continue
		}
		err := h.finish(e, s.Name, s)
		switch {
		case errors.Is(err, errChanged): // the next look knows its new name
		case errors.Is(err, errNoRoom):
			h.noRoom = err
		case err != nil:
			return changed, err
		default:
			changed = true
		}
	}
	return changed, nil
}

// finishVanished notes open segments that have no name in the directory any
// more while another file is audit.log: they were rotated and pruned before
// anyone looked. Without another audit.log the file may still be written to,
// so it stays open, unless its bytes are lost with its name; and so it does while
// its writer may not have moved to the other one. missing remembers
// what an earlier listing of this pass did not show; look again while
// something is missing for the first time.
func (h *Hold) finishVanished(l *look, missing map[string]bool) (lookAgain, changed bool, err error) {
	h.undecided = false
	for i := range l.entries {
		e := &l.entries[i]
		if e.Finished || l.listedInode(e.Inode) && (!h.cfg.Copy || l.byInode[e.Inode] == e) {
			continue
		}
		if !missing[e.ID] {
			missing[e.ID], lookAgain = true, true
			continue
		}
		held := h.isHeld(e.ID)
		if held && !h.writerMoved(l, e) {
			h.undecided = true
			continue
		}
		finish := h.finishUnnamed
		if !held {
			finish = h.lose
		}
		if err := finish(l, e); err != nil {
			return false, changed, err
		}
		changed = true
	}
	return lookAgain, changed, nil
}

// finishUnnamed finishes a segment whose backup name nobody saw. Its last
// write was just before its rotation, so that time stands in for it; a name
// that is another file's is not taken.
func (h *Hold) finishUnnamed(l *look, e *ledger.Entry) error {
	if err := h.keep.keep(e.ID, rotate.Segment{Finished: true}); err != nil {
		return err
	}
	info, err := os.Stat(h.Path(e.ID))
	if err != nil {
		return fmt.Errorf("look at the held file %s: %w", h.Path(e.ID), err)
	}
	name, rotated := h.freeName(l, info.ModTime())
	return h.finish(e, name, rotate.Segment{Finished: true, Rotated: rotated})
}

// freeName is the name of a backup that was rotated at a time, or as soon
// afterwards as no other file has that name.
func (h *Hold) freeName(l *look, at time.Time) (string, time.Time) {
	taken := map[string]bool{}
	for _, s := range l.listed {
		taken[s.Name] = true
	}
	for _, other := range l.entries {
		taken[other.Name] = true
	}
	at = at.UTC().Truncate(time.Millisecond)
	for taken[h.cfg.Log.BackupName(at)] {
		at = at.Add(time.Millisecond)
	}
	return h.cfg.Log.BackupName(at), at
}

func (h *Hold) finish(e *ledger.Entry, name string, s rotate.Segment) error {
	if err := h.keep.keep(e.ID, s); err != nil {
		return err
	}
	info, err := os.Stat(h.Path(e.ID))
	if err != nil {
		return fmt.Errorf("look at the held file %s: %w", h.Path(e.ID), err)
	}
	seen := max(h.seen(e), info.Size())
	edit := func(e *ledger.Entry) {
		e.Finished, e.Name, e.Rotated, e.Unnamed = true, name, s.Rotated, s.Name == ""
		e.Seen, e.Wrote = max(e.Seen, seen), info.ModTime().UTC() // fewer bytes now are a gap, which the shipper finds
	}
	delete(h.sizes, e.ID)
	if err := h.cfg.Ledger.Edit(e.ID, edit); err != nil {
		return err
	}
	edit(e)
	h.cfg.Note("a file was rotated", *e)
	return nil
}

func inodeOf(path string) (uint64, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, err
	}
	inode := inodeIn(info)
	if inode == 0 {
		return 0, fmt.Errorf("%s: this system has no inode numbers", path)
	}
	return inode, nil
}

func inodeIn(info os.FileInfo) uint64 {
	_, inode := rotate.FileID(info)
	return inode
}
