package cli

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/shipper"
)

// recordOf stores a record of an epoch's chain, alone, that names objects of
// another number.
func (s shelf) recordOf(epoch string, seq int64, r manifest.Record, objects ...archive.Key) {
	s.t.Helper()
	for _, key := range objects {
		r.Objects = append(r.Objects, manifest.Object{Key: key.String(), SHA256: strings.Repeat("a", 64)})
	}
	chain, err := manifest.Open(durable.OS(), s.t.TempDir(), manifest.Identity{Cluster: "c", Node: "n", Epoch: epoch}, manifest.Head{})
	must(s.t, err)
	r.Seq, r.Time = seq, manifest.At(time.Now())
	sealed, err := chain.Seal(r)
	must(s.t, err)
	put(s.t, filepath.Join(s.dir, archive.ManifestKey("c", "n", epoch, seq)), readFile(s.t, sealed.Path))
}

func fileRecord(name string) manifest.Record {
	return manifest.Record{Kind: manifest.KindFile, Source: &manifest.Source{Name: name, SHA256: strings.Repeat("b", 64)}}
}

// TestFind looks for files of a lost epoch: recorded, taken up by a later epoch,
// given up as a gap, and never recorded.
func TestFind(t *testing.T) {
	s := shelf{t: t, dir: t.TempDir()}
	var rotated []string
	for i := range 6 {
		at := fmt.Sprintf("2026-11-22T12-0%d-00.000", i)
		rotated = append(rotated, at)
		s.file(epochOne, int64(i+1), at, logLine(fmt.Sprint(i), "22"))
	}
	s.recordOf(epochOne, 1, fileRecord("recorded"))
	s.recordOf(epochOne, 3, manifest.Record{Kind: manifest.KindGap, Gaps: []manifest.Gap{{Reason: manifest.ReasonDiskBudget}}})
	s.recordOf(epochTwo, 8, fileRecord("taken up"),
		archive.Key{Kind: archive.KindData, Cluster: "c", Node: "n", Epoch: epochOne, Seq: 2, Day: "2026-11-22", Rotated: rotated[1]})
	put(t, filepath.Join(s.dir, archive.ManifestKey("c", "n", epochTwo, 7)), []byte("no record"))

	bucket, err := openBucket(t.Context(), config.Archive{URL: "file://" + s.dir}, t.TempDir())
	must(t, err)
	objects := &store{bucket: bucket, identity: config.Identity{Cluster: "c", Node: "n"}, epoch: "20261123T120000cccccc"}
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
