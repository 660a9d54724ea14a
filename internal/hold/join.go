package hold

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// joinTolerance is how far apart the end of one file and the beginning of
// the next may be. kube-apiserver creates the new file right after it has
// renamed the old one, in the same call; the kernel's clock for files ticks
// every few milliseconds, and a busy node may stop the call for a while. Where
// that says nothing of a loss it may be longer: see follows and fillTime.
const joinTolerance = 500 * time.Millisecond

// unnamedTolerance is the same where nobody saw the first one's backup name,
// and the time of its last write stands in for that of its rotation.
const unnamedTolerance = 2 * time.Second

// quietTolerance is the same where the file system does not say when a file
// was created and the time of its first event stands in for it.
const quietTolerance = time.Minute

// joinAll decides for every segment whether it follows the one before it, once
// that one is finished. The first segment of all has nothing before it.
//
// A link pins the inode of a file that was seen, so what could be missing is a
// file between the two that came and went while nobody looked. It would have
// been created when the first was rotated, and rotated when the second was
// created: the second begins well after the first was rotated exactly when
// there was one.
func (h *Hold) joinAll(l *look) error {
	for i := range l.entries {
		e := &l.entries[i]
		if e.Joined || !h.isHeld(e.ID) {
			continue
		}
		if i == 0 {
			if err := h.join(e); err != nil {
				return err
			}
			continue
		}
		before := &l.entries[i-1]
		if !before.Finished {
			continue
		}
		if err := h.joinTo(before, e); err != nil {
			return err
		}
	}
	return nil
}

func (h *Hold) join(e *ledger.Entry) error {
	edit := func(e *ledger.Entry) { e.Joined = true }
	if err := h.cfg.Ledger.Edit(e.ID, edit); err != nil {
		return err
	}
	edit(e)
	return nil
}

func (h *Hold) joinTo(before, e *ledger.Entry) error {
	began, tolerance, err := h.began(e)
	if err != nil {
		return err
	}
	if began.IsZero() { // an empty file: look again when it has a line
		return nil
	}
	tolerance = max(tolerance, fillTime(before, e))
	if before.Unnamed {
		tolerance = max(tolerance, unnamedTolerance)
	}
	if began.Sub(before.Rotated) <= tolerance || apart(began, h.lastWrite(before)) <= tolerance {
		return h.join(e)
	}
	carries, err := h.carries(before, e)
	if err != nil {
		return err
	}
	if carries {
		return h.join(e)
	}
	reason, gone := reasonPruned, "files between them were pruned before they were seen"
	if before.Unnamed && !e.Finished { // else a file between them would be listed
		reason, gone = reasonReplaced, "that one was replaced or deleted without a rotation: no backup followed it"
	}
	gap := ledger.Gap{
		Reason: reason, File: before.Name, From: before.Rotated, To: began, Bytes: estimate(before, began),
		Detail: fmt.Sprintf("%s was created %s after %s was rotated; %s",
			e.Name, began.Sub(before.Rotated).Round(time.Second), before.Name, gone),
	}
	return h.record(gap, e, func(e *ledger.Entry) { e.Joined = true })
}

// carries says whether a file begins with the event that made kube-apiserver
// rotate the one before it: its time is that of this rotation, however long the
// node took to create the file. The file after one that was pruned begins with
// the event that made it rotate that one, about when the file was created.
func (h *Hold) carries(before, e *ledger.Entry) (bool, error) {
	if before.Unnamed || e.Gzip {
		return false, nil
	}
	first, err := firstEvent(h.Path(e.ID), false)
	return err == nil && !first.IsZero() && apart(first, before.Rotated) <= joinTolerance, err
}

func apart(a, b time.Time) time.Duration { return a.Sub(b).Abs() }

// lastWrite is when the file was last written to, which is just before its
// rotation in a busy cluster. It is independent of the time in the name.
func (h *Hold) lastWrite(e *ledger.Entry) time.Time {
	if e.Gzip {
		return time.Time{} // the compression wrote it
	}
	return e.Wrote
}

// began is when the file began, and how exactly that is known.
func (h *Hold) began(e *ledger.Entry) (time.Time, time.Duration, error) {
	if !e.Gzip && !e.Born.IsZero() {
		return e.Born, joinTolerance, nil
	}
	first, err := firstEvent(h.Path(e.ID), e.Gzip)
	return first, quietTolerance, err
}

// estimate says how many bytes were written between two files, at the rate of
// the first one; -1 where it has no rate.
func estimate(before *ledger.Entry, until time.Time) int64 {
	took := before.Rotated.Sub(before.Born)
	missing := until.Sub(before.Rotated)
	if before.Born.IsZero() || took < time.Second || before.Seen == 0 || missing < 0 {
		return -1
	}
	return int64(float64(before.Seen) / took.Seconds() * missing.Seconds())
}

// firstEvent reads the timestamp of the first event of a file, zero where its
// first lines have none.
func firstEvent(path string, packed bool) (time.Time, error) {
	r, err := rotate.Open(path, packed)
	if err != nil {
		return time.Time{}, fmt.Errorf("find the first event: %w", err)
	}
	defer r.Close()
	start, err := io.ReadAll(bufio.NewReader(io.LimitReader(r, 64<<10)))
	if err != nil && len(start) == 0 {
		return time.Time{}, nil // damaged: the shipper says so
	}
	const field = `"stageTimestamp":"`
	i := bytes.Index(start, []byte(field))
	if i < 0 {
		return time.Time{}, nil
	}
	value, _, ok := bytes.Cut(start[i+len(field):], []byte{'"'})
	if !ok {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, string(value))
	if err != nil {
		return time.Time{}, nil // no timestamp, no evidence
	}
	return at, nil
}
