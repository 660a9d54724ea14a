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
		if s.Cluster != "" {
			prefix += "cluster=" + s.Cluster + "/"
		}
		for info, err := range b.ListAfter(ctx, prefix, seek) {
			if err != nil {
				return nil, err
			}
			key, err := archive.ParseKey(info.Key)
			if err != nil || s.Node != "" && key.Node != s.Node {
				continue // not an object of auditsidecar, or of another node
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

// rotation is when a file was rotated, zero if that is not known.
type rotation struct {
	catalog.ID
	at time.Time
}

// written returns the files that may have been written in the time, by their rotations.
func (s *Selection) written(all []rotation) map[catalog.ID]bool {
	type chain struct{ cluster, node, epoch string }
	chains := map[chain][]rotation{}
	for _, f := range all {
		c := chain{f.Cluster, f.Node, f.Epoch}
		chains[c] = append(chains[c], f)
	}
	kept := map[catalog.ID]bool{}
	for _, files := range chains {
		slices.SortFunc(files, func(a, b rotation) int { return cmp.Compare(a.Seq, b.Seq) })
		var begin time.Time
		for _, f := range files {
			first, last := begin, f.at
			begin = f.at
			if !first.Before(last) && !last.IsZero() { // its clock was set back
				first, last = time.Time{}, time.Time{}
			}
			if !first.IsZero() {
				first = first.Add(-slack)
			}
			if !last.IsZero() {
				last = last.Add(slack)
			}
			kept[f.ID] = s.Times.Overlaps(first, last)
		}
	}
	return kept
}

// Files returns those that may have lines of the time.
func (s *Selection) Files(all []*catalog.File) []*catalog.File {
	rotations := make([]rotation, len(all))
	for i, f := range all {
		rotations[i] = rotation{f.ID, f.Rotated()}
	}
	written := s.written(rotations)
	first, last := s.Days()
	return slices.DeleteFunc(slices.Clone(all), func(f *catalog.File) bool { return !written[f.ID] || !f.Within(first, last) })
}

// within leaves out the files and objects that were not written in the time.
func within(all []*file, s *Selection) (kept []*file) {
	rotations := make([]rotation, len(all))
	for i, f := range all {
		rotations[i] = rotation{f.ID, f.rotated}
	}
	written := s.written(rotations)
	// A line is filed under its own day, but in an increment maybe under the next.
	first, last, late := dayOf(s.Times.From), endOfDays, endOfDays
	if !s.Times.To.IsZero() {
		last, late = dayOf(s.Times.To), dayOf(s.Times.To.AddDate(0, 0, 1))
	}
	for _, f := range all {
		if !written[f.ID] {
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
