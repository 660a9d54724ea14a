package verify

import (
	"cmp"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

// days returns a filter of the days below data/ that have no wanted object: the
// wanted ones are those that were asked for, and those of the files with lines in
// them. The report names them.
func (v *verification) days() func(key string) string {
	first, last := dayOf(v.opt.From), cmp.Or(dayOf(v.opt.To), endOfDays)
	if v.incremental {
		first, last = endOfDays, ""
	}
	v.named = map[string]bool{}
	for r := range v.files() {
		for _, o := range r.Objects {
			v.named[o.Key] = true
			if key, err := archive.ParseKey(o.Key); err == nil && v.opt.overlaps(r.span()) {
				first, last = min(first, key.Day), max(last, key.Day)
			}
		}
	}
	switch {
	case first > last:
		v.found.leaveOut("no day below data/ was listed: no record names an object there that was not checked before")
	case first > "" && last < endOfDays:
		v.found.leaveOut("data/ was listed from %s to %s: other days were not", first, last)
	case first > "":
		v.found.leaveOut("data/ was listed from %s on: earlier days were not", first)
	case last < endOfDays:
		v.found.leaveOut("data/ was listed until %s: later days were not", last)
	}
	return between("data/", first, last)
}

// openDays leaves out the days below open/ on which no increment of a wanted file was
// stored: one that is open, or was finished since, began where the last file ended.
func openDays(v *verification) func(key string) string {
	first := dayOf(v.opt.From)
	if v.incremental {
		first = dayOf(v.opt.State.Time)
	}
	if first == "" {
		return between("open/", "", endOfDays)
	}
	begins := func(at time.Time) { first = min(first, dayOf(at.AddDate(0, 0, -1))) }
	for r := range v.files() {
		if from, to := r.span(); v.opt.overlaps(from, to) {
			begins(from)
		}
	}
	for _, l := range v.logs {
		for _, t := range l.trees {
			end := t.archived
			if t.base != nil && v.incremental {
				end = t.base.Archived.Time
			}
			begins(end)
		}
	}
	return between("open/", first, endOfDays)
}

// between returns a filter of the days below a prefix before the first and after the
// last.
func between(prefix, first, last string) func(key string) string {
	return func(key string) string {
		cluster, rest, ok := strings.Cut(key, "/dt=")
		switch {
		case !ok || strings.Contains(strings.TrimPrefix(cluster, prefix), "/"):
			return ""
		case rest[:min(len(rest), len(archive.DayLayout))] < first:
			return cluster + "/dt=" + first
		case rest[:min(len(rest), len(archive.DayLayout))] > last:
			return cluster + "/dt=" + endOfDays
		}
		return ""
	}
}

// endOfDays sorts after every day.
const endOfDays = "~"

func dayOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(archive.DayLayout)
}
