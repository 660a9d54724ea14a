package hold

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// finisher notes which segments are finished.
type finisher struct {
	*base
	undecided bool // whether a file without a name is finished
}

// finishPacked notes segments that were rotated and compressed between two
// passes (--audit-log-compress): the listing has neither their inode nor their
// name, but a .log.gz with their bytes. It is the same segment, held already.
func (h *finisher) finishPacked(l *look) error {
	for _, s := range l.listed {
		if !s.Gzip || l.entryOf(s) != nil {
			continue
		}
		e, err := h.unpackedOf(l, s)
		if e != nil && err == nil {
			l.byName[s.Name] = e
			err = h.finish(l, e, rotate.Segment{Name: s.Name, Rotated: s.Rotated})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unpackedOf finds the unfinished segment whose first bytes a compressed
// backup has; nil without one.
func (h *finisher) unpackedOf(l *look, s rotate.Segment) (*ledger.Entry, error) {
	for i := range l.entries {
		e := &l.entries[i]
		if e.Finished || e.Gzip || !h.isHeld(e.ID) || l.listedInode(e.Inode) {
			continue
		}
		mark := e.Mark
		if path := h.at(e.ID); path != "" { // else it is open here, without a name
			var err error
			if mark, err = readMark(path); err != nil {
				return nil, err
			}
		}
		if same, err := unpacksTo(s.Path, mark, 0); same || err != nil {
			return e, err
		}
	}
	return nil, nil
}

// writerMoved reports whether kube-apiserver writes to a later file than the
// segment e, which has lost its name.
func (h *finisher) writerMoved(l *look, e *ledger.Entry) bool {
	_, hasOpen := l.open()
	path := h.at(e.ID)
	if h.cfg.Copy || path == "" {
		return hasOpen // nothing is known of its writes; watchLeft sees later ones
	}
	info, err := os.Stat(path)
	if err != nil {
		return hasOpen
	}
	return h.movedSince(l, e.ID, info.ModTime())
}

// movedSince reports whether kube-apiserver writes to a later file than the segment id, which
// was last written to at a time.
func (h *finisher) movedSince(l *look, id string, wrote time.Time) bool {
	writer := continuity.Writer{Wrote: wrote}
	for _, later := range l.entries {
		if later.ID <= id {
			continue
		}
		f := continuity.LaterFile{Finished: later.Finished, FirstWrote: later.Wrote}
		if info, err := os.Stat(h.Path(later.ID)); err == nil {
			f.Size, f.Wrote = info.Size(), info.ModTime()
		}
		writer.Later = append(writer.Later, f)
	}
	return writer.Moved()
}

// watchLeft looks at the files that were copied when they had lost their names, until their
// writer has moved to a later file. Its later writes is not held: that is a gap, at most
// one in seenInterval and one at the end of the process.
func (h *finisher) watchLeft(l *look, end bool) error {
	k, ok := h.keep.(*copies)
	if !ok {
		return nil
	}
	for id, f := range k.left {
		info, err := f.Stat()
		if err != nil {
			return fmt.Errorf("look at a file that was copied: %w", err)
		}
		more := info.Size() - f.size
		switch {
		case more <= 0 && h.movedSince(l, id, info.ModTime()):
			_ = f.Close() // read-only: nothing can be lost
			delete(k.left, id)
			continue
		case more > 0 && (end || !f.reported || time.Since(f.at) >= seenInterval):
			gap := ledger.Gap{
				Reason: continuity.ReasonReplaced, File: filepath.Base(h.cfg.Log.Path()), From: f.at.UTC(), To: time.Now().UTC(), Bytes: more,
				Detail: "another file took its name without a rotation, and kube-apiserver wrote to the old one after it was copied; restart kube-apiserver",
			}
			if err := h.record(gap, nil, nil); err != nil {
				return err
			}
			f.size, f.at, f.reported = info.Size(), time.Now(), true
		}
		h.undecided = true
	}
	return nil
}

// lose records that the bytes of a segment are gone with its name: it was not
// finished, so there was no copy, and it was not open when its name went.
func (h *finisher) lose(l *look, e *ledger.Entry) error {
	rotated := time.Now()
	if open, ok := l.open(); ok {
		if at := born(open.Path); !at.IsZero() {
			rotated = at // kube-apiserver creates the next file when it rotates one
		}
	}
	const detail = "it was rotated and pruned, or deleted, before it could be copied"
	from := cmp.Or(e.Born, e.Wrote)
	name, rotated := h.freeName(l, rotated)
	to := slices.MaxFunc([]time.Time{from, rotated}, time.Time.Compare) // names have milliseconds only
	gap := ledger.Gap{
		Seq: e.Seq, Reason: continuity.ReasonVanished, File: e.Name, From: from, To: to,
		Bytes: h.seen(e), Detail: detail,
	}
	delete(h.sizes, e.ID)
	return h.record(gap, e, func(e *ledger.Entry) {
		e.Finished, e.State, e.Loki = true, ledger.Retired, false
		e.Name, e.Rotated, e.Reason = name, rotated, detail
	})
}

// finishRotated notes the segments that are listed as backups now.
func (h *finisher) finishRotated(l *look) error {
	for _, s := range l.listed {
		e := l.byInode[s.Inode]
		if e == nil || e.Finished || !s.Finished {
			continue
		}
		err := h.finish(l, e, s)
		switch {
		case errors.Is(err, errChanged): // the next look knows its new name
		case errors.Is(err, errNoRoom):
			h.noRoom = err
		case err != nil:
			return err
		}
	}
	return nil
}

// finishVanished notes open segments that have no name in the directory any
// more while another file is audit.log: they were rotated and pruned before
// anyone looked. Without another audit.log the file may still be written to,
// so it stays open, unless its bytes are lost with its name; and so it does while
// its writer may not have moved to the other one. missing remembers
// a file that an earlier listing of this pass lacked; look again while
// something is missing for the first time.
func (h *finisher) finishVanished(l *look, missing map[string]bool) (lookAgain bool, err error) {
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
		if held {
			err = h.finish(l, e, rotate.Segment{Finished: true})
		} else {
			err = h.lose(l, e)
		}
		if errors.Is(err, durable.ErrGrowing) { // its writer is in it: it stays open
			h.undecided = true
			continue
		}
		if err != nil {
			return false, err
		}
	}
	return lookAgain, nil
}

// finish notes that a segment is finished, as the backup s. Without a name no pass
// saw that: its last write was just before its rotation, so that time stands in
// for it; a name that is another file's is not taken.
func (h *finisher) finish(l *look, e *ledger.Entry, s rotate.Segment) error {
	if err := h.keep.keep(e.ID, s); err != nil {
		return err
	}
	info, err := os.Stat(h.Path(e.ID))
	if err != nil {
		return fmt.Errorf("look at the held file %s: %w", h.Path(e.ID), err)
	}
	seen, tail := max(h.seen(e), info.Size()), e.Tail
	same, err := ends(h.Path(e.ID), tail)
	if same && !e.Gzip && info.Size() >= seen {
		tail, err = readTail(h.Path(e.ID), seen)
	}
	if err != nil {
		return err
	}
	name, rotated := s.Name, s.Rotated
	if name == "" {
		name, rotated = h.freeName(l, info.ModTime())
	}
	delete(h.sizes, e.ID)
	err = h.edit(e, func(e *ledger.Entry) {
		e.Finished, e.Name, e.Rotated, e.Unnamed = true, name, rotated, s.Name == ""
		e.Seen, e.Tail, e.Wrote = max(e.Seen, seen), tail, info.ModTime().UTC() // fewer bytes now are a gap, which the shipper finds
	})
	if err != nil {
		return err
	}
	h.cfg.Note("a file was rotated", *e)
	return nil
}
