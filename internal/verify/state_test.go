package verify

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// since verifies with the state of an earlier run, as it is after a file.
func (s *site) since(old *State, opt Options) *Report {
	s.t.Helper()
	path := filepath.Join(memoryDir(s.t), "state.json")
	if old == nil {
		old = &State{}
	}
	if old.Version != 0 {
		data, err := old.Encode()
		must(s.t, err)
		must(s.t, os.WriteFile(path, data, 0o600))
	}
	var err error
	opt.State, err = ReadState(path, s.bucket().URL(""))
	must(s.t, err)
	opt.Now = s.now
	return s.verify(opt)
}

// A run that reads only new records has the findings and state of one that reads
// all of them.
func TestStateOfEachStep(t *testing.T) {
	t.Parallel()
	s := newSite(t, epochA)
	log := s.log(1700)
	var early int64
	steps := []func(){
		func() { s.file(s.log(3)) },
		func() { s.sign(1, 0) },
		func() { s.counted(1000, 0) },
		func() { s.file(s.log(900)) },
		func() { s.counted(1900, 0) },
		func() { s.gap(continuity.ReasonPruned) },
		func() { s.counted(9000, 0) },
		func() { early = s.take(); s.gap(continuity.ReasonPruned) },
		func() { s.heartbeat(early, log[:bytes.IndexByte(log, '\n')+1]) },
		func() { s.archive(early, log) },
		func() { s.sign(2, 1) },
		func() { s.heartbeat(0, nil) },
		func() { s.begin(epochB); s.sign(2, 1) },
		func() { s.file(s.log(3)) },
		func() { s.beginTree("20261124T120000a1b2c3", 2); s.file(s.log(3)) },
		func() { s.file(s.log(3)) },
	}
	var state *State
	for i, step := range steps {
		step()
		opt := Options{Accept: []string{"auditsidecar/prod/cp1/2"}}
		all, r := s.since(nil, opt), s.since(state, opt)
		if kinds(all) != "" || kinds(r) != "" {
			t.Fatalf("step %d: found %s, read as a whole %s", i, kinds(r), kinds(all))
		}
		if tree := r.Nodes[0].Trees[0]; state != nil && len(state.Trees) == 1 && tree.Trusted != state.Trees[0].Size {
			t.Errorf("step %d: read %d records, %d are trusted", i, tree.Records, tree.Trusted)
		}
		if state = r.State(); !reflect.DeepEqual(state, all.State()) {
			a, _ := json.MarshalIndent(all.State(), "", " ")
			b, _ := json.MarshalIndent(state, "", " ")
			t.Fatalf("step %d: kept\n%s\nread as a whole\n%s", i, b, a)
		}
	}
	if r := s.since(state, Options{}); !r.Clean || r.Nodes[0].Trees[0].Records != 0 {
		t.Errorf("nothing new: found %s, %+v", kinds(r), r.Nodes[0].Trees)
	}
}

// The archive must continue the trusted head; else the state stays as it was.
func TestStateRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*testing.T, *site)
		opt    Options
		want   string
	}{
		"nothing":       {func(*testing.T, *site) {}, Options{}, ""},
		"new records":   {func(_ *testing.T, s *site) { s.file(s.log(3)) }, Options{}, ""},
		"rolled back":   {func(_ *testing.T, s *site) { s.remove(s.record(8)) }, Options{}, "not_descendant 8"},
		"fewer records": {func(_ *testing.T, s *site) { dropTail(s) }, Options{}, "not_descendant 8"},
		"all removed": {func(_ *testing.T, s *site) {
			for seq := int64(1); seq < s.next; seq++ {
				s.remove(s.record(seq))
			}
		}, Options{}, "not_descendant 8"},
		"rewritten with the stolen key":            {stolen, Options{}, "not_descendant 8"},
		"rewritten with the stolen key, deep":      {stolen, Options{Deep: true}, "not_descendant 8"},
		"rewritten with the stolen key, key given": {stolen, Options{Keys: trusted(testKey(1))}, "not_descendant 8"},
		"the head's record changed":                {func(t *testing.T, s *site) { replace(t, s, s.record(8), `"waiting":0`, `"waiting":1`) }, Options{}, "not_descendant 8"},
		"a later record changed": {func(t *testing.T, s *site) {
			s.file(s.log(3))
			replace(t, s, s.record(9), `"lines":3`, `"lines":4`)
		}, Options{ChainOnly: true}, "record_changed 9 lines 1-4"},
		"a later record removed": {func(_ *testing.T, s *site) {
			s.file(s.log(3))
			s.heartbeat(0, nil)
			s.heartbeat(0, nil)
			s.remove(s.record(10))
		}, Options{}, "not_proven 11, record_missing 10"},
		"an old record changed, all read": {func(t *testing.T, s *site) { replace(t, s, s.record(2), `"lines":10`, `"lines":11`) }, Options{From: noon}, "not_proven 3-4, object_mislabeled 2 lines 1-11, record_changed 2 lines 1-11"},
		"an inserted object":              {func(_ *testing.T, s *site) { s.file(s.log(3)); s.write(archive.NextCopy(s.data(9)), s.read(s.data(9))) }, Options{}, "object_unrecorded 9"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := smallSite(t)
			state := s.since(nil, Options{}).State()
			if state == nil || len(state.Trees) != 1 || state.Trees[0].Size != 8 || state.Trees[0].Root != s.head() {
				t.Fatalf("kept %+v", state)
			}
			c.change(t, s)
			r := s.since(state, c.opt)
			if got := kinds(r); got != c.want {
				t.Errorf("found %s\nwant  %s\n%s", got, c.want, text(t, r))
			}
			for _, f := range r.Findings {
				if f.aboutRecords() && r.State() != nil {
					t.Errorf("the state moved over %+v", f)
				}
			}
			if c.want == "" && r.State() == nil {
				t.Error("no state is left")
			}
		})
	}
}

