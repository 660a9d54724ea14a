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
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// unfinished is a file of which the archive has increments and no record: it is
// still open, or its node was lost.
type unfinished struct {
	cluster, node string
	epoch         *epoch // with the name alone where it has no records
	seq           int64
	parts         []archive.Key // by From; of those that begin at one byte the longest, and the last copy, first
}

func (u *unfinished) String() string {
	return fmt.Sprintf("%s/%s %s/%d", u.cluster, u.node, u.epoch.name, u.seq)
}

// finding begins a finding about an increment: of lines that were written after
// the last file that has a record, or since the epoch began.
func (u *unfinished) finding(kind Kind, key archive.Key, detail string) Finding {
	f := Finding{Kind: kind, Cluster: u.cluster, Node: u.node, Epoch: u.epoch.name, Seq: u.seq, Object: key.String(), Detail: detail}
	f.From, _ = time.Parse(epochLayout, u.epoch.name[:len(epochLayout)]) // the key was parsed, so it is one
	for _, r := range u.epoch.records {
		if _, to := r.span(); r.Kind == manifest.KindFile && to.After(f.From) {
			f.From = to
		}
	}
	return f
}

// epochLayout is the time that an epoch's name begins with.
const epochLayout = "20060102T150405"

// checkIncrements looks at the increments that stand for files without a
// record: that they join, that they hold what they say, and that they begin as
// heartbeats saw the file. Those of a recorded file are superseded by it, unless they reach further.
func (v *verification) checkIncrements(ctx context.Context) error {
	files, err := v.listIncrements(ctx)
	if err != nil {
		return err
	}
	if v.opt.Deep {
		return v.each(ctx, "open files", len(files), func(ctx context.Context, i int) error {
			return v.checkUnfinished(ctx, files[i])
		})
	}
	for _, u := range files {
		v.note("%s: a file without a record, in %d increments; --deep checks them", u, len(u.parts))
	}
	return nil
}

// listIncrements returns the files that have increments and no record.
func (v *verification) listIncrements(ctx context.Context) ([]*unfinished, error) {
	prefix := "open/"
	if v.opt.Cluster != "" {
		prefix += "cluster=" + v.opt.Cluster + "/"
	}
	var files []*unfinished // the keys of one come one after another
	for info, err := range v.archive.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		key, err := archive.ParseKey(info.Key)
		if err != nil || v.opt.Node != "" && key.Node != v.opt.Node {
			continue // a name that auditsidecar does not give is never restored
		}
		u := &unfinished{cluster: key.Cluster, node: key.Node, epoch: v.epochOf(key), seq: key.Seq}
		if n := len(files); n > 0 && files[n-1].String() == u.String() {
			u = files[n-1]
		} else {
			files = append(files, u)
		}
		u.parts = append(u.parts, key)
	}
	return slices.DeleteFunc(files, func(u *unfinished) bool {
		slices.SortFunc(u.parts, func(a, b archive.Key) int {
			return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(b.To, a.To), cmp.Compare(b.Copy, a.Copy))
		})
		r := u.epoch.file(u.seq)
		if r != nil {
			v.checkFinished(r, u)
		}
		return r != nil
	}), nil
}

// checkFinished compares the size of a finished file with how far its increments reach: what the
// archive had of it once, it must have (I10). Where the file is shorter, restore takes the increments.
func (v *verification) checkFinished(r *record, u *unfinished) {
	var to int64
	for _, key := range u.parts {
		if key.From == to {
			to = key.To
		}
	}
	if size := r.Stored().Size; to > size && v.overlaps(r.span()) {
		f := r.finding(KindFileShorter, fmt.Sprintf(
			"it has %d bytes and its increments have %d: it was cut before it was archived; restore returns what the increments have", size, to))
		f.Object, f.Lines = u.parts[0].String(), nil
		v.find(f)
	}
}

// epochOf finds the records of an object's epoch, perhaps none.
func (v *verification) epochOf(key archive.Key) *epoch {
	for _, log := range v.logs {
		for _, e := range log.epochs {
			if log.cluster == key.Cluster && log.node == key.Node && e.name == key.Epoch {
				return e
			}
		}
	}
	return &epoch{name: key.Epoch}
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
	joined := parquet.Increments{Work: cmp.Or(v.opt.TempDir, os.TempDir())}
	used := 0
	for _, key := range u.parts {
		if key.From < joined.Offset() {
			continue // within a longer one
		}
		if err := v.appendIncrement(ctx, &joined, key, p); err != nil {
			return v.brokenIncrement(ctx, u, key, err)
		}
		used++
	}
	v.compareUnfinished(u, p, used)
	return nil
}

func (v *verification) appendIncrement(ctx context.Context, joined *parquet.Increments, key archive.Key, p *rehash) error {
	object, err := v.archive.Open(ctx, key.String())
	if err != nil {
		return err
	}
	defer object.Close()
	m, err := parquet.ReadMeta(object, object.Size)
	if err != nil {
		return err
	}
	says := archive.OpenKey(m.Cluster, m.Node, m.Epoch, m.Seq, m.Increment.From, m.Increment.From+m.SourceSize)
	if says != key.First().String() {
		return fmt.Errorf("it says that it is %s", says)
	}
	return joined.Append(ctx, parquet.Input{Name: key.String(), ReaderAt: object, Size: object.Size}, p)
}

// brokenIncrement decides about an increment that could not be restored: what
// says something of it is a finding, an archive or a disk that is away is an
// error.
func (v *verification) brokenIncrement(ctx context.Context, u *unfinished, key archive.Key, err error) error {
	var disk *os.PathError
	reason := archive.ReasonOf(err)
	away := reason != archive.ReasonOther && reason != archive.ReasonChecksum
	if gone := errors.Is(err, fs.ErrNotExist); ctx.Err() != nil || !gone && (away || errors.As(err, &disk)) {
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
		if r.Heartbeat != nil && r.Heartbeat.Open != nil && r.Heartbeat.Open.Seq == u.seq {
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
		f := u.finding(KindLogEdited, u.parts[0], fmt.Sprintf("the file was changed, or its increments were: at %s its first %d bytes had SHA-256 %s",
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
