package search

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/catalog"
)

// slack is how far the times of lines may be outside of their file's: kube-apiserver stamps
// a line before it writes it.
const slack = 2 * time.Minute

// stored is an object of the archive.
type stored struct {
	archive.Key
	name   string // in the bucket
	size   int64
	copies []stored // that were stored after it
}

// file is the objects of one original file.
type file struct {
	catalog.ID
	objects, parts []stored
	rotated        time.Time // zero while it is open
}

// endOfDays sorts after every day.
const endOfDays = "~"

func dayOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(archive.DayLayout)
}

// list returns the files that may have lines of the selection, in the order of rotation, the
// open ones last.
func list(ctx context.Context, b *archive.Bucket, s *Selection) ([]*file, error) {
	first, last := s.Days()
	seek := days(dayOf(first), cmp.Or(dayOf(last), endOfDays))
	files := map[catalog.ID]*file{}
	for _, prefix := range []string{"data/", "open/"} {
		for info, err := range b.ListAfter(ctx, prefix, seek) {
			if err != nil {
				return nil, err
			}
			key, err := archive.ParseKey(info.Key)
			if err != nil {
				continue // not an object of auditsidecar
			}
			id := catalog.IDOf(key)
			if files[id] == nil {
				files[id] = &file{ID: id}
			}
			files[id].add(stored{Key: key, name: info.Key, size: info.Size})
		}
	}
	all := make([]*file, 0, len(files))
	for _, f := range files {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b *file) int {
		open := func(f *file) int {
			if f.rotated.IsZero() {
				return 1
			}
			return 0
		}
		return cmp.Or(open(a)-open(b), a.rotated.Compare(b.rotated), cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Node, b.Node), cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Seq, b.Seq))
	})
	return within(all, s), nil
}

// days leaves out the days below data/ and open/ before the first and after the last.
func days(first, last string) func(key string) string {
	return func(key string) string {
		cluster, rest, ok := strings.Cut(key, "/dt=")
		if !ok || strings.Count(cluster, "/") > 1 {
			return ""
		}
		switch day := rest[:min(len(rest), len(archive.DayLayout))]; {
		case day < first:
			return cluster + "/dt=" + first
		case day > last:
			return cluster + "/dt=" + endOfDays
		}
		return ""
	}
}

// add adds an object; copies of one follow each other in a listing.
func (f *file) add(o stored) {
	all := &f.objects
	if o.Kind == archive.KindOpen {
		all = &f.parts
	} else {
		f.rotated, _ = time.Parse(archive.RotatedLayout, o.Rotated) // a key has one
	}
	if i := slices.IndexFunc(*all, func(other stored) bool { return other.First() == o.First() }); i >= 0 {
		(*all)[i].copies = append((*all)[i].copies, o)
		return
	}
	*all = append(*all, o)
}

// within leaves out the files that were not written in the time, by their rotations.
func within(all []*file, s *Selection) (kept []*file) {
	type chain struct{ cluster, node, epoch string }
	byChain := map[chain][]*file{}
	for _, f := range all {
		c := chain{f.Cluster, f.Node, f.Epoch}
		byChain[c] = append(byChain[c], f)
	}
	began := map[*file]time.Time{}
	for _, files := range byChain {
		slices.SortFunc(files, func(a, b *file) int { return cmp.Compare(a.Seq, b.Seq) })
		for i, f := range files[1:] {
			began[f] = files[i].rotated
		}
	}
	// A line is filed under its own day, but in an increment maybe under the next.
	first, last, late := dayOf(s.Times.From), endOfDays, endOfDays
	if !s.Times.To.IsZero() {
		last, late = dayOf(s.Times.To), dayOf(s.Times.To.AddDate(0, 0, 1))
	}
	for _, f := range all {
		begin, end := began[f], f.rotated
		if !begin.Before(end) && !end.IsZero() { // its clock was set back
			begin, end = time.Time{}, time.Time{}
		}
		if !begin.IsZero() {
			begin = begin.Add(-slack)
		}
		if !end.IsZero() {
			end = end.Add(slack)
		}
		if !s.Times.Overlaps(begin, end) {
			continue
		}
		f.objects = slices.DeleteFunc(f.objects, func(o stored) bool { return o.Day < first || o.Day > last })
		f.parts = slices.DeleteFunc(f.parts, func(o stored) bool { return o.Day < first || o.Day > late })
		if len(f.objects)+len(f.parts) > 0 {
			kept = append(kept, f)
		}
	}
	return kept
}

// increments are those that count, in order: of those that begin at one byte the longest, and
// none that begins within another.
func (f *file) increments() (kept []stored) {
	slices.SortFunc(f.parts, func(a, b stored) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(b.To, a.To)) })
	end := int64(0)
	for _, p := range f.parts {
		if p.From >= end {
			if n := len(p.copies); n > 0 {
				p = p.copies[n-1]
			}
			kept = append(kept, p)
			end = p.To
		}
	}
	return kept
}
