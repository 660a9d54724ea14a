package hold

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// joiner decides whether anything is missing between two segments.
type joiner struct {
	*base
	newest newest // of the last complete listing
}

// newest is the last file of a listing, and when that listing began: until
// then nothing had followed it.
type newest struct {
	id string
	at time.Time
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

// joinAll decides for every segment whether it follows the one before it, once
// that one is finished. The first segment of all has nothing before it.
func (h *joiner) joinAll(l *look) error {
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

func (h *joiner) join(e *ledger.Entry) error {
	edit := func(e *ledger.Entry) { e.Joined = true }
	if err := h.cfg.Ledger.Edit(e.ID, edit); err != nil {
		return err
	}
	edit(e)
	return nil
}

// joinTo decides whether a file follows the finished one before it.
func (h *joiner) joinTo(before, e *ledger.Entry) error {
	pair := continuity.Pair{Before: evidence(before), After: evidence(e)}
	verdict, gap := pair.Judge()
	if verdict != continuity.Follows {
		var err error
		if pair.FirstEvent, err = firstEvent(h.Path(e.ID), e.Gzip); err != nil {
			return err
		}
		verdict, gap = pair.Judge()
	}
	switch verdict {
	case continuity.Follows:
		return h.join(e)
	case continuity.Missing:
		return h.record(ledger.Gap{
			Reason: gap.Reason, File: before.Name, From: gap.From, To: gap.To, Bytes: gap.Bytes, Detail: gap.Detail,
		}, e, func(e *ledger.Entry) { e.Joined = true })
	}
	return nil // the next pass has more evidence
}

// evidence is what the ledger knows of a segment's times and size.
func evidence(e *ledger.Entry) continuity.File {
	return continuity.File{
		Name: e.Name, Finished: e.Finished, Unnamed: e.Unnamed, Gzip: e.Gzip,
		Born: e.Born, Rotated: e.Rotated, Wrote: e.Wrote, Size: e.Seen,
	}
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

// watchReplaced records that the name of the open file is another file's while
// the writer goes on in the old one: it was written to after the new one was
// created. That is no rotation.
func (h *joiner) watchReplaced(l *look) error {
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
func (h *joiner) replacedAt(l *look, e *ledger.Entry) (at, wrote time.Time, replaced bool) {
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
