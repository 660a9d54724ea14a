package verify

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/catalog"
	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

func TestThousandFilesAreClean(t *testing.T) {
	t.Parallel()
	s := newSite(t, epochA)
	s.sign(1, 0)
	log, files, last := s.log(3), int64(1000), "2026-11-23"
	if testing.Short() {
		files, last = 130, "2026-11-22"
	}
	for i := range files {
		s.file(log)
		if i%60 == 59 {
			s.heartbeat(0, nil)
		}
	}
	r := s.verify(Options{Keys: trusted(testKey(1)), ExpectHeads: []string{s.head()}, To: s.now})
	if !r.Clean || len(r.Notes) != 1 || r.Notes[0] != "data/ was listed until "+last+": later days were not" {
		t.Errorf("found %s, notes %q", kinds(r), r.Notes)
	}
	records := 1 + files + files/60
	if e, tree := r.Nodes[0].Epochs[0], r.Nodes[0].Trees[0]; e.Files != files || e.Lines != 3*files || e.Objects != files || e.Records != records ||
		tree.Signed != records || tree.Proven != records || tree.Head.Root != s.head() {
		t.Errorf("counted %+v, %+v", e, tree)
	}
}

// A correct state must have no finding: the states that a sidecar leaves.
func TestHonestArchives(t *testing.T) {
	checkHonest(t, map[string]honest{
		"a file that is still open": {func(s *site) {
			s.file(s.log(5))
			s.take() // of the open file
			s.gap(continuity.ReasonPruned)
			s.heartbeat(2, s.log(2))
		}, Options{Deep: true}, "number 2 is given"},
		"an object whose record comes later": {func(s *site) {
			s.file(s.log(5))
			s.file(s.log(5))
			s.remove(s.record(2))
		}, Options{}, "not recorded yet"},
		"a gap sealed before a file with a lower number": {func(s *site) {
			open := s.take()
			s.gap(continuity.ReasonPruned)
			s.archive(open, s.log(5))
		}, Options{Deep: true}, ""},
		"the second half": {func(s *site) {
			for range 6 {
				s.file(s.log(5))
			}
			s.remove(s.data(1), s.data(2))
		}, Options{From: noon.Add(3*time.Minute + time.Second)}, "data/ was listed from 2026-11-22 on"},
		"data that the lifecycle has deleted": {func(s *site) {
			s.file(s.log(5))
			s.remove(s.data(1))
			s.now = s.now.AddDate(0, 0, 31)
			s.file(s.log(5))
		}, Options{ExpireDays: 30, Deep: true}, "1 object gone, recorded more than 30 days ago"},
		"a clock that was set back": {func(s *site) {
			s.heartbeat(0, nil)
			s.now = s.now.Add(-time.Hour)
			s.heartbeat(0, nil)
		}, Options{}, "set back by 59m0s"},
		"a clock that was set back a little": {func(s *site) {
			s.heartbeat(0, nil)
			s.now = s.now.Add(-2 * time.Minute)
			s.heartbeat(0, nil)
		}, Options{}, ""},
		"another tree, accepted": {func(s *site) {
			s.file(s.log(5))
			s.beginTree(epochB, 2)
			s.file(s.log(5))
		}, Options{Accept: []string{"auditsidecar/prod/cp1/2"}}, "accepted: it begins at"},
		"recorded by the epoch after the one that stored it": {func(s *site) {
			s.file(s.log(5))
			s.begin(epochB)
			s.archiveAs(s.take(), catalog.ID{Epoch: epochA, Seq: 2}, append(s.log(3), event(1, noon.AddDate(0, 0, 1))...))
		}, Options{Deep: true}, "epoch " + epochB + " begins with record"},
		"an empty file": {func(s *site) { s.file(nil) }, Options{Deep: true}, ""},
		"no newline at the end": {func(s *site) {
			log := s.log(3)
			s.file(log[:len(log)-1])
		}, Options{Deep: true}, ""},
		"lines of two days": {func(s *site) {
			s.file(append(s.log(3), event(1, noon.AddDate(0, 0, 1))...))
		}, Options{Deep: true}, ""},
	})
}

