package verify

import (
	"bytes"
	"crypto/ed25519"
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

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/catalog"
	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

func TestThousandFilesAreClean(t *testing.T) {
	t.Parallel()
	s := newSite(t, epochA)
	s.sign(1, 0)
	log := s.log(3)
	for i := range 1000 {
		s.file(log)
		if i%60 == 59 {
			s.heartbeat(0, nil)
		}
	}
	r := s.verify(Options{Keys: []ed25519.PublicKey{publicOf(1)}, ExpectHead: s.head(), To: s.now})
	if !r.Clean || len(r.Notes) > 0 {
		t.Errorf("found %s, notes %q", kinds(r), r.Notes)
	}
	if e := r.Nodes[0].Epochs[0]; e.Files != 1000 || e.Lines != 3000 || e.Objects != 1000 || e.Signed != e.Records || e.Records != 1017 {
		t.Errorf("counted %+v", e)
	}
}

// What is not wrong must not be found: the states that a sidecar leaves.
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
		"a key that takes over": {func(s *site) {
			s.sign(1, 0)
			s.file(s.log(5))
			s.sign(2, 1)
			s.file(s.log(5))
		}, Options{Keys: []ed25519.PublicKey{publicOf(1)}}, ""},
		"signed from some day on": {func(s *site) {
			s.file(s.log(5))
			s.sign(1, 0)
			s.file(s.log(5))
		}, Options{Keys: []ed25519.PublicKey{publicOf(1)}}, ""},
		"two epochs, one key": {func(s *site) {
			s.sign(1, 0)
			s.file(s.log(5))
			s.begin(epochB)
			s.sign(1, 0)
			s.file(s.log(5))
		}, Options{Keys: []ed25519.PublicKey{publicOf(1)}}, "epoch " + epochB + " follows"},
		"the second half": {func(s *site) {
			for range 6 {
				s.file(s.log(5))
			}
			s.remove(s.record(1), s.data(2), s.record(2))
		}, Options{From: noon.Add(3*time.Minute + time.Second)}, "checked from record 3 on"},
		"recorded by the epoch after the one that stored it": {func(s *site) {
			s.file(s.log(5))
			s.begin(epochB)
			s.archiveAs(s.take(), catalog.ID{Epoch: epochA, Seq: 2}, append(s.log(3), event(1, noon.AddDate(0, 0, 1))...))
		}, Options{Deep: true}, "epoch " + epochB + " follows"},
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

// honest is an archive with nothing wrong, and what is noted of it.
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
			if !r.Clean {
				t.Errorf("found %s", kinds(r))
				t.Log(text(t, r))
			}
			if notes := strings.Join(r.Notes, "; "); (c.note == "") != (notes == "") || !strings.Contains(notes, c.note) {
				t.Errorf("notes %q, want %q", notes, c.note)
			}
		})
	}
}

// found is an archive and what is found in it.
type found struct {
	make func(*site)
	opt  Options
	want string
}

