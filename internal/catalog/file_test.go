package catalog

import (
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// Group keeps together the objects of one file, for very many of them.
func TestGroup(t *testing.T) {
	var all []Object
	const files = 100_000
	for day := range 2 {
		for n := range files {
			key := archive.Key{Kind: archive.KindData, Cluster: "c", Node: "n", Epoch: "e", Seq: int64(n*7919%files) + 1}
			all = append(all, Object{Key: key, Name: string(rune('a' + day))})
		}
	}
	got := Group(all)
	for i, f := range got {
		if f.Seq != int64(i+1) || len(f.Objects) != 2 || f.Objects[0].Name != "a" || f.Objects[1].Name != "b" {
			t.Fatalf("file %d is %+v", i, f)
		}
	}
	if len(got) != files {
		t.Errorf("%d files", len(got))
	}
}

func TestExtent(t *testing.T) {
	for name, test := range map[string]struct {
		parts []archive.Key
		want  int64
	}{
		"none":                          {want: 0},
		"one":                           {parts: []archive.Key{open(epochA, 0, 9, 0)}, want: 9},
		"joined, in any order":          {parts: []archive.Key{open(epochA, 9, 12, 0), open(epochA, 0, 9, 0)}, want: 12},
		"the longest of one beginning":  {parts: []archive.Key{open(epochA, 0, 5, 0), open(epochA, 0, 9, 0), open(epochA, 9, 12, 0)}, want: 12},
		"a hole":                        {parts: []archive.Key{open(epochA, 0, 9, 0), open(epochA, 10, 12, 0)}, want: 9},
		"nothing at the beginning":      {parts: []archive.Key{open(epochA, 3, 9, 0)}, want: 0},
		"two copies of one increment":   {parts: []archive.Key{open(epochA, 0, 9, 0), open(epochA, 0, 9, 2), open(epochA, 9, 10, 0)}, want: 10},
		"a shorter one within a longer": {parts: []archive.Key{open(epochA, 0, 9, 0), open(epochA, 0, 5, 0), open(epochA, 5, 7, 0)}, want: 9},
	} {
		var all []Object
		for _, key := range test.parts {
			all = append(all, Object{Key: key})
		}
		var got int64
		for _, f := range Group(all) {
			got = f.Extent()
		}
		if got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

// A file with increments gives way to the one that has more of it, and of equals
// to the later epoch.
func TestOutranks(t *testing.T) {
	file := func(epoch string, to int64) *File {
		return Group([]Object{{Key: open(epoch, 0, to, 0)}})[0]
	}
	for name, test := range map[string]struct {
		a, b *File
		want bool
	}{
		"more":         {a: file(epochA, 9), b: file(epochB, 8), want: true},
		"less":         {a: file(epochB, 8), b: file(epochA, 9), want: false},
		"the later":    {a: file(epochB, 9), b: file(epochA, 9), want: true},
		"the earlier":  {a: file(epochA, 9), b: file(epochB, 9), want: false},
		"one and same": {a: file(epochA, 9), b: file(epochA, 9), want: false},
	} {
		if got := test.a.outranks(test.b); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// The number of a file is its objects', if an earlier epoch stored them.
func TestIDOfRecord(t *testing.T) {
	record := func(epoch string, seq int64, objects ...archive.Key) *manifest.Record {
		r := &manifest.Record{Seq: seq}
		r.Cluster, r.Node, r.Epoch = "c", "n", epoch
		for _, key := range objects {
			r.Objects = append(r.Objects, manifest.Object{Key: key.String()})
		}
		return r
	}
	for name, test := range map[string]struct {
		record *manifest.Record
		want   ID
	}{
		"no objects":               {record: record(epochA, 3), want: ID{"c", "n", epochA, 3}},
		"its own objects":          {record: record(epochA, 3, data(3, 0)), want: ID{"c", "n", epochA, 3}},
		"objects of another epoch": {record: record(epochB, 3, data(7, 0)), want: ID{"c", "n", epochA, 7}},
		"of another number":        {record: record(epochA, 3, data(7, 0)), want: ID{"c", "n", epochA, 3}},
		"of a later epoch":         {record: record("20261121T110000aaaaaa", 3, data(7, 0)), want: ID{"c", "n", "20261121T110000aaaaaa", 3}},
	} {
		if got := IDOfRecord(test.record); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestWithin(t *testing.T) {
	day := func(s string) (t time.Time) {
		t, _ = time.Parse(time.DateOnly, s)
		return t
	}
	for name, test := range map[string]struct {
		objects     []Object
		first, last string
		want        bool
	}{
		"no bounds":               {objects: []Object{{Key: data(1, 0)}}, want: true},
		"its day":                 {objects: []Object{{Key: data(1, 0)}}, first: "2026-11-22", last: "2026-11-22", want: true},
		"before":                  {objects: []Object{{Key: data(1, 0)}}, last: "2026-11-21", want: false},
		"after":                   {objects: []Object{{Key: data(1, 0)}}, first: "2026-11-23", want: false},
		"a day that is not known": {objects: []Object{{}}, first: "2026-11-23", want: true},
		"increments":              {objects: []Object{{Key: open(epochA, 0, 9, 0)}}, first: "2026-11-23", want: true},
	} {
		if got := Group(test.objects)[0].Within(day(test.first), day(test.last)); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
