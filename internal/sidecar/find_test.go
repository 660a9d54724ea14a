package sidecar

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/catalog/catalogtest"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/shipper"
)

// TestFind looks for files of a lost epoch: recorded, taken up by a later epoch,
// given up as a gap, and never recorded.
func TestFind(t *testing.T) {
	s := catalogtest.Shelf{T: t, Dir: t.TempDir()}
	var rotated []string
	for i := range 6 {
		at := fmt.Sprintf("2026-11-22T12-0%d-00.000", i)
		rotated = append(rotated, at)
		s.File(catalogtest.EpochOne, int64(i+1), at, catalogtest.Line(fmt.Sprint(i), "22"))
	}
	s.Record(catalogtest.EpochOne, 1, catalogtest.FileRecord("recorded"))
	s.Record(catalogtest.EpochOne, 3, catalogtest.GapRecord())
	s.Record(catalogtest.EpochTwo, 8, catalogtest.FileRecord("taken up"),
		archive.Key{Kind: archive.KindData, Cluster: "c", Node: "n", Epoch: catalogtest.EpochOne, Seq: 2, Day: "2026-11-22", Rotated: rotated[1]})
	put(t, filepath.Join(s.Dir, catalogtest.RecordKey(catalogtest.EpochTwo, 7)), []byte("no record"))

	objects := &store{bucket: dirBucket(t, s.Dir), identity: config.Identity{Cluster: "c", Node: "n"}}
	for _, test := range []struct {
		at    string
		about bool
		want  string
	}{
		{rotated[0], false, "recorded"},
		{rotated[1], false, "taken up"},
		{rotated[2], false, "object 3"},
		{rotated[3], false, "object 4"},
		{"2026-11-22T12-03-30.000", false, ""},
		{"2026-11-22T12-03-30.000", true, "object 3 object 4 object 5 object 6"},
		{rotated[5], true, "object 4 object 5 object 6"},
		{"2026-11-21T23-59-59.000", true, "recorded taken up"},
		{"2026-11-24T00-00-00.000", true, ""},
	} {
		at, err := time.Parse(archive.RotatedLayout, test.at)
		must(t, err)
		found, err := objects.Find(t.Context(), at, test.about)
		must(t, err)
		if got := names(found); got != test.want {
			t.Errorf("at %s, about %v: found %q, want %q", test.at, test.about, got, test.want)
		}
	}
}

// TestEarlier looks for another life of the state: in the records of the node, and in the increments
// of the days for which they are kept.
func TestEarlier(t *testing.T) {
	day := func(ago int) string { return time.Now().UTC().AddDate(0, 0, -ago).Format(archive.DayLayout) }
	open := func(ago int, node, epoch string) string { return archive.OpenKey("c", day(ago), node, epoch, 1, 0, 9) }
	for name, test := range map[string]struct {
		key, want string
	}{
		"nothing":            {"data/x", ""},
		"a record":           {catalogtest.RecordKey(catalogtest.EpochOne, 1), catalogtest.EpochOne},
		"its own record":     {catalogtest.RecordKey(catalogtest.EpochTwo, 1), ""},
		"another node's":     {archive.RecordKey("c", "m", 1, 1, catalogtest.EpochOne, 1), ""},
		"an increment":       {open(1, "n", catalogtest.EpochOne), catalogtest.EpochOne},
		"one of a week ago":  {open(6, "n", catalogtest.EpochOne), catalogtest.EpochOne},
		"its own increment":  {open(1, "n", catalogtest.EpochTwo), ""},
		"of another node":    {open(1, "m", catalogtest.EpochOne), ""},
		"of another cluster": {strings.Replace(open(1, "n", catalogtest.EpochOne), "=c/", "=d/", 1), ""},
		"of a month ago":     {open(30, "n", catalogtest.EpochOne), ""},
		"not an increment":   {archive.OpenPrefix("c", day(1)) + "x.parquet", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, filepath.Join(dir, test.key), []byte("x"))
			objects := &store{bucket: dirBucket(t, dir), identity: config.Identity{Cluster: "c", Node: "n"}}
			if got, err := objects.Earlier(t.Context(), catalogtest.EpochTwo); got != test.want || err != nil {
				t.Errorf("%q, %v, want %q", got, err, test.want)
			}
		})
	}
}

