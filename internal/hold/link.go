package hold

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// linker holds files that are new in a listing.
type linker struct {
	*base
	judge     *continuityJudge
	vanishing []vanished         // listed, but gone when they were to be linked
	waiting   map[string]waiting // listed, but there is no room to copy them; by name
}

// holdChanged holds finished files again that were changed or replaced after they had
// been archived, or found damaged. Such a file keeps its place in the order, and its
// entry has its archived part. The stream has passed it, and does not return
// back. Another file under the name of one that is not archived yet is held beside it.
func (h *linker) holdChanged(l *look) (changed bool, err error) {
	for _, s := range l.listed {
		e := l.holder(s)
		if e == nil {
			continue
		}
		again, err := changedSince(e, s)
		if err != nil {
			return changed, err
		}
		number, _, ok := parseLinkName(e.ID)
		switch {
		case !again:
			continue
		case !ok:
			err = fmt.Errorf("hold %s again: its segment has the strange name %s", s.Path, e.ID)
		case e.Owed() && !e.Damaged() && s.Inode != e.Inode:
			err = h.holdBeside(e, s, number)
		default:
			err = h.holdAgain(e, s, number)
		}
		switch {
		case errors.Is(err, errChanged), errors.Is(err, errNoRoom): // the next pass tries again
		case err != nil:
			return changed, err
		default:
			changed, h.changed = true, true
		}
	}
	return changed, nil
}

// holder finds the segment of a listed finished file; of several with its name the one
// with its inode.
func (l *look) holder(s rotate.Segment) *ledger.Entry {
	for i := range l.entries {
		if e := &l.entries[i]; e.Name == s.Name && e.Inode == s.Inode {
			return e
		}
	}
	return l.entryOf(s)
}

// changedSince reports whether a listed file has bytes that its segment may not have:
// others than were archived, or damaged. Bytes that were cut off after the archiving are safe.
func changedSince(e *ledger.Entry, s rotate.Segment) (bool, error) {
	same := s.Inode == e.Inode
	switch {
	case same && s.Size == e.Seen && s.ModTime.Equal(e.Wrote):
		return false, nil
	case e.Damaged():
		return s.Size > 0, nil
	case !e.Finished || !s.Finished || s.Gzip != e.Gzip || s.Size == 0 || same && (e.State != ledger.Retired || e.Source == nil):
		return false, nil
	case same && !e.Gzip && s.Size < e.Seen && s.Size >= int64(e.Mark.N):
		begins, err := begins(s.Path, e.Mark)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return !begins, err
	}
	return true, nil
}

// holdBeside holds another file that has taken the name of one that is not archived.
func (h *linker) holdBeside(old *ledger.Entry, s rotate.Segment, number int64) error {
	if linkName(number, s.Inode) == old.ID {
		return errChanged // it is this very file
	}
	e, err := h.hold(s, number)
	if err != nil {
		return err
	}
	e.Continuous = true
	if err := h.add([]ledger.Entry{e}); err != nil {
		return err
	}
	gap := ledger.Gap{
		Reason: continuity.ReasonReplaced, File: s.Name, From: s.ModTime.UTC(), To: time.Now().UTC(),
		Detail: "another file took the name of a finished one; both are held and archived",
	}
	return h.record(gap, nil, nil)
}

func (h *linker) holdAgain(old *ledger.Entry, s rotate.Segment, number int64) error {
	if linkName(number, s.Inode) == old.ID && !isLink(filepath.Join(h.dir, old.ID), s.Inode) {
		if err := h.drop(old.ID); err != nil { // a copy has the bytes as they were
			return err
		}
	}
	e, err := h.hold(s, number)
	if err != nil {
		return err
	}
	e.Loki, e.Continuous, e.Before, e.Objects = e.ID == old.ID && old.Loki && !old.Damaged(), true, old.Source, old.Objects
	if e.ID == old.ID && !e.Gzip && e.Seen == old.Seen && e.Mark == old.Mark && e.Tail == old.Tail {
		e.Seen, e.Tail = 0, ledger.Tail{} // all that was seen of it is archived: a cut before it is compared loses nothing
	}
	if err := h.cfg.FS.SyncDir(h.dir); err != nil {
		return err
	}
	if e.ID == old.ID {
		err = h.cfg.Ledger.Edit(e.ID, func(is *ledger.Entry) { *is = e })
	} else {
		err = errors.Join(h.cfg.Ledger.Add(e), h.forget(old.ID))
	}
	if err != nil {
		return err
	}
	h.cfg.Note("a file was changed or replaced after it was archived, or found damaged: holding it again", e)
	return nil
}

