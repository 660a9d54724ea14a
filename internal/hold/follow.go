package hold

import (
	"os"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// newest is the last file of a listing, and when that listing began: until
// then nothing had followed it.
type newest struct {
	id string
	at time.Time
}

// firstSight reports whether a new file, the i-th of the listing, follows the
// one before it, by what only the first listing that has it can show: while the
// one before is listed, or the new one is the open file, none between the two
// was pruned.
func (h *Hold) firstSight(l *look, fresh []ledger.Entry, i int, e ledger.Entry) bool {
	before := lastBefore(e.ID, l.entries, fresh)
	if before == nil {
		return false
	}
	s := l.listed[i]
	since := before.Rotated
	if !before.Gzip { // else the compression wrote it
		since = latest(since, before.Wrote)
	}
	switch beside := i > 0; {
	case beside && l.listed[i-1].Inode == before.Inode && exists(l.listed[i-1].Path):
		since = latest(since, l.listed[i-1].Rotated)
		if !l.listed[i-1].Gzip {
			since = latest(since, l.listed[i-1].ModTime)
		}
	case s.Finished || beside && l.entryOf(l.listed[i-1]) == nil && !hasInode(fresh, l.listed[i-1].Inode):
		return false
	default:
		if info, err := os.Stat(h.Path(before.ID)); err == nil && !before.Gzip {
			since = latest(since, info.ModTime())
		}
	}
	if h.newest.id == before.ID {
		since = latest(since, h.newest.at)
	}
	began := e.Born
	if began.IsZero() || e.Gzip {
		began = time.Now() // it is there now
	}
	return continuity.Sight{Unpruned: true, LastSign: since, Born: began}.Follows()
}

// lastBefore is the entry with the highest ID below one.
func lastBefore(id string, lists ...[]ledger.Entry) (last *ledger.Entry) {
	for _, entries := range lists {
		for i := range entries {
			if e := &entries[i]; e.ID < id && (last == nil || e.ID > last.ID) {
				last = e
			}
		}
	}
	return last
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