// TestRecords reads the records of a tree from a number on, copies and other objects
// among them, across a thousand.
func TestRecords(t *testing.T) {
	s := catalogtest.Shelf{T: t, Dir: t.TempDir()}
	objects := &store{bucket: dirBucket(t, s.Dir), identity: config.Identity{Cluster: "c", Node: "n"}}
	if tree, err := objects.Tree(t.Context()); err != nil || tree != 0 {
		t.Errorf("an empty archive has tree %d, %v", tree, err)
	}
	for seq := int64(990); seq <= 1040; seq++ {
		s.Record(catalogtest.EpochOne, seq, catalogtest.GapRecord())
	}
	s.Again(catalogtest.RecordKey(catalogtest.EpochOne, 999), func([]byte) []byte { return []byte("damaged") })
	put(t, filepath.Join(s.Dir, archive.RecordKey("c", "n", 2, 1, catalogtest.EpochTwo, 1)), []byte("no record"))
	put(t, filepath.Join(s.Dir, archive.RecordKey("c", "n", 4, 1, catalogtest.EpochTwo, 1)), []byte("no record"))
	if tree, err := objects.Tree(t.Context()); err != nil || tree != 2 {
		t.Errorf("the last tree is %d, %v", tree, err)
	}
	for from, want := range map[int64]int64{1: 990, 990: 990, 998: 998, 1000: 1000, 1040: 1040, 1041: 0, 5000: 0} {
		var first, last int64
		damaged := 0
		for r, err := range objects.Records(t.Context(), 1, from) {
			must(t, err)
			switch {
			case r.Err != nil:
				damaged++
			case r.Entry.Number != r.Number:
				t.Errorf("number %d under the key of %d", r.Entry.Number, r.Number)
			}
			if first == 0 {
				first = r.Number
			}
			if r.Number < last {
				t.Errorf("number %d after %d", r.Number, last)
			}
			last = r.Number
		}
		if first != want || want > 0 && last != 1040 || (damaged == 1) != (want > 0 && from <= 999) {
			t.Errorf("from %d: %d to %d, %d damaged", from, first, last, damaged)
		}
	}
}

func names(found []shipper.Found) string {
	var all []string
	for _, f := range found {
		if f.Record != nil {
			all = append(all, f.Record.Source.Name)
		} else {
			all = append(all, fmt.Sprint("object ", f.Meta.Seq))
		}
	}
	return strings.Join(all, " ")
}

// TestI10_FindWhatWasStoredAgain: damaged objects stay in the archive, and a new
// epoch finds the copies that were confirmed.
func TestI10_FindWhatWasStoredAgain(t *testing.T) {
	const first, second = "2026-11-22T13-00-00.000", "2026-11-22T14-00-00.000"
	flip := func(data []byte) []byte {
		data[len(data)/2] ^= 1
		return data
	}
	key := func(seq int64, rotated string) archive.Key {
		return archive.Key{Kind: archive.KindData, Cluster: "c", Node: "n", Epoch: catalogtest.EpochOne, Seq: seq, Day: "2026-11-22", Rotated: rotated}
	}
	for name, spoil := range map[string]func([]byte) []byte{
		"a bit": flip,
		"cut":   func(data []byte) []byte { return data[:len(data)/3] },
		"same":  func(data []byte) []byte { return data },
	} {
		t.Run(name, func(t *testing.T) {
			s := catalogtest.Shelf{T: t, Dir: t.TempDir()}
			s.File(catalogtest.EpochOne, 1, first, catalogtest.Line("a", "22"))
			copied, err := archive.ParseKey(s.Again(key(1, first).String(), spoil))
			must(t, err)
			s.Record(catalogtest.EpochOne, 1, catalogtest.FileRecord("audit.log"), copied)
			s.Again(catalogtest.RecordKey(catalogtest.EpochOne, 1), spoil)
			s.File(catalogtest.EpochOne, 2, second, catalogtest.Line("b", "22"))
			s.Again(key(2, second).String(), spoil) // not recorded yet
			objects := &store{bucket: dirBucket(t, s.Dir), identity: config.Identity{Cluster: "c", Node: "n"}}
			for rotated, want := range map[string]string{first: "audit.log", second: "object 2"} {
				at, err := time.Parse(archive.RotatedLayout, rotated)
				must(t, err)
				found, err := objects.Find(t.Context(), at, false)
				must(t, err)
				if got := names(found); got != want {
					t.Errorf("at %s: found %q, want %q", rotated, got, want)
				}
			}
		})
	}
}
