package hold

import (
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// fileClock is more than a tick of the clock that files get their times from.
const fileClock = 20 * time.Millisecond

// settleTime is longer than it takes to write the copy of a log under its name.
const settleTime = 5 * time.Second

// writerMoved reports whether kube-apiserver writes to a later file than the
// segment e, which has lost its name: a later one was rotated, or was written to
// after it was first seen. The bytes that it had by then prove nothing: sed -i,
// an editor or cp put them there, and the writer, which closes a file only to
// rotate it, stays on the old one. Nor does a write within settleTime of the
// replacement, or of the last write to e.
func (h *Hold) writerMoved(l *look, e *ledger.Entry) bool {
	_, hasOpen := l.open()
	path := h.at(e.ID)
	if h.cfg.Copy || path == "" {
		return hasOpen // nothing is known of its writes
	}
	info, err := os.Stat(path)
	if err != nil {
		return hasOpen
	}
	next := slices.IndexFunc(l.entries, func(later ledger.Entry) bool { return later.ID > e.ID })
	if next < 0 {
		return false
	}
	settled := latest(info.ModTime(), l.entries[next].Wrote).Add(settleTime)
	return slices.ContainsFunc(l.entries[next:], func(later ledger.Entry) bool {
		return later.Finished || h.wroteAfter(&later, settled)
	})
}

// wroteAfter reports whether an open file has bytes, the last of them written
// after it was first seen and after a time.
func (h *Hold) wroteAfter(e *ledger.Entry, at time.Time) bool {
	info, err := os.Stat(h.Path(e.ID))
	return err == nil && info.Size() > 0 && info.ModTime().After(e.Wrote) && info.ModTime().After(at)
}

// watchReplaced records that the name of the open file is another file's while
// the writer goes on in the old one: it was written to after the new one was
// created. That is no rotation.
func (h *Hold) watchReplaced(l *look) error {
	for i := range l.entries {
		e := &l.entries[i]
		at, wrote, replaced := h.replacedAt(l, e)
		if !replaced || e.Unnamed {
			continue
		}
		gap := ledger.Gap{
			Reason: reasonReplaced, File: e.Name, From: at, To: wrote,
			Detail: fmt.Sprintf("another file took the name %s without a rotation, and kube-apiserver went on writing to the old one; both are held", e.Name),
		}
		if err := h.record(gap, e, func(e *ledger.Entry) { e.Unnamed = true }); err != nil {
			return err
		}
	}
	return nil
}

// replacedAt says whether a segment has lost its name to another file and is
// still written to: when that file was created, and the last write after that.
func (h *Hold) replacedAt(l *look, e *ledger.Entry) (at, wrote time.Time, replaced bool) {
	open, ok := l.open()
	if !ok || e.Finished || l.listedInode(e.Inode) {
		return at, wrote, false
	}
	path := h.at(e.ID)
	at = born(open.Path)
	info, err := os.Stat(path)
	if path == "" || err != nil || at.IsZero() {
		return at, wrote, false
	}
	wrote = info.ModTime().UTC()
	return at, wrote, wrote.Sub(at) > fileClock
}