// waiting is a listed file that is not copied yet because there is no room. It
// has its number, so that those after it can be held.
type waiting struct {
	number  int64
	segment rotate.Segment
}

// noteWaiting notes the files that waited for room and are listed no more.
func (h *linker) noteWaiting(l *look) {
	for name, w := range h.waiting {
		if slices.ContainsFunc(l.listed, func(s rotate.Segment) bool { return s.Name == name && l.entryOf(s) == nil }) {
			continue
		}
		delete(h.waiting, name)
		if l.byName[name] == nil { // else it was copied
			h.vanishing = append(h.vanishing, vanished{Segment: w.segment})
		}
	}
}

// linkNew links every listed file that is no known segment, oldest first.
// again says that the directory changed under it. A file that cannot be
// linked keeps none of the others from being held.
func (h *linker) linkNew(l *look) (again bool, err error) {
	fresh := h.unwritten
	var errs []error
	h.noteWaiting(l)
	for i, s := range l.listed {
		if l.among(fresh, s) != nil {
			continue
		}
		number := h.number(l, i)
		e, err := h.hold(s, number)
		if errors.Is(err, errNoRoom) {
			h.waiting[s.Name], h.noRoom = waiting{number, s}, err
			continue
		}
		if errors.Is(err, errChanged) {
			gone := vanished{Segment: s}
			if i > 0 {
				gone.after = l.listed[i-1].Name
			}
			h.vanishing = append(h.vanishing, gone)
			again = true
			break // later files must not be numbered before this one
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		e.Continuous = e.Continuous || h.judge.sight(l, fresh, i, &e)
		fresh = append(fresh, e)
		h.unwritten = fresh // they take room already
	}
	return again, errors.Join(append(errs, h.add(fresh))...)
}

// add makes new links durable, all with one fsync, and writes their entries. While the disk is too full for that
// the links wait: one file linked again under every number would be adopted,
// and archived, once for each of them.
func (h *linker) add(entries []ledger.Entry) error {
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
	h.unwritten, h.changed = nil, true
	for _, e := range entries {
		h.cfg.Note("holding a new file", e)
	}
	return nil
}

// number is the number of a new link, that of the i-th listed file. One that is older than
// a file whose link was adopted at this start gets a number directly before that, as far as
// those are free; several in a row get consecutive ones. A file that waits for room has its
// number already.
func (h *linker) number(l *look, i int) int64 {
	if w, ok := h.waiting[l.listed[i].Name]; ok {
		return w.number
	}
	for j, s := range l.listed[i:] {
		e := l.entryOf(s)
		if e == nil {
			continue
		}
		before, last := lastBefore(e.ID, l.entries, h.unwritten), int64(-1)
		if before != nil {
			last, _, _ = parseLinkName(before.ID)
		}
		if n, _, _ := parseLinkName(e.ID); h.adopted[e.ID] && n-int64(j) > last {
			return n - int64(j)
		}
		break
	}
	h.next++
	return h.next - 1
}

// vanished is a file that was listed but gone before it could be linked.
type vanished struct {
	rotate.Segment
	after string // the backup before it in that listing
}

// packed reports whether the open file of an earlier listing was rotated and compressed
// before it could be linked. It is then the file after the one before it: kube-apiserver
// deletes the oldest first, and that one is still there.
func (h *linker) packed(l *look, v vanished) bool {
	for i := range l.listed {
		if before := l.listed[i]; before.Name == v.after && i+1 < len(l.listed) {
			next := l.listed[i+1]
			return !v.Finished && next.Gzip && l.entryOf(next) != nil && (durable.Exists(before.Path) || durable.Exists(before.Path+".gz"))
		}
	}
	return false
}

// noteVanished records the files that were listed but gone before they could
// be linked, unless they are there under another name.
func (h *linker) noteVanished(l *look) error {
	vanishing := h.vanishing
	h.vanishing = nil
	for _, s := range vanishing {
		if l.entryOf(s.Segment) != nil || s.Size == 0 || h.packed(l, s) { // renamed, or compressed, and held by now
			continue
		}
		now := time.Now().UTC()
		gap := ledger.Gap{
			Reason: continuity.ReasonVanished, File: s.Name, From: s.ModTime.UTC(), To: now, Bytes: s.Size,
			Detail: "the file was deleted before it could be held",
		}
		if err := h.record(gap, nil, nil); err != nil {
			return err
		}
	}
	return nil
}
