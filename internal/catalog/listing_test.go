package catalog

import (
	"slices"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

const (
	epochA = "20261122T110000aaaaaa"
	epochB = "20261122T120000bbbbbb"
)

func data(seq int64, copied int) archive.Key {
	return archive.Key{Kind: archive.KindData, Cluster: "c", Node: "n", Epoch: epochA, Seq: seq,
		Day: "2026-11-22", Rotated: "2026-11-22T13-00-00.000", Copy: copied}
}

func open(epoch string, from, to int64, copied int) archive.Key {
	return archive.Key{Kind: archive.KindOpen, Cluster: "c", Day: "2026-11-22", Node: "n", Epoch: epoch, Seq: 1, From: from, To: to, Copy: copied}
}

// TestI10_Confirmed: of the copies of an object one is left.
func TestI10_Confirmed(t *testing.T) {
	for name, test := range map[string]struct {
		stored []archive.Key
		record []archive.Key // that the file's record names; nil: there is no record
		want   []archive.Key
	}{
		"one copy":                         {stored: []archive.Key{data(1, 0)}, want: []archive.Key{data(1, 0)}},
		"no record: the last":              {stored: []archive.Key{data(1, 0), data(1, 2), data(1, 10)}, want: []archive.Key{data(1, 10)}},
		"the record names the first":       {stored: []archive.Key{data(1, 0), data(1, 2)}, record: []archive.Key{data(1, 0)}, want: []archive.Key{data(1, 0)}},
		"the record names one between":     {stored: []archive.Key{data(1, 0), data(1, 2), data(1, 3)}, record: []archive.Key{data(1, 2)}, want: []archive.Key{data(1, 2)}},
		"the record names none of them":    {stored: []archive.Key{data(1, 0), data(1, 2)}, record: []archive.Key{data(2, 0)}, want: []archive.Key{data(1, 2)}},
		"two files":                        {stored: []archive.Key{data(1, 0), data(2, 0), data(1, 2)}, want: []archive.Key{data(2, 0), data(1, 2)}},
		"an increment: the last, always":   {stored: []archive.Key{open(epochA, 0, 9, 0), open(epochA, 0, 9, 2)}, record: []archive.Key{open(epochA, 0, 9, 0)}, want: []archive.Key{open(epochA, 0, 9, 2)}},
		"other bytes are another object":   {stored: []archive.Key{open(epochA, 0, 9, 0), open(epochA, 0, 8, 2)}, want: []archive.Key{open(epochA, 0, 9, 0), open(epochA, 0, 8, 2)}},
		"an object without a name of ours": {stored: []archive.Key{{}}, want: []archive.Key{{}}},
	} {
		t.Run(name, func(t *testing.T) {
			var stored []Object
			for _, key := range test.stored {
				stored = append(stored, Object{name: "x/" + key.String(), Key: key})
			}
			left, err := confirmed(stored, func(ID) (*manifest.Record, error) {
				if test.record == nil {
					return nil, nil //nolint:nilnil // there is none
				}
				var r manifest.Record
				for _, key := range test.record {
					r.Objects = append(r.Objects, manifest.Object{Key: key.String()})
				}
				return &r, nil
			})
			var got []archive.Key
			for _, o := range left {
				got = append(got, o.Key)
			}
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("left %v, %v; want %v", got, err, test.want)
			}
		})
	}
}

func TestKeyIn(t *testing.T) {
	key := data(1, 0).String()
	for name, test := range map[string]struct {
		path, name string
		want       archive.Key
	}{
		"an archive's object":              {path: "", name: key, want: data(1, 0)},
		"deeper in an archive":             {path: "", name: "data/" + key},
		"a name of another":                {path: "", name: "data/x.parquet"},
		"a copied archive":                 {path: "/srv/copy", name: key, want: data(1, 0)},
		"an archive below a directory":     {path: ".", name: "a/b/" + key, want: data(1, 0)},
		"a directory within an archive":    {path: "data/cluster=c", name: key[len("data/cluster=c/"):], want: data(1, 0)},
		"an increment":                     {path: "/srv", name: "a/" + open(epochA, 0, 9, 2).String(), want: open(epochA, 0, 9, 2)},
		"any file in a directory":          {path: "/srv", name: "mine.parquet"},
		"a directory without the cluster=": {path: "/srv", name: key[len("data/cluster=c/"):]},
	} {
		if got := (Location{Path: test.path}).keyIn(test.name); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}
