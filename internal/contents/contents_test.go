package contents

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

var must = audittest.Must

var began = time.Date(2026, 11, 20, 6, 0, 0, 0, time.UTC)

// site is an archive with days of two files and a gap each, of one node.
type site struct {
	t      *testing.T
	dir    string
	bucket *archive.Bucket
}

func newSite(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	bucket, err := archive.Open(t.Context(), "file://"+dir, archive.S3Config{})
	must(t, err)
	return &site{t, dir, bucket}
}

func (s *site) write(key string, content []byte) {
	s.t.Helper()
	path := filepath.Join(s.dir, filepath.FromSlash(key))
	must(s.t, errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, content, 0o600)))
}

// node stores the records of some days, and the rollups of all but the last.
func (s *site) node(name string, days int) {
	s.t.Helper()
	id := manifest.Identity{Cluster: "prod", Node: name, Epoch: "20261120T060000a1b2c3"}
	chain, err := manifest.Open(durable.OS(), s.t.TempDir(), id, manifest.Begins{Reason: manifest.BeginNew}, manifest.Head{Tree: 1})
	must(s.t, err)
	var before manifest.Tree
	for day := range days {
		r := manifest.NewRollup("prod", name, 1, before)
		for i := range 3 {
			at := began.AddDate(0, 0, day).Add(time.Duration(i) * time.Hour)
			record := manifest.Record{Kind: manifest.KindFile, Seq: int64(3*day + i + 1), Time: manifest.At(at), Source: &manifest.Source{
				Name: fmt.Sprintf("audit-%d.log", i), Size: 1000, Lines: 10, SHA256: strings.Repeat("a", 64), MerkleRoot: strings.Repeat("b", 64),
				First: manifest.At(at.Add(-time.Hour)), Last: manifest.At(at), Rotated: manifest.At(at), FinalNewline: true,
			}, Counts: manifest.Counts{Levels: map[string]int64{"Metadata": 10}, Stages: map[string]int64{"ResponseComplete": 10}}}
			if i == 2 {
				record.Kind, record.Source, record.Counts = manifest.KindGap, nil, manifest.Counts{}
				record.Gaps = []manifest.Gap{{Reason: continuity.ReasonPruned, Bytes: 7, To: record.Time}}
			}
			sealed, err := chain.Seal(record)
			must(s.t, err)
			data, err := os.ReadFile(sealed.Path)
			must(s.t, err)
			must(s.t, errors.Join(chain.Keep(sealed), chain.Remove(sealed)))
			e := manifest.Read(data)
			must(s.t, e.Err)
			r.Add(&e)
			before = before.With(e.Leaf)
			s.write(s.record(name, e.Number), data)
		}
		if asJSON, _, err := r.Seal(nil); day < days-1 {
			must(s.t, err)
			s.write(archive.RollupKey("prod", name, 1, r.Day, "json"), asJSON)
		}
	}
}

func (s *site) record(node string, number int64) string {
	return archive.Key{Kind: archive.KindManifest, Cluster: "prod", Node: node, Epoch: "20261120T060000a1b2c3", Seq: number, Tree: 1, Number: number}.String()
}

func (s *site) read(opt Options) ([]Day, []string) {
	s.t.Helper()
	var notes []string
	var mu sync.Mutex
	opt.Note = func(text string) {
		mu.Lock()
		defer mu.Unlock()
		notes = append(notes, text)
	}
	days, err := Read(s.t.Context(), s.bucket, opt)
	must(s.t, err)
	return days, notes
}

// Rollups stand for their records, which need not be there; the newest are read.
func TestRead(t *testing.T) {
	s := newSite(t)
	s.node("cp1", 3)
	s.node("cp2", 1)
	for number := range int64(6) {
		must(t, os.Remove(filepath.Join(s.dir, s.record("cp1", number+1))))
	}
	days, notes := s.read(Options{})
	if len(notes) > 0 || len(days) != 4 {
		t.Fatalf("%d days, notes %q", len(days), notes)
	}
	for i, d := range days {
		first := began.AddDate(0, 0, i%3)
		if d.Files != 2 || d.Lines != 20 || d.Bytes != 2000 || d.Records != 3 || len(d.Gaps) != 1 || !slices.Equal(d.Epochs, []string{"20261120T060000a1b2c3"}) ||
			!d.First.Equal(first.Add(-time.Hour)) || !d.Last.Equal(first.Add(time.Hour)) || !d.Recorded.Equal(first.Add(2*time.Hour)) {
			t.Errorf("day %d: %+v", i, d)
		}
	}
	nodes := Nodes(days)
	if len(nodes) != 2 || nodes[0].Node != "cp1" || nodes[0].Files != 6 || len(nodes[0].Gaps) != 3 || !nodes[0].Recorded.Equal(days[2].Recorded) || nodes[1].Files != 2 {
		t.Errorf("nodes %+v", nodes)
	}
	if one, _ := s.read(Options{Cluster: "prod", Node: "cp2"}); len(one) != 1 || one[0].Node != "cp2" {
		t.Errorf("cp2 alone: %+v", one)
	}
}

// Of a day without its rollup, or with an invalid one, the records count.
func TestReadWithoutRollups(t *testing.T) {
	whole := newSite(t)
	whole.node("cp1", 3)
	want, _ := whole.read(Options{})
	for name, change := range map[string]func(s *site, key string){
		"removed": func(s *site, key string) { must(t, os.Remove(filepath.Join(s.dir, key))) },
		"damaged": func(s *site, key string) { s.write(key, []byte("{}\n")) },
		"empty":   func(s *site, key string) { s.write(key, nil) },
	} {
		for _, day := range []string{"2026-11-20", "2026-11-21"} {
			s := newSite(t)
			s.node("cp1", 3)
			change(s, archive.RollupKey("prod", "cp1", 1, day, "json"))
			if got, _ := s.read(Options{}); fmt.Sprint(Nodes(got)) != fmt.Sprint(Nodes(want)) || len(got) != len(want) {
				t.Errorf("%s, %s: %+v, want %+v", name, day, got, want)
			}
		}
	}
	s := newSite(t)
	s.node("cp1", 2)
	s.write(s.record("cp1", 6), []byte("no record"))
	days, notes := s.read(Options{})
	if len(days) != 2 || days[1].Records != 2 || len(notes) != 1 || !strings.Contains(notes[0], "-00000006.json") {
		t.Errorf("a damaged record: %+v, notes %q", days, notes)
	}
}
