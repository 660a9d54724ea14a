package hold

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// ErrStateGone is returned by [Hold.Sync] when the state directory was
// removed or replaced under the process, usually with the whole audit directory.
var ErrStateGone = errors.New("the state directory is gone; was the audit directory removed or mounted again? A restart begins again in the new one")

// Sync makes one pass. The error lists its failures; the next pass
// tries again.
func (h *Hold) Sync(ctx context.Context) error {
	h.pass.Lock()
	defer h.pass.Unlock()
	info, err := os.Lstat(h.dir)
	if err != nil {
		return fmt.Errorf("%w (%w)", ErrStateGone, err)
	}
	if !os.SameFile(info, h.home) {
		return fmt.Errorf("%w (%s is another directory now)", ErrStateGone, h.dir)
	}
	h.changed = false
	unknownErr := h.watchUnknown()
	listed, err := h.scan(ctx)
	releaseErr := h.release(listed)
	h.metrics.observe(h.cfg.Ledger.Entries(), h.bytesOf)
	if h.changed {
		poke(h.news)
	}
	return errors.Join(err, unknownErr, h.noRoom, releaseErr)
}

// maxLooks bounds how often one pass lists the directory again because it
// changed meanwhile; the next pass resumes from there.
const maxLooks = 4

// scan brings the ledger in line with the directory. A listing is no
// snapshot: while kube-apiserver renames a file, it can show neither of its
// names, or a name that is another file's by the time it is linked. So a
// pass that met a change lists again, and a file counts as gone only when
// two listings in a row do not have it. listed is the part of the ledger that agrees with
// the end; nil where it does not come to that.
func (h *Hold) scan(ctx context.Context) (listed []rotate.Segment, err error) {
	missing := map[string]bool{}
	h.noRoom = nil
	for range maxLooks {
		began := time.Now()
		listed, err := h.cfg.Log.Segments()
		if err != nil {
			return nil, fmt.Errorf("list the audit directory: %w", err)
		}
		if err := h.recovery.keepLinks(listed); err != nil {
			return nil, err
		}
		look := h.look(listed)
		if repaired, err := h.linker.holdChanged(look); err != nil {
			return nil, err
		} else if repaired {
			look = h.look(listed)
		}
		packErr := h.finisher.finishPacked(look)
		again, linkErr := h.linker.linkNew(look)
		finishErr := h.finisher.finishRotated(look)
		vanished, vanishErr := h.finisher.finishVanished(look, missing)
		if err := errors.Join(packErr, linkErr, finishErr, vanishErr); err != nil || ctx.Err() != nil {
			return nil, err
		}
		if !again && !vanished {
			return append([]rotate.Segment{}, listed...), h.examine(listed, began)
		}
	}
	return nil, nil
}

// examine looks for breaks and at the disk, once the ledger and the directory
// agree. The listing began at a time.
func (h *Hold) examine(listed []rotate.Segment, at time.Time) error {
	look := h.look(listed)
	h.baseline = h.baseline && len(listed) == 0
	err := errors.Join(h.linker.noteVanished(look), h.watcher.watchOpen(look), h.judge.watchReplaced(look), h.finisher.watchLeft(look, false))
	if len(h.linker.waiting) == 0 { // else waiting files would be taken for missing
		err = errors.Join(err, h.judge.judgeAll(look))
	}
	if n := len(look.entries); n > 0 {
		h.judge.newest = newest{look.entries[n-1].ID, at}
	}
	h.watcher.alarms(look)
	return errors.Join(err, h.budget.keepBudget(look))
}

// release removes the links of segments that no sink needs, and forgets a
// segment once its file has left the audit directory: until then the entry
// keeps it from being archived again. Without a listing nothing is forgotten.
func (h *Hold) release(listed []rotate.Segment) error {
	names := map[string]bool{}
	for _, s := range listed {
		names[s.Name] = true
	}
	var gone []string
	for _, e := range h.cfg.Ledger.Entries() {
		if e.Owed() {
			continue
		}
		if err := h.drop(e.ID); err != nil {
			return err
		}
		if listed != nil && !names[e.Name] {
			gone = append(gone, e.ID)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	h.changed = true
	return h.cfg.Ledger.Forget(gone...)
}

// look is one listing beside the ledger.
type look struct {
	entries []ledger.Entry
	listed  []rotate.Segment
	byInode map[uint64]*ledger.Entry // entries whose inode number is theirs
	byName  map[string]*ledger.Entry // finished entries
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

func (l *look) listedInode(inode uint64) bool {
	return slices.ContainsFunc(l.listed, func(s rotate.Segment) bool { return s.Inode == inode })
}
