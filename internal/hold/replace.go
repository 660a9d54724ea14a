package hold

import (
	"fmt"
	"os"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// writerMoved reports whether kube-apiserver writes to a later file than the
// segment e, which has lost its name.
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
	writer := continuity.Writer{Wrote: info.ModTime()}
	for _, later := range l.entries {
		if later.ID <= e.ID {
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
			Reason: continuity.ReasonReplaced, File: e.Name, From: at, To: wrote,
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
	if path == "" || err != nil {
		return at, wrote, false
	}
	wrote = info.ModTime().UTC()
	return at, wrote, continuity.Replacement{Created: at, Wrote: wrote}.WriterStayed()
}
