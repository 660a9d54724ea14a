package hold

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// continuityJudge decides whether anything is missing between two segments.
type continuityJudge struct {
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

// predecessor finds the segment before e, the i-th listed file (-1: it is not listed): the
// one listed before it, unless the one with the number before its own has left the
// directory and was rotated later. The numbers alone do not have the order if a file could
// not be held in its turn, or its number was lost.
func predecessor(l *look, fresh []ledger.Entry, i int, e *ledger.Entry) (before *ledger.Entry, beside bool) {
	before = lastBefore(e.ID, l.entries, fresh)
	if i <= 0 {
		return before, false
	}
	listed := l.among(fresh, l.listed[i-1])
	if listed == before || listed == nil {
		return before, listed != nil
	}
	isListed := slices.ContainsFunc(l.listed, func(s rotate.Segment) bool { return l.among(fresh, s) == before })
	if before == nil || isListed || before.Finished && before.Rotated.Before(l.listed[i-1].Rotated) {
		return listed, true
	}
	return before, false
}

// among finds the segment that a listed file is, among those that were just linked, too.
func (l *look) among(fresh []ledger.Entry, s rotate.Segment) *ledger.Entry {
	if k := slices.IndexFunc(fresh, func(e ledger.Entry) bool { return e.Inode == s.Inode }); k >= 0 {
		return &fresh[k]
	}
	return l.entryOf(s)
}

// sight reports whether a file, the i-th of the listing, follows the one before
// it, by what a listing shows: while the one before is listed, or this one is the
// open file, none between the two was pruned.
func (h *continuityJudge) sight(l *look, fresh []ledger.Entry, i int, e *ledger.Entry) bool {
	before, beside := predecessor(l, fresh, i, e)
	if before == nil || i < 0 {
		return false
	}
	signs := []time.Time{before.Rotated}
	switch {
	case beside && (exists(l.listed[i-1].Path) || exists(l.listed[i-1].Path+".gz")):
		signs = append(signs, l.listed[i-1].Rotated)
	case l.listed[i].Finished || i > 0 && l.among(fresh, l.listed[i-1]) == nil:
		return false
	}
	if !before.Gzip { // else the compression wrote it
		signs = append(signs, before.Wrote)
		if info, err := os.Stat(h.Path(before.ID)); err == nil {
			signs = append(signs, info.ModTime())
		}
	}
	if h.newest.id == before.ID {
		signs = append(signs, h.newest.at)
	}
	began := e.Born
	if began.IsZero() || e.Gzip {
		began = time.Now() // it is there now
	}
	return continuity.Sight{Unpruned: true, LastSign: slices.MaxFunc(signs, time.Time.Compare), Born: began}.Continuous()
}

// judgeAll decides for every segment whether it follows the one before it, once
// that one is finished. The first segment of all has nothing before it.
func (h *continuityJudge) judgeAll(l *look) error {
	for k := range l.entries {
		e := &l.entries[k]
		if e.Continuous || !h.isHeld(e.ID) {
			continue
		}
		i := slices.IndexFunc(l.listed, func(s rotate.Segment) bool { return l.entryOf(s) == e })
		before, _ := predecessor(l, nil, i, e)
		var err error
		switch {
		case before == nil:
			err = h.markContinuous(e)
		case !before.Finished:
			continue
		case h.sight(l, nil, i, e):
			err = h.markContinuous(e)
		default:
			err = h.judge(before, e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (h *continuityJudge) markContinuous(e *ledger.Entry) error {
	return h.edit(e, func(e *ledger.Entry) { e.Continuous = true })
}

// judge decides whether a file follows the finished one before it.
func (h *continuityJudge) judge(before, e *ledger.Entry) error {
	pair := continuity.Pair{Before: evidence(before), After: evidence(e)}
	verdict, gap := pair.Judge()
	if verdict != continuity.Continuous {
		var err error
		if pair.FirstEvent, err = firstEvent(h.Path(e.ID), e.Gzip); err != nil {
			return err
		}
		verdict, gap = pair.Judge()
	}
	switch verdict {
	case continuity.Continuous:
		return h.markContinuous(e)
	case continuity.Missing:
		return h.record(ledger.Gap{
			Reason: gap.Reason, File: before.Name, From: gap.From, To: gap.To, Bytes: gap.Bytes, Detail: gap.Detail,
		}, e, func(e *ledger.Entry) { e.Continuous = true })
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
	start, _ := io.ReadAll(io.LimitReader(r, 64<<10)) // of a damaged one as much as unpacks
	_, value, _ := bytes.Cut(start, []byte(`"stageTimestamp":"`))
	value, _, _ = bytes.Cut(value, []byte{'"'})
	at, err := time.Parse(time.RFC3339Nano, string(value))
	if err != nil {
		return time.Time{}, nil // no timestamp, no evidence
	}
	return at, nil
}

// watchReplaced records that the name of the open file is another file's while
// the writer goes on in the old one: it was written to after the new one was
// created. That is no rotation.
func (h *continuityJudge) watchReplaced(l *look) error {
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
func (h *continuityJudge) replacedAt(l *look, e *ledger.Entry) (at, wrote time.Time, replaced bool) {
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
