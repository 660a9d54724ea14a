package hold

import (
	"os"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// newest is the last file of a listing, and when that listing began: until
// then nothing had followed it.
type newest struct {
	id string
	at time.Time
}

// followTolerance is how long after the last sign of one file the next may have
// been created where kube-apiserver cannot have pruned a file between the two.
// It bounds what else could have gone: a file that was created, rotated and
// deleted by somebody else within that time, unseen.
const followTolerance = 10 * time.Second

// follows says whether a new file, the i-th of the listing, follows the one
// before it, by the order in which kube-apiserver prunes: the oldest first, and
// never the newest backup.
//
//   - While the one before it is listed, no later file was pruned.
//   - While the new one is open, a file between the two would be the newest
//     backup, and listed.
//
// Only at first sight is that evidence.
func (h *Hold) follows(l *look, fresh []ledger.Entry, i int, e ledger.Entry) bool {
	before := lastBefore(e.ID, l.entries, fresh)
	if before == nil {
		return false
	}
	s := l.listed[i]
	since := latest(before.Rotated, h.lastWrite(before))
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
	return !since.IsZero() && began.Sub(since) <= followTolerance
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

// maxFillRate is more bytes a second than kube-apiserver writes to its log.
const maxFillRate = 20 << 20

// fillTime is the time in which a file between two finished ones cannot have
// been filled: kube-apiserver rotates by size only, so it would have been as
// large as they are.
func fillTime(before, e *ledger.Entry) time.Duration {
	if !before.Finished || !e.Finished || before.Gzip || e.Gzip {
		return 0
	}
	seconds := float64(min(before.Seen, e.Seen)) / maxFillRate
	return min(time.Duration(seconds*float64(time.Second)), followTolerance)
}
