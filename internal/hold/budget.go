package hold

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// budgeter keeps the disk that held files use within the budget.
type budgeter struct {
	*base
	tight bool // the budget is nearly used up
}

// Budget bounds the disk that the sidecar may use: bytes that would be free
// without it. A file that is still listed in the audit directory costs
// nothing, however many links it has.
type Budget struct {
	// MaxBytes is the most it may use; 0 means 10 % of the file system, at
	// most 20 GiB.
	MaxBytes int64
	// MinFree is the free space below which it gives way regardless of its use; 0
	// means 2 % of the file system, at most 1 GiB.
	MinFree int64
}

// warnShare of the budget in use is when an operator hears of it.
const warnShare = 0.8

// Resolve fills in the defaults for a file system of this size, in bytes.
func (b Budget) Resolve(size int64) Budget {
	if b.MaxBytes == 0 {
		b.MaxBytes = min(size/10, 20<<30)
	}
	if b.MinFree == 0 {
		b.MinFree = min(size/50, 1<<30)
	}
	return b
}

// usage is the budget's view of the disk.
type usage struct {
	budget Budget
	used   int64 // by us
	files  int   // that we hold there
	free   int64 // on the file system
}

func (u usage) over() bool {
	return u.used > u.budget.MaxBytes || (u.used > 0 && u.free < u.budget.MinFree)
}

// keepBudget gives way while the budget is exceeded: first Loki's claim on
// files that are archived, then the oldest files that are not, as gaps. Only
// files that left the audit directory are given up; anything else would free
// nothing.
func (h *budgeter) keepBudget(l *look) error {
	u, err := h.measure(l)
	if err != nil {
		return err
	}
	h.metrics.observeBudget(u)
	h.warnBudget(u)
	for u.over() {
		victim := h.victim(l, false)
		if victim == nil {
			return nil // the work under way; it ends by itself
		}
		if err := h.giveUp(victim, &u); err != nil {
			return err
		}
	}
	return nil
}

func (h *budgeter) measure(l *look) (usage, error) {
	size, free, err := durable.Space(h.dir)
	if err != nil {
		return usage{}, err
	}
	u := usage{budget: h.cfg.Budget.Resolve(size), free: free}
	for i := range l.entries {
		if e := &l.entries[i]; h.occupies(l, e) {
			u.used += h.bytesOf(e.ID)
			u.files++
		}
	}
	for _, dir := range []string{"work", "sealed"} {
		u.used += treeBytes(filepath.Join(h.cfg.StateDir, dir))
	}
	return u, nil
}

// isCopyOfListed says whether kube-apiserver has the file, too.
func (h *budgeter) isCopyOfListed(l *look, e *ledger.Entry) bool {
	return !isLink(filepath.Join(h.dir, e.ID), e.Inode) &&
		slices.ContainsFunc(l.listed, func(s rotate.Segment) bool { return s.Name == e.Name })
}

// treeBytes adds up the files at and below path. Files that vanish meanwhile do
// not count.
func treeBytes(path string) (n int64) {
	_ = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil //nolint:nilerr // gone
		}
		if info, err := d.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	return n
}

// victim picks the segment to give up next, of the archived ones or of all.
func (h *budgeter) victim(l *look, archived bool) *ledger.Entry {
	var unarchived *ledger.Entry
	for i := range l.entries {
		e := &l.entries[i]
		if !e.Finished || !e.Owed() || !h.occupies(l, e) {
			continue
		}
		if e.State == ledger.Retired {
			return e
		}
		if unarchived == nil && !archived && !h.isCopyOfListed(l, e) {
			unarchived = e
		}
	}
	return unarchived
}

// giveUp releases every claim on a file. For the archive that is a gap.
func (h *budgeter) giveUp(e *ledger.Entry, u *usage) error {
	detail := fmt.Sprintf("%d bytes were held for the sinks (at most %d), %d were free (at least %d)",
		u.used, u.budget.MaxBytes, u.free, u.budget.MinFree)
	reported, freed := *e, h.bytesOf(e.ID)
	reported.Reason = detail
	u.used, u.free, u.files = u.used-freed, u.free+freed, u.files-1
	if e.State == ledger.Retired {
		h.cfg.Note("ALARM: gave up a held file before Loki had it, to save the disk; the archive has it", reported)
		return h.edit(e, func(e *ledger.Entry) { e.Loki = false })
	}
	h.cfg.Note("ALARM: gave up a held file before the archive had it, to save the disk", reported)
	gap := ledger.Gap{Seq: e.Seq, Reason: continuity.ReasonDiskBudget, File: e.Name, From: e.Born, To: e.Rotated, Bytes: freed, Detail: detail}
	return h.record(gap, e, func(e *ledger.Entry) { e.State, e.Loki, e.Reason = ledger.Retired, false, detail })
}

func (h *budgeter) warnBudget(u usage) {
	high := float64(u.used) > warnShare*float64(u.budget.MaxBytes)
	if high && !h.tight {
		h.cfg.Note("held files use most of the disk budget", ledger.Entry{Reason: fmt.Sprintf(
			"%d of %d bytes; beyond it the oldest files are given up: restore the sinks or raise --held-max-bytes", u.used, u.budget.MaxBytes)})
	}
	h.tight = high
}

// roomFor makes room for a copy, and says [errNoRoom] without any: the
// audit directory has the file, so nothing that only the sidecar has is given
// up for it, and the bytes are where they are safest while the sinks are unavailable.
// A file that is larger than the budget is copied when nothing else is held.
func (h *budgeter) roomFor(size int64) error {
	l := &look{entries: append(h.cfg.Ledger.Entries(), h.unwritten...)}
	u, err := h.measure(l)
	if err != nil {
		return err
	}
	for !u.fits(size) {
		e := h.victim(l, true)
		if e == nil {
			return fmt.Errorf("%w of %d bytes; %d of at most %d are in use and %d free (at least %d): it waits in the audit directory; restore the sinks or raise --held-max-bytes",
				errNoRoom, size, u.used, u.budget.MaxBytes, u.free, u.budget.MinFree)
		}
		if err := h.giveUp(e, &u); err != nil {
			return err
		}
	}
	return nil
}

// fits says whether there is room for n more bytes.
func (u usage) fits(size int64) bool {
	return (u.used+size <= u.budget.MaxBytes || u.files == 0) && u.free-size >= u.budget.MinFree
}
