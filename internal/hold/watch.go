package hold

import (
	"fmt"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// Reasons of gaps that this package finds. They are those of the archive's
// records.
const (
	reasonTruncated = "truncated"
	reasonPruned    = "pruned"
	reasonReplaced  = "replaced"
	reasonVanished  = "vanished"
)

// seenInterval is how often the size of the growing file is put on disk. What
// is cut off a file while no sidecar looks is known as far as the last of
// these.
const seenInterval = time.Minute

// hugeLog is the size of an open file that no rotation is known to allow:
// ten times kube-apiserver's default.
const hugeLog = 1 << 30

// watchOpen looks at the bytes of every segment that may still be written to:
// they must only become more. What was cut off or overwritten from outside is
// a gap.
func (h *Hold) watchOpen(l *look) error {
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

func (h *Hold) watchOne(e *ledger.Entry) error {
	path := h.at(e.ID)
	if path == "" {
		return nil // without a name; its bytes are looked at when it is copied
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("look at the held file: %w", err)
	}
	size := info.Size()
	seen := max(e.Seen, h.sizes[e.ID])
	same, err := begins(path, e.Mark)
	if err != nil {
		return err
	}
	if size < seen || !same {
		return h.truncated(e, seen, size)
	}
	h.sizes[e.ID] = size
	short := e.Mark.N < rotate.MarkSize && size > int64(e.Mark.N)
	if !short && (size == e.Seen || time.Since(h.seenAt) < seenInterval) {
		return nil
	}
	return h.noteSize(e, size)
}

// noteVanished records the files that were listed but gone before they could
// be linked, unless they are there under another name.
func (h *Hold) noteVanished(l *look) error {
	vanishing := h.vanishing
	h.vanishing = nil
	for _, s := range vanishing {
		if l.entryOf(s) != nil || s.Size == 0 { // renamed, or compressed, and held by now
			continue
		}
		now := time.Now().UTC()
		gap := ledger.Gap{
			Reason: reasonVanished, File: s.Name, From: s.ModTime.UTC(), To: now, Bytes: s.Size,
			Detail: "the file was deleted before it could be held",
		}
		if err := h.record(gap, nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// noteSize puts the size, and the mark while it grows, on disk.
func (h *Hold) noteSize(e *ledger.Entry, size int64) error {
	mark, err := readMark(h.Path(e.ID))
	if err != nil {
		return err
	}
	h.seenAt = time.Now()
	return h.cfg.Ledger.Edit(e.ID, func(e *ledger.Entry) { e.Seen, e.Mark = size, mark })
}

// truncated records that bytes of the open file are gone. Where the file is
// as long as before, its start was overwritten, as a writer without O_APPEND
// does after a truncation: all that was seen counts as lost.
func (h *Hold) truncated(e *ledger.Entry, seen, size int64) error {
	mark, err := readMark(h.Path(e.ID))
	if err != nil {
		return err
	}
	lost := seen - size
	if lost <= 0 {
		lost = seen
	}
	gap := ledger.Gap{
		Reason: reasonTruncated, File: e.Name, From: e.Born, To: time.Now().UTC(), Bytes: lost,
		Detail: fmt.Sprintf("the file had %d bytes and was cut from outside; it has %d", seen, size),
	}
	h.sizes[e.ID] = size
	// What was read of it for heartbeats is gone, too, and not without a record.
	edit := func(e *ledger.Entry) { e.Seen, e.Mark, e.Read = size, mark, nil }
	return h.record(gap, e, edit)
}

// record puts a gap on disk, with a change of the entry, and tells of it.
func (h *Hold) record(gap ledger.Gap, e *ledger.Entry, edit func(*ledger.Entry)) error {
	id := ""
	if e != nil {
		id = e.ID
	}
	err := h.cfg.Ledger.AddGap(gap, id, func(e *ledger.Entry) error { edit(e); return nil })
	if err != nil {
		return err
	}
	if e != nil {
		edit(e)
	}
	h.cfg.NoteGap(gap)
	return nil
}

// alarms sets the gauges for two states that lose data later: a writer on a
// file without a name, and a log that is never rotated. Each is told once.
func (h *Hold) alarms(l *look) {
	_, hasOpen := l.open()
	var orphan, huge *ledger.Entry
	for i := range l.entries {
		e := &l.entries[i]
		if e.Finished || !h.isHeld(e.ID) {
			continue
		}
		if _, _, replaced := h.replacedAt(l, e); replaced || !hasOpen {
			orphan = e
		}
		if h.sizes[e.ID] > hugeLog {
			huge = e
		}
	}
	h.alarm(&h.orphan, h.metrics.orphan, orphan, "ALARM: kube-apiserver writes to a file that was deleted, moved or replaced; its bytes are held here; restart kube-apiserver so that it goes on in audit.log")
	h.alarm(&h.huge, h.metrics.huge, huge, "ALARM: the audit log is not rotated, so nothing of it is archived; set --audit-log-maxsize")
}

func (h *Hold) alarm(on *bool, gauge prometheus.Gauge, e *ledger.Entry, text string) {
	now := e != nil
	if now && !*on {
		alarmed := *e
		alarmed.Reason = text
		h.cfg.Note("alarm", alarmed)
	}
	*on = now
	gauge.Set(map[bool]float64{true: 1}[now])
}