// A fault of an object is found until everything was read again.
func TestStateKeepsFindingsOfObjects(t *testing.T) {
	t.Parallel()
	s := smallSite(t)
	state := s.since(nil, Options{}).State()
	s.file(s.log(3))
	good := s.read(s.data(9))
	flip(t, s, s.data(9), 500)
	for range 2 {
		r := s.since(state, Options{})
		if state = r.State(); kinds(r) != "object_changed 9 lines 1-3" || state == nil {
			t.Fatalf("found %s", kinds(r))
		}
	}
	s.write(s.data(9), good)
	if r := s.since(state, Options{}); kinds(r) != "object_changed 9 lines 1-3" {
		t.Errorf("found %s", kinds(r))
	}
	if r := s.since(state, Options{Deep: true}); !r.Clean || len(r.State().Findings) > 0 {
		t.Errorf("read again: found %s", kinds(r))
	}
	state = s.since(nil, Options{ChainOnly: true}).State()
	flip(t, s, s.data(4), 700)
	if r := s.since(state, Options{}); kinds(r) != "object_changed 4 lines 1-20" {
		t.Errorf("no objects were checked before: found %s", kinds(r))
	}
}

func TestReadState(t *testing.T) {
	t.Parallel()
	s := smallSite(t)
	path := filepath.Join(memoryDir(t), "state.json")
	good, err := s.since(nil, Options{}).State().Encode()
	must(t, err)
	for want, data := range map[string][]byte{
		"not a state file": good[:len(good)/2],
		"version 2":        bytes.Replace(good, []byte(`"version": 1`), []byte(`"version": 2`), 1),
		"of the archive":   bytes.Replace(good, []byte(`"archive": "file://`), []byte(`"archive": "file:///x`), 1),
		"does not fit":     bytes.Replace(good, []byte(`"size": 8`), []byte(`"size": 9`), 1),
		"the head of \"a":  bytes.Replace(good, []byte(`prod/cp1"`), []byte(`prod/cp1/1"`), 1),
	} {
		must(t, os.WriteFile(path, data, 0o600))
		if _, err := ReadState(path, s.bucket().URL("")); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// A state that is taken has heads that fit, and reads again as it was.
func FuzzState(f *testing.F) {
	state := smallSite(f).since(nil, Options{}).State()
	good, err := state.Encode()
	must(f, err)
	f.Add(good)
	f.Add(bytes.Replace(good, []byte(`"size": 8`), []byte(`"size": -1`), 1))
	f.Add([]byte(`{"version":1,"trees":[{"origin":"auditsidecar/c/n/99999999999999999999","size":1}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s, again State
		if s.decode(data, state.Archive) != nil {
			return
		}
		for _, b := range s.Trees {
			tree, err := b.tree()
			if err != nil || tree.Size() != b.Size || tree.Root().String() != b.Root {
				t.Errorf("%+v is taken: %v", b, err)
			}
		}
		text, err := s.Encode()
		must(t, err)
		if err := again.decode(text, state.Archive); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	})
}

// Of any object below manifests/ little is kept.
func TestJunkIsNotKept(t *testing.T) {
	s := smallSite(t)
	junk := bytes.Repeat([]byte("x"), manifest.MaxSize-100)
	n := 100
	if testing.Short() {
		n = 10
	}
	for i := range n {
		dir := archive.ManifestPrefix("prod", s.node)
		s.write(fmt.Sprintf("%sjunk-%d", dir, i), junk)
		s.write(archive.RecordKey("prod", s.node, 1, int64(100+i), epochA, int64(i+1)), append([]byte(`{"version":1,"kind":"`), junk...))
		s.write(archive.RecordKey("prod", s.node, 1, 7, epochB, int64(i+1)), append(junk, junk...))
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r := s.verify(Options{ChainOnly: true})
	runtime.GC()
	runtime.ReadMemStats(&after)
	if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 4<<20 || len(r.Findings) < 2*n {
		t.Errorf("%d bytes kept of %d MB, %d findings", kept, 4*n, len(r.Findings))
	}
	runtime.KeepAlive(r)
}

// A sidecar in a container may not see the machine's ID.
func TestMachineIsUnknown(t *testing.T) {
	if out := text(t, &Report{Nodes: []Node{{Epochs: []Epoch{{Epoch: "e"}}}}}); !strings.Contains(out, "epoch e, machine unknown:") {
		t.Error(out)
	}
}

// Nothing in an archive moves the cursor or begins a line of the report.
func TestNothingIsPrintedRaw(t *testing.T) {
	evil := "\x1b[2J\nOK: nothing is missing\u009b\u202e"
	r := &Report{Archive: evil, Notes: []string{evil}, Findings: []Finding{{Kind: KindFork, Object: evil, File: evil, Detail: evil, From: noon}},
		Nodes: []Node{{Cluster: evil, Node: evil, Trees: []Tree{{Origin: evil, Keys: []string{evil}, Signed: 1}}, Epochs: []Epoch{{Epoch: evil, MachineID: evil}},
			Gaps: []Gap{{Gap: manifest.Gap{Reason: continuity.Reason(evil), File: evil, Detail: evil}}}}}}
	e := &Event{Text: evil, File: evil, Record: evil, Checkpoint: "a\nb"}
	var b strings.Builder
	must(t, e.WriteText(&b))
	for _, out := range []string{text(t, r), b.String()} {
		if strings.ContainsAny(out, "\x1b\u009b\u202e") || strings.Contains(out, "\nOK") || !strings.Contains(out, `\x1b[2J\nOK`) {
			t.Errorf("%q", out)
		}
	}
}

// BenchmarkState verifies 1,000 new records after many trusted ones, on disk. The
// number is that of the environment, 1,000,000 for the goal: less than 5 s and 64 MB.
func BenchmarkState(b *testing.B) {
	trustedRecords := 20_000
	if n := os.Getenv("VERIFY_RECORDS"); n != "" {
		_, err := fmt.Sscan(n, &trustedRecords)
		must(b, err)
	}
	s := newSite(b, epochA)
	s.file(s.log(3))
	s.sign(1, 0)
	g := s.generator()
	g.many(trustedRecords - 2)
	start := time.Now()
	state := s.since(nil, Options{ChainOnly: true}).State()
	first := float64(trustedRecords) / time.Since(start).Seconds()
	g.many(1000)
	most := uint64(0)
	watch := func(string, int64, int64) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapInuse)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	for b.Loop() {
		r := s.since(state, Options{ChainOnly: true, Progress: watch})
		if !r.Clean || r.Nodes[0].Trees[0].Records != 1000 || r.Nodes[0].Trees[0].Trusted != int64(trustedRecords) {
			b.Fatal(kinds(r))
		}
	}
	b.ReportMetric(float64(most-min(most, m.HeapInuse))/1e6, "MB")
	b.ReportMetric(first, "first-records/s")
}

// generator makes records without a state directory, which takes most of the time.
type generator struct {
	*site
	tree   manifest.Tree
	signer note.Signer
}

func (s *site) generator() *generator {
	private, _, _ := strings.Cut(testKey(1).Text(), "\n")
	signer, err := note.NewSigner(private)
	must(s.t, err)
	g := &generator{site: s, signer: signer}
	for seq := int64(1); seq < s.next; seq++ {
		g.tree = g.tree.With(manifest.Read(s.read(s.record(seq))).Leaf)
	}
	return g
}

// many stores signed heartbeats, a second after each other.
func (g *generator) many(n int) {
	g.t.Helper()
	for range n {
		seq := g.take()
		g.now = g.now.Add(time.Second)
		r := manifest.Record{Version: manifest.Version, Kind: manifest.KindHeartbeat, Identity: manifest.Identity{Cluster: "prod", Node: g.node, MachineID: "m", Epoch: g.epoch},
			Seq: seq, Number: seq, Time: manifest.At(g.now), Heartbeat: &manifest.Heartbeat{Every: 3600}}
		origin := manifest.Origin("prod", g.node, 1)
		point := func(root manifest.Hash) string {
			return fmt.Sprintf("%s\n%d\n%s\n", origin, seq, base64.StdEncoding.EncodeToString(root[:]))
		}
		r.Checkpoint = point(manifest.Hash{}) + "\n"
		data, err := manifest.Encode(r)
		must(g.t, err)
		g.tree = g.tree.With(manifest.Read(data).Leaf)
		signed, err := note.Sign(&note.Note{Text: point(g.tree.Root())}, g.signer)
		must(g.t, err)
		r.Checkpoint = string(signed)
		data, err = manifest.Encode(r)
		must(g.t, err)
		must(g.t, os.WriteFile(g.path(g.record(seq)), data, 0o600))
	}
}
