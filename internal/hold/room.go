package hold

import (
	"fmt"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// wait is a listed file that is not copied yet because there is no room. It
// has its number, so that those after it can be held.
type wait struct {
	number  int64
	segment rotate.Segment
}

// roomFor makes room for a copy, and says [errNoRoom] where there is none: the
// audit directory has the file, so nothing that only the sidecar has is given
// up for it, and the bytes are where they are safest while the sinks are away.
// A file that is larger than the budget is copied when nothing else is held.
func (h *Hold) roomFor(size int64) error {
	l := &look{entries: append(h.cfg.Ledger.Entries(), h.unwritten...)}
	u, err := h.measure(l)
	if err != nil {
		return err
	}
	for i := range l.entries {
		e := &l.entries[i]
		if u.fits(size) {
			break
		}
		if e.State != ledger.Retired || !e.Loki || !h.occupies(l, e) {
			continue
		}
		if err := h.giveUp(e, u); err != nil {
			return err
		}
		freed := h.bytesOf(e.ID)
		u.used, u.free, u.files = u.used-freed, u.free+freed, u.files-1
	}
	if u.fits(size) {
		return nil
	}
	return fmt.Errorf("%w of %d bytes; %d of at most %d are in use and %d free (at least %d): it waits in the audit directory; restore the sinks or raise --held-max-bytes",
		errNoRoom, size, u.used, u.budget.MaxBytes, u.free, u.budget.MinFree)
}

// fits says whether there is room for so many bytes more.
func (u usage) fits(size int64) bool {
	return (u.used+size <= u.budget.MaxBytes || u.files == 0) && u.free-size >= u.budget.MinFree
}

// noteWaiting notes the files that waited for room and are listed no more.
func (h *Hold) noteWaiting(l *look) {
	listed := map[string]bool{}
	for _, s := range l.listed {
		if l.entryOf(s) == nil {
			listed[s.Name] = true
		}
	}
	for name, w := range h.waiting {
		if listed[name] {
			continue
		}
		delete(h.waiting, name)
		if l.byName[name] == nil { // else it was copied
			h.vanishing = append(h.vanishing, w.segment)
		}
	}
}

// lose records that the bytes of a segment are gone with its name: it was not
// finished, so there was no copy, and it was not open when its name went.
func (h *Hold) lose(l *look, e *ledger.Entry) error {
	rotated := time.Now()
	if open, ok := l.open(); ok {
		if at := born(open.Path); !at.IsZero() {
			rotated = at // kube-apiserver creates the next file when it rotates one
		}
	}
	from, detail := e.Born, "it was rotated and pruned, or deleted, before it could be copied"
	if from.IsZero() {
		from = e.Wrote
	}
	name, rotated := h.freeName(l, rotated)
	to := rotated
	if to.Before(from) { // names have milliseconds only
		to = from
	}
	gap := ledger.Gap{
		Seq: e.Seq, Reason: reasonVanished, File: e.Name, From: from, To: to,
		Bytes: h.seen(e), Detail: detail,
	}
	delete(h.sizes, e.ID)
	return h.record(gap, e, func(e *ledger.Entry) {
		e.Finished, e.State, e.Loki = true, ledger.Retired, false
		e.Name, e.Rotated, e.Reason = name, rotated, detail
	})
}
