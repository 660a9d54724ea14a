package hold

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// watcher looks at the files that may still be written to.
type watcher struct {
	*base
	judge  *continuityJudge
	orphan bool // the alarm for a deleted file is on
	huge   bool // the alarm for a file without rotation is on
}

// seenInterval is how often the size of the growing file is put on disk. Bytes
// cut off a file while no sidecar runs are known as far as the last of
// these.
const seenInterval = time.Minute

// hugeLog is the size of an open file that no rotation is known to allow:
// ten times kube-apiserver's default.
const hugeLog = 1 << 30

// sizeSeen is the size of an unfinished segment at the last pass, and how often it had been cut then.
type sizeSeen struct{ size, cuts int64 }

// watchOpen looks at the bytes of every segment that may still be written to:
// they must only become more. Bytes cut off or overwritten from outside are
// a gap.
func (h *watcher) watchOpen(l *look) error {
	for i := range l.entries {
		e := &l.entries[i]
		if e.Finished || !h.isHeld(e.ID) {
			continue
		}
		if err := h.watchOne(e); err != nil {
			return err
		}
	}
	return nil
}

func (h *watcher) watchOne(e *ledger.Entry) error {
	path := h.at(e.ID)
	if path == "" {
		return nil // without a name; its bytes are looked at when it is copied
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("look at the held file: %w", err)
	}
	size := info.Size()
	seen := h.seen(e)
	same, err := begins(path, e.Mark)
	if err != nil {
		return err
	}
	same = same || size < int64(e.Mark.N) // not known
	start := same
	if same && size >= seen {
		if same, err = ends(path, e.Tail); err != nil {
			return err
		}
	}
	if (continuity.Content{Seen: seen, Size: size, SameStart: start, SameRest: same}).Judge() != continuity.NoLoss {
		return h.truncated(e, seen, size, same)
	}
	h.sizes[e.ID] = sizeSeen{size, e.Cuts}
	short := e.Mark.N < ledger.MarkSize && size > int64(e.Mark.N)
	if !short && (size == e.Seen || time.Since(h.seenAt) < seenInterval) {
		return nil
	}
	return h.noteSize(e, size)
}

// truncated records that bytes of the open file are gone. Where the file is
// as long as before, its start was overwritten, as a writer without O_APPEND
// does after a truncation: all that was seen counts as lost. Its writer continues
// in it, so its increments stay valid.
func (h *watcher) truncated(e *ledger.Entry, seen, size int64, same bool) error {
	mark, err := readMark(h.Path(e.ID))
	if err != nil {
		return err
	}
	now := *e
	now.Seen = seen
	gap := now.Shrunk(max(seen, now.Least()), size, same, time.Now())
	gap.Detail += h.mayExplain()
	err = h.cfg.Ledger.Cut(now, gap, size, mark, true)
	if errors.Is(err, ledger.ErrStale) {
		return nil // the shipper has found it, too
	}
	if err != nil {
		return err
	}
	*e, _ = h.cfg.Ledger.Get(e.ID)
	h.cfg.NoteGap(gap)
	return nil
}

// alarms sets the gauges for two states that lose data later: a writer on a
// file without a name, and a log that is never rotated. Each is reported once.
func (h *watcher) alarms(l *look) {
	_, hasOpen := l.open()
	var orphan, huge *ledger.Entry
	for i := range l.entries {
		e := &l.entries[i]
		if e.Finished || !h.isHeld(e.ID) {
			continue
		}
		if _, _, replaced := h.judge.replacedAt(l, e); replaced || !hasOpen {
			orphan = e
		}
		if h.seen(e) > hugeLog {
			huge = e
		}
	}
	h.alarm(&h.orphan, h.metrics.orphan, orphan, "ALARM: kube-apiserver writes to a file that was deleted, moved or replaced; its bytes are held here; restart kube-apiserver to make it write to audit.log again")
	h.alarm(&h.huge, h.metrics.huge, huge, "ALARM: the audit log is not rotated, so only increments of it are archived; set --audit-log-maxsize")
}

func (h *watcher) alarm(on *bool, gauge prometheus.Gauge, e *ledger.Entry, text string) {
	now := e != nil
	if now && !*on {
		alarmed := *e
		alarmed.Reason = text
		h.cfg.Note("alarm", alarmed)
	}
	*on = now
	gauge.Set(map[bool]float64{true: 1}[now])
}
