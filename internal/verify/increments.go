package verify

import (
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

func (u *unfinished) String() string { return fmt.Sprintf("%s/%d", u.epoch, u.Seq) }

// finding begins a finding about an increment: of lines that were written after
// the last file that has a record, or since the epoch began.
func (u *unfinished) finding(kind Kind, object, detail string) Finding {
	f := u.epoch.finding(kind, detail)
	f.Seq, f.Object = u.Seq, object
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
// they join, that they hold the bytes that their names say, and that they begin as heartbeats saw the
// file. Those of a recorded file are superseded by it, unless they reach further.
func (v *verification) checkIncrements(ctx context.Context) error {
	parts, all, longer := []catalog.Object(nil), 0, map[*record]bool{}
	take := func(want func(r *record, key archive.Key) bool) error {
		parts, all = nil, 0
		return v.list(ctx, "open/", func(info archive.Info, key archive.Key) {
			if key.Kind != archive.KindOpen { // any other name is never restored
				return
			}
			if r := v.epochOf(catalog.IDOf(key)).files[key.Seq]; r != nil && !want(r, key) {
				return
			}
			if all++; len(parts) < maxParts {
				parts = append(parts, catalog.NewObject(v.archive, info.Key))
			}
		})
	}
	err := take(func(r *record, key archive.Key) bool {
		if key.To > r.Stored().Size {
			longer[r] = true
		}
		return false
	})
	if err == nil && len(longer) > 0 {
		err = take(func(r *record, _ archive.Key) bool { return longer[r] })
	}
	if err != nil {
		return err
	}
	if all > len(parts) {
		v.found.find(Finding{Kind: KindIncrementBroken, Detail: fmt.Sprintf("%d increments of files without a record, of which the last %d were not checked: verify each --cluster or --node alone", all, all-len(parts))})
	}
	var open []*unfinished
	for _, f := range catalog.Group(parts) {
		e := v.epochOf(f.ID)
		if r := e.files[f.Seq]; r != nil {
			v.checkFinished(r, f)
			continue
		}
		u := &unfinished{f, e}
		open = append(open, u)
		if !v.opt.Deep {
			v.found.note("%s: a file without a record, in %d increments; --deep checks them", u, len(f.Parts))
		}
	}
	if !v.opt.Deep {
		return nil
	}
	return v.each(ctx, "open files", len(open), func(ctx context.Context, i int) error { return v.checkUnfinished(ctx, open[i]) })
}

// maxParts bounds the increments that are kept, those of files without a record: a hundred nodes
// whose files are open for a day have 30,000.
const maxParts = 50_000

// checkFinished compares the size of a finished file with the end of its increments: bytes that
// the archive had once, it must have (I10). Where the file is shorter, restore takes the increments.
func (v *verification) checkFinished(r *record, file *catalog.File) {
	if size, to := r.Stored().Size, file.Extent(); to > size && v.opt.overlaps(r.span()) {
		f := r.finding(KindFileShorter, fmt.Sprintf(
			"it has %d bytes and its increments have %d: it was cut before it was archived; restore returns the lines of the increments", size, to))
		f.Object, f.Lines = file.Parts[0].Name, nil
		v.found.find(f)
	}
}

// checkUnfinished restores the increments of one file, as restore does. A damaged
// increment is a finding, an unavailable archive or disk an error.
func (v *verification) checkUnfinished(ctx context.Context, u *unfinished) error {
	p := newRehash(u.heard())
	used, last, err := u.WriteParts(ctx, os.TempDir(), p)
	if err == nil {
		v.compareUnfinished(u, p, used)
		return nil
	}
	_, detail, unavailable := unopened(ctx, err)
	if unavailable != nil || errors.As(err, new(*os.PathError)) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	v.found.find(u.finding(KindIncrementBroken, last.Name, detail))
	return nil
}

// heard returns the beginnings of the file that heartbeats saw; none if a recorded
// gap says that it was cut or replaced: these bytes may be gone.
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

// compareUnfinished compares the beginnings that heartbeats saw with the restored
// increments. Later bytes are unproven.
func (v *verification) compareUnfinished(u *unfinished, p *rehash, used int) {
	lines := p.tree.Lines()
	if mark, edited, ok := p.firstEdited(); ok {
		f := u.finding(KindLogEdited, u.Parts[0].Name, fmt.Sprintf("the file was changed, or its increments were: at %s its first %d bytes had SHA-256 %s",
			mark.at.Format(timeLayout), mark.Size, mark.SHA256))
		f.Lines, f.To = &edited, mark.at
		v.found.find(f)
		return
	}
	if len(p.at) == 0 {
		v.found.note("%s: a file without a record: %s in %s; no heartbeat saw them: unproven: all (%s)", u, count(lines, "line"), count(int64(used), "increment"), count(p.size, "byte"))
		return
	}
	last := p.marks[len(p.at)-1]
	v.found.note("%s: a file without a record: %s in %s; the first %d are those that the heartbeat of %s saw; unproven: %s (%s) after them",
		u, count(lines, "line"), count(int64(used), "increment"), last.Lines, last.at.Format(timeLayout), count(lines-last.Lines, "line"), count(p.size-last.Size, "byte"))
}
