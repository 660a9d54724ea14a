package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/catalog"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// unfinished is a file of which the archive has increments and no record: it is
// still open, or its node was lost.
type unfinished struct {
	*catalog.File
	epoch *epoch // with the name alone if it has no records
}

func (u *unfinished) String() string {
	return fmt.Sprintf("%s/%s %s/%d", u.Cluster, u.Node, u.Epoch, u.Seq)
}

// finding begins a finding about an increment: of lines that were written after
// the last file that has a record, or since the epoch began.
func (u *unfinished) finding(kind Kind, object, detail string) Finding {
	f := Finding{Kind: kind, Cluster: u.Cluster, Node: u.Node, Epoch: u.Epoch, Seq: u.Seq, Object: object, Detail: detail}
	f.From, _ = time.Parse(epochLayout, u.Epoch[:len(epochLayout)]) // the key was parsed, so it is one
	for _, r := range u.epoch.records {
		if _, to := r.span(); r.Kind == manifest.KindFile && to.After(f.From) {
			f.From = to
		}
	}
	return f
}

// epochLayout is the time that an epoch's name begins with.
const epochLayout = "20060102T150405"

// checkIncrements checks the increments that stand for files without a record: that
// they join, that they hold what they say, and that they begin as heartbeats saw the
// file. Those of a recorded file are superseded by it, unless they reach further.
func (v *verification) checkIncrements(ctx context.Context) error {
	var parts []catalog.Object
	err := v.list(ctx, "open/", func(info archive.Info, key archive.Key) {
		if key.Kind == archive.KindOpen { // any other name is never restored
			parts = append(parts, catalog.NewObject(v.archive, info.Key))
		}
	})
	if err != nil {
		return err
	}
	var open []*unfinished
	for _, f := range catalog.Group(parts) {
		e := v.epochOf(f.ID)
		if r := e.file(f.Seq); r != nil {
			v.checkFinished(r, f)
			continue
		}
		if open = append(open, &unfinished{f, e}); !v.opt.Deep {
			v.note("%s: a file without a record, in %d increments; --deep checks them", open[len(open)-1], len(f.Parts))
		}
	}
	if !v.opt.Deep {
		return nil
	}
	return v.each(ctx, "open files", len(open), func(ctx context.Context, i int) error { return v.checkUnfinished(ctx, open[i]) })
}

// checkFinished compares the size of a finished file with how far its increments reach: what the
// archive had of it once, it must have (I10). Where the file is shorter, restore takes the increments.
func (v *verification) checkFinished(r *record, file *catalog.File) {
	if size, to := r.Stored().Size, file.Extent(); to > size && v.overlaps(r.span()) {
		f := r.finding(KindFileShorter, fmt.Sprintf(
			"it has %d bytes and its increments have %d: it was cut before it was archived; restore returns what the increments have", size, to))
		f.Object, f.Lines = file.Parts[0].Name, nil
		v.find(f)
	}
}

// epochOf finds the records of a file's epoch, perhaps none.
func (v *verification) epochOf(id catalog.ID) *epoch {
	for _, log := range v.logs {
		for _, e := range log.epochs {
			if log.cluster == id.Cluster && log.node == id.Node && e.name == id.Epoch {
				return e
			}
		}
	}
	return &epoch{name: id.Epoch}
}

// file is the record of the finished file with a number; nil where there is none.
func (e *epoch) file(seq int64) *record {
	i := slices.IndexFunc(e.records, func(r *record) bool { return r.Kind == manifest.KindFile && r.Seq == seq })
	if i < 0 {
		return nil
	}
	return e.records[i]
}

// checkUnfinished restores the increments of one file, as restore does.
func (v *verification) checkUnfinished(ctx context.Context, u *unfinished) error {
	p := newRehash(u.heard())
	used, last, err := u.WriteParts(ctx, cmp.Or(v.opt.TempDir, os.TempDir()), p)
	if err != nil {
		return v.brokenIncrement(ctx, u, last.Name, err)
	}
	v.compareUnfinished(u, p, used)
	return nil
}

// brokenIncrement decides about an increment that could not be restored: what
// says something of it is a finding, an archive or a disk that is away is an
// error.
func (v *verification) brokenIncrement(ctx context.Context, u *unfinished, key string, err error) error {
	var disk *os.PathError
	reason := archive.ReasonOf(err)
	unavailable := reason != archive.ReasonOther && reason != archive.ReasonChecksum
	if gone := errors.Is(err, fs.ErrNotExist); ctx.Err() != nil || !gone && (unavailable || errors.As(err, &disk)) {
		return err
	}
	v.find(u.finding(KindIncrementBroken, key, err.Error()))
	return nil
}

// heard is what heartbeats saw of the file; nothing where a recorded gap says
// that it was cut or replaced: what they saw may be gone.
func (u *unfinished) heard() (marks []seen) {
	for _, r := range u.epoch.records {
		if slices.ContainsFunc(r.Gaps, isCutGap) {
			return nil
		}
		if r.Heartbeat != nil && r.Heartbeat.Open != nil && r.Heartbeat.Open.Seq == u.Seq {
			marks = append(marks, seen{r.Time.Time, *r.Heartbeat.Open})
		}
	}
	return marks
}

// compareUnfinished holds the beginnings that heartbeats saw against what the
// increments restore to. What no heartbeat saw, nothing vouches for.
func (v *verification) compareUnfinished(u *unfinished, p *rehash, used int) {
	lines := p.tree.Lines()
	if mark, from, to, ok := p.firstEdited(); ok {
		f := u.finding(KindLogEdited, u.Parts[0].Name, fmt.Sprintf("the file was changed, or its increments were: at %s its first %d bytes had SHA-256 %s",
			mark.at.Format(timeLayout), mark.Size, mark.SHA256))
		f.Lines, f.To = &Lines{from, to}, mark.at
		v.find(f)
		return
	}
	if len(p.at) == 0 {
		v.note("%s: a file without a record: %d lines in %d increments; no heartbeat saw them, nothing vouches for them", u, lines, used)
		return
	}
	last := p.marks[len(p.at)-1]
	v.note("%s: a file without a record: %d lines in %d increments; the first %d are those that the heartbeat of %s saw, nothing vouches for the rest",
		u, lines, used, last.Lines, last.at.Format(timeLayout))
}