func TestHonestKeys(t *testing.T) {
	checkHonest(t, map[string]honest{
		"a key that takes over": {func(s *site) {
			s.sign(1, 0)
			s.file(s.log(5))
			s.sign(2, 1)
			s.file(s.log(5))
		}, Options{Keys: trusted(testKey(1), testKeyFrom(2, 1))}, ""},
		"a key that takes over, by its handover": {func(s *site) {
			s.sign(1, 0)
			s.file(s.log(5))
			s.sign(2, 1)
			s.file(s.log(5))
		}, Options{}, ""},
		"keys for some numbers": {func(s *site) {
			s.sign(1, 0)
			s.file(s.log(5))
			s.sign(2, 1)
			s.file(s.log(5))
		}, Options{Keys: []manifest.TrustedKey{{Vkey: testKey(1).Vkey, Until: 2}, {Vkey: testKeyFrom(2, 1).Vkey, From: 3}}}, ""},
		"signed from some day on": {func(s *site) {
			s.file(s.log(5))
			s.sign(1, 0)
			s.file(s.log(5))
		}, Options{Keys: trusted(testKey(1))}, ""},
		"two epochs, one key": {func(s *site) {
			s.sign(1, 0)
			s.file(s.log(5))
			s.begin(epochB)
			s.sign(1, 0)
			s.file(s.log(5))
		}, Options{Keys: trusted(testKey(1))}, "epoch " + epochB + " begins with record"},
	})
}

func TestHonestHeartbeats(t *testing.T) {
	checkHonest(t, map[string]honest{
		"a file that was cut, as is recorded": {func(s *site) {
			log := s.log(30)
			s.heartbeat(3, log)
			s.gap(continuity.ReasonTruncated)
			s.file(log[:1000])
		}, Options{Deep: true}, ""},
		"heartbeats of a growing file": {func(s *site) {
			log := s.log(30)
			s.heartbeat(0, log[:0])
			s.heartbeat(0, log[:1000]) // in the middle of a line
			s.heartbeat(4, log)
			s.file(log)
		}, Options{Deep: true}, ""},
	})
}

// honest is an archive with nothing wrong, and its notes.
type honest struct {
	make func(*site)
	opt  Options
	note string
}

func checkHonest(t *testing.T, cases map[string]honest) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, epochA)
			c.make(s)
			r := s.verify(c.opt)
			if files := r.Nodes[0].Epochs[0].Files > 0; len(r.Findings) > 0 || r.Clean != files || strings.Contains(text(t, r), "\nOK") != files {
				t.Errorf("found %s", kinds(r))
				t.Log(text(t, r))
			}
			if notes := strings.Join(r.Notes, "; "); (c.note == "") != (notes == "") || !strings.Contains(notes, c.note) {
				t.Errorf("notes %q, want %q", notes, c.note)
			}
		})
	}
}

func TestOneOfTwoNodes(t *testing.T) {
	s := newSite(t, epochA)
	s.file(s.log(3))
	s.beginNode("cp2", epochA)
	s.file(s.log(4))
	flip(t, s, s.data(1), 300)
	if got := kinds(s.verify(Options{})); got != "object_changed 1 lines 1-4" {
		t.Errorf("both: %s", got)
	}
	if r := s.verify(Options{Cluster: "prod", Node: "cp1"}); !r.Clean || len(r.Nodes) != 1 || r.Nodes[0].Node != "cp1" {
		t.Errorf("cp1: %s", kinds(r))
	}
	if r := s.verify(Options{Cluster: "other"}); r.Clean {
		t.Error("a cluster that is not there is clean")
	}
}