func TestFindings(t *testing.T) {
	checkFound(t, map[string]found{
		"no archive at all": {func(*site) {}, Options{}, "tail_missing"},
		"the open file was edited": {func(s *site) {
			log := s.log(30)
			at := bytes.Index(log, []byte(`"verb":"get"`))
			s.heartbeat(3, log[:len(log)/3])
			s.heartbeat(3, log[:len(log)/2])
			edited := bytes.Clone(log)
			copy(edited[at:], `"verb":"put"`)
			s.file(edited)
		}, Options{Deep: true}, "log_edited 3 lines 1-11"},
		"edited later in the file": {func(s *site) {
			log := s.log(30)
			lines := bytes.SplitAfter(log, []byte("\n"))
			s.heartbeat(3, bytes.Join(lines[:10], nil))
			s.heartbeat(3, bytes.Join(lines[:20], nil))
			s.file(bytes.Replace(log, []byte(`"auditID":"00000014"`), []byte(`"auditID":"00000041"`), 1))
		}, Options{Deep: true}, "log_edited 3 lines 11-20"},
		"the open file was cut": {func(s *site) {
			log := s.log(30)
			s.heartbeat(2, log)
			s.file(log[:len(log)/2])
		}, Options{}, "log_edited 2 lines 1-16"},
		"the sidecar found an edit": {func(s *site) { s.gap(continuity.ReasonEdited) }, Options{}, "log_edited 1"},
		"a number in the middle without a record": {func(s *site) {
			s.file(s.log(3))
			s.take()
			s.file(s.log(3))
		}, Options{}, "record_missing 2"},
		"a later epoch": {func(s *site) {
			s.file(s.log(3))
			s.heartbeat(0, nil)
			s.begin(epochB)
			s.now = s.now.Add(3 * time.Hour)
			s.file(s.log(3))
		}, Options{}, "uncovered"},
		"another key, first use": {func(s *site) {
			s.sign(1, 0)
			s.file(s.log(3))
			s.sign(2, 0)
			s.file(s.log(3))
		}, Options{}, "unknown_key 3, unknown_key 4 lines 1-3"},
		"another key in the next epoch": {func(s *site) {
			s.sign(1, 0)
			s.file(s.log(3))
			s.begin(epochB)
			s.sign(2, 0)
		}, Options{}, "unknown_key 1"},
		"unsigned in the next epoch": {func(s *site) {
			s.sign(1, 0)
			s.begin(epochB)
			s.file(s.log(3))
		}, Options{}, "unsigned"},
		"nothing of an epoch can be read": {func(s *site) {
			s.file(s.log(3))
			s.begin(epochB)
			s.gap(continuity.ReasonPruned)
			s.write(s.record(1), []byte("x"))
		}, Options{To: noon}, "record_unreadable 1"},
		"the old key goes on": {func(s *site) {
			s.sign(1, 0)
			s.sign(2, 1)
			s.chain.SignWith(testKey(1))
			s.file(s.log(3))
		}, Options{}, "unknown_key 3 lines 1-3"},
		"never signed": {func(s *site) { s.file(s.log(3)) }, Options{Keys: []ed25519.PublicKey{publicOf(1)}}, "unsigned"},
	})
}

func TestCounts(t *testing.T) {
	checkFound(t, map[string]found{
		"fewer lines than events": {func(s *site) {
			s.counted(1000, 0)
			s.file(s.log(3))
			s.counted(5000, 0)
		}, Options{}, "count_mismatch 3"},
		"more lines than events": {func(s *site) {
			s.counted(1000, 0)
			s.file(s.log(1700))
			s.counted(1010, 0)
		}, Options{}, "count_mismatch 3"},
		"as many lines as events": {func(s *site) {
			s.counted(1000, 0)
			s.file(s.log(900))
			s.counted(1900, 0)
			s.counted(5900, 4000) // errors: those were not written
		}, Options{}, ""},
		"the counters began anew": {func(s *site) {
			s.counted(100000, 0)
			s.now = s.now.Add(time.Hour)
			s.counted(10, 0)
		}, Options{}, ""},
		"a gap explains the difference": {func(s *site) {
			s.counted(1000, 0)
			s.gap(continuity.ReasonPruned)
			s.counted(5000, 0)
		}, Options{}, ""},
	})
}

func checkFound(t *testing.T, cases map[string]found) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, epochA)
			c.make(s)
			r := s.verify(c.opt)
			if got := kinds(r); got != c.want {
				t.Errorf("found %s\nwant  %s", got, c.want)
				t.Log(text(t, r))
			}
			for _, f := range r.Findings {
				if f.Detail == "" || f.From.IsZero() && f.To.IsZero() && f.Kind != KindTailMissing && f.Kind != KindRecordUnreadable {
					t.Errorf("no detail or no time: %+v", f)
				}
			}
		})
	}
}

// counted is a heartbeat with kube-apiserver's counters. They begin anew each
// hour of the site's clock.
func (s *site) counted(events, failed int64) {
	s.t.Helper()
	s.seal(manifest.Record{Kind: manifest.KindHeartbeat, Seq: s.take(), Heartbeat: &manifest.Heartbeat{Every: 60, Server: &manifest.Server{
		Started: manifest.At(s.now.Truncate(time.Hour)), Before: events, After: events + 2, Errors: failed,
	}}})
}

func TestOneOfTwoNodes(t *testing.T) {
	s := newSite(t, epochA)
	s.file(s.log(3))
	s.node = "cp2"
	s.begin(epochA)
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
