package hold

import (
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/durable"
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

// among finds the segment that a listed file is, among those that were just linked, too.
func (l *look) among(fresh []ledger.Entry, s rotate.Segment) *ledger.Entry {
	if k := slices.IndexFunc(fresh, func(e ledger.Entry) bool { return e.Inode == s.Inode }); k >= 0 {
		return &fresh[k]
	}
	return l.entryOf(s)
}

// sight reports whether a file, the i-th of the listing, follows the one before
// it, by the listing: while the one listed before it is there, none between
// the two was pruned; nor was one before the open file, or it would be listed.
func (h *continuityJudge) sight(l *look, fresh []ledger.Entry, i int, e *ledger.Entry) bool {
	before := lastBefore(e.ID, l.entries, fresh)
	if before == nil || i < 0 {
		return false
	}
	var listed *ledger.Entry
	if i > 0 {
		listed = l.among(fresh, l.listed[i-1])
	}
	if listed != nil && (durable.Exists(l.listed[i-1].Path) || durable.Exists(l.listed[i-1].Path+".gz")) {
		seen := continuity.Sight{Unpruned: true, LastSign: h.lastSign(listed, l.listed[i-1].Rotated), Born: bornAt(e), ByName: listed != before}
		if seen.Continuous() {
			return true
		}
	}
	open := !l.listed[i].Finished && (i == 0 || listed != nil)
	return continuity.Sight{Unpruned: open, LastSign: h.lastSign(before, before.Rotated), Born: bornAt(e)}.Continuous()
}

// bornAt is when a file was created; one that does not say so is there now.
func bornAt(e *ledger.Entry) time.Time {
	if e.Born.IsZero() || e.Gzip {
		return time.Now()
	}
	return e.Born
}

// lastSign is when a segment was last known to be the newest.
func (h *continuityJudge) lastSign(e *ledger.Entry, rotated time.Time) time.Time {
	signs := []time.Time{e.Rotated, rotated}
	if !e.Gzip { // else the compression wrote it
		signs = append(signs, e.Wrote)
		if info, err := os.Stat(h.Path(e.ID)); err == nil {
			signs = append(signs, info.ModTime())
		}
	}
	if h.newest.id == e.ID {
		signs = append(signs, h.newest.at)
	}
	return slices.MaxFunc(signs, time.Time.Compare)
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
		before := lastBefore(e.ID, l.entries)
		var err error
		switch {
		case before == nil:
			err = h.markContinuous(e)
		case !before.Finished:
			continue
		case h.sight(l, nil, i, e):
			err = h.markContinuous(e)
		default:
			err = h.judge(e, l.candidates(before, i)...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// candidates are the segments that may be the one before the i-th listed file: the one
// with the number before its own, and the one listed before it if the listing has the
// former after it. Then either a number was lost or a clock was set back.
func (l *look) candidates(before *ledger.Entry, i int) []*ledger.Entry {
	all := []*ledger.Entry{before}
	if i > 0 && slices.ContainsFunc(l.listed[i:], func(s rotate.Segment) bool { return l.entryOf(s) == before }) {
		if listed := l.entryOf(l.listed[i-1]); listed != nil && listed.Finished {
			all = append(all, listed)
		}
	}
	return all
}

func (h *continuityJudge) markContinuous(e *ledger.Entry) error {
	return h.edit(e, func(e *ledger.Entry) { e.Continuous = true })
}

// judge decides whether a file follows the finished one before it, which is one of some
// candidates.
func (h *continuityJudge) judge(e *ledger.Entry, candidates ...*ledger.Entry) error {
	var gaps []ledger.Gap
	for _, before := range candidates {
		pair := continuity.Pair{Before: evidence(before), After: evidence(e)}
		verdict, gap := pair.Judge()
		if verdict != continuity.Continuous {
			var err error
			if pair.FirstEvent, err = rotate.FirstEvent(h.Path(e.ID), e.Gzip); err != nil {
				return err
			}
			verdict, gap = pair.Judge()
		}
		switch verdict {
		case continuity.Continuous:
			return h.markContinuous(e)
		case continuity.Missing:
			gaps = append(gaps, ledger.Gap{
				Reason: gap.Reason, File: before.Name, From: gap.From, To: gap.To, Bytes: gap.Bytes, Detail: gap.Detail,
			})
		}
	}
	if len(gaps) < len(candidates) {
		return nil // the next pass has more evidence
	}
	return h.record(gaps[0], e, func(e *ledger.Entry) { e.Continuous = true })
}

// evidence is the ledger's knowledge of a segment's times and size.
func evidence(e *ledger.Entry) continuity.File {
	return continuity.File{
		Name: e.Name, Finished: e.Finished, Unnamed: e.Unnamed, Gzip: e.Gzip,
		Born: e.Born, Rotated: e.Rotated, Wrote: e.Wrote, Size: e.Seen,
	}
}

// watchReplaced records that the name of the open file is another file's while
// the writer continues in the old one: it was written to after the new one was
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
			Detail: fmt.Sprintf("another file took the name %s without a rotation, and kube-apiserver continued to write to the old one; both are held", e.Name),
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