// An inclusion proof leads from any line of a file to the root in its record,
// by the reference implementation's own check.
func TestEvent(t *testing.T) {
	t.Parallel()
	s := newSite(t, epochA)
	for lines := 1; lines <= 9; lines++ {
		s.file(s.log(lines))
	}
	big := make([]byte, 0, 1<<20)
	for i := range 1000 {
		big = fmt.Appendf(big, "%d %s\n", i, strings.Repeat("x", i*997%2000))
	}
	s.file(big[:len(big)-1])
	for seq, log := range s.files {
		lines := strings.Split(strings.TrimSuffix(string(log), "\n"), "\n")
		root, err := hex.DecodeString(s.decode(int64(seq + 1)).Source.MerkleRoot)
		must(t, err)
		for i := 0; i < len(lines); i += 1 + len(lines)/5 {
			e, r, err := Prove(t.Context(), s.bucket(), Options{}, EventID{Epoch: epochA, Seq: int64(seq + 1), Line: int64(i + 1)})
			must(t, err)
			if e.Text != lines[i] || !r.Clean {
				t.Errorf("record %d, line %d: %.80q; %s", seq+1, i+1, e.Text, kinds(r))
			}
			var path [][]byte
			for _, h := range e.Path {
				raw, err := hex.DecodeString(h)
				must(t, err)
				path = append(path, raw)
			}
			leaf := rfc6962.DefaultHasher.HashLeaf([]byte(lines[i]))
			must(t, proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(i), uint64(len(lines)), leaf, path, root))
			if err := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(i), uint64(len(lines)), rfc6962.DefaultHasher.HashLeaf([]byte("x")), path, root); err == nil {
				t.Error("the proof proves another line too")
			}
		}
	}
	last, _, err := Prove(t.Context(), s.bucket(), Options{}, EventID{Epoch: epochA, Seq: 7, Line: 1})
	must(t, err)
	point := strings.Split(last.Checkpoint, "\n")
	root, err := tlog.ParseHash(point[2])
	must(t, err)
	var inTree tlog.RecordProof
	hashOf := func(text string) (h tlog.Hash) {
		n, err := hex.Decode(h[:], []byte(text))
		if must(t, err); n != len(h) {
			t.Errorf("%q is not a hash", text)
		}
		return h
	}
	for _, h := range last.RecordPath {
		inTree = append(inTree, hashOf(h))
	}
	if err := tlog.CheckRecord(inTree, 7, root, 6, hashOf(last.RecordLeaf)); err != nil || point[1] != "7" || last.RecordNumber != 7 {
		t.Errorf("the record is not in the tree of its checkpoint %q: %v", point, err)
	}
	for id, want := range map[EventID]error{
		{epochA, 1, 2}:  ErrNoEvent,
		{epochA, 99, 1}: ErrNoEvent,
		{epochB, 1, 1}:  ErrNoEvent,
	} {
		if _, _, err := Prove(t.Context(), s.bucket(), Options{}, id); !errors.Is(err, want) {
			t.Errorf("%+v: %v", id, err)
		}
	}
	flip(t, s, s.data(9), 500)
	if e, _, err := Prove(t.Context(), s.bucket(), Options{}, EventID{epochA, 9, 1}); err == nil && e.Text != strings.Split(string(s.files[8]), "\n")[0] {
		t.Errorf("a damaged object proves %q", e.Text)
	}
}

func (s *site) bucket() *archive.Bucket {
	s.t.Helper()
	u := url.URL{Scheme: "file", Path: s.dir}
	b, err := archive.Open(s.t.Context(), u.String(), archive.S3Config{})
	must(s.t, err)
	return b
}

func FuzzParseEventID(f *testing.F) {
	f.Add(epochA + "/1/2")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseEventID(s)
		if err == nil && (id.Seq < 1 || id.Line < 1 || len(id.Epoch) != len(epochA)) {
			t.Fatalf("%q became %+v", s, id)
		}
	})
}

func TestReportForms(t *testing.T) {
	s := smallSite(t)
	flip(t, s, s.data(4), 700)
	r := s.verify(Options{})
	r.Archive, r.At = "file:///srv/audit", noon
	for _, want := range []string{"FINDING object_changed: " + s.data(4), "lines 1 to 20", "2026-11-22T12:02:00Z to 2026-11-22T12:03:30Z", "FAILED: 1 finding", "recorded gap: pruned"} {
		if got := text(t, r); !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	data, err := json.Marshal(r)
	must(t, err)
	var back Report
	must(t, json.Unmarshal(data, &back))
	if back.Clean || len(back.Findings) != 1 || back.Findings[0].Lines.To != 20 || back.Nodes[0].Epochs[0].Files != 4 {
		t.Errorf("as JSON: %s", data)
	}
}

// Records of a bucket are read with all requests in flight, also where each file is restored:
// its memory bounds the files only.
func TestDeepBoundsFilesOnly(t *testing.T) {
	s := newSite(t, epochA)
	v := verification{archive: s.delayed(0), opt: Options{Deep: true, Jobs: 2}}
	if got := v.opt.atOnce(v.workers()); v.workers() != Requests || got != 2 {
		t.Errorf("%d records, %d files at once; want %d, 2", v.workers(), got, Requests)
	}
	v.opt.Deep = false
	if got := v.opt.atOnce(v.workers()); got != Requests {
		t.Errorf("%d objects at once; want %d", got, Requests)
	}
}
