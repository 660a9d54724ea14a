package verify

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// found is an archive with its findings.
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
	})
}

func TestFindingsOfTrees(t *testing.T) {
	checkFound(t, map[string]found{
		"a number in the middle without a record": {func(s *site) {
			s.file(s.log(3))
			s.take()
			s.file(s.log(3))
		}, Options{}, "record_missing 2"},
		"a later tree": {func(s *site) {
			s.file(s.log(3))
			s.heartbeat(0, nil)
			s.beginTree(epochB, 2)
			s.file(s.log(3))
		}, Options{}, "second_tree 1"},
		"a later tree, another accepted": {func(s *site) {
			s.file(s.log(3))
			s.beginTree(epochB, 2)
			s.file(s.log(3))
		}, Options{Accept: []string{"auditsidecar/prod/cp1", "auditsidecar/prod/cp2/2", "auditsidecar/prod/cp1/3"}}, "second_tree 1"},
		"a later tree alone": {func(s *site) {
			s.beginTree(epochB, 2)
			s.file(s.log(3))
		}, Options{Accept: []string{"auditsidecar/prod/cp1/2"}}, "tree_missing"},
		"nothing of an epoch can be read": {func(s *site) {
			s.file(s.log(3))
			s.begin(epochB)
			s.gap(continuity.ReasonPruned)
			s.write(s.record(1), []byte("x"))
		}, Options{To: noon}, "record_unreadable 2"},
		"data deleted before the lifecycle does": {func(s *site) {
			first := s.file(s.log(3))
			s.now = s.now.AddDate(0, 0, 29)
			s.file(s.log(3))
			s.remove(s.data(first))
		}, Options{ExpireDays: 30}, "object_missing 1 lines 1-3"},
		"a whole epoch was removed": {func(s *site) {
			s.file(s.log(3))
			s.begin(epochB)
			first := s.file(s.log(3))
			second := s.file(s.log(3))
			s.remove(s.data(first), s.data(second), s.record(first), s.record(second))
			s.begin("20261124T120000a1b2c3")
			s.file(s.log(3))
		}, Options{}, "not_proven 4 lines 1-3, record_missing 2-3"},
		"the first epoch was removed": {func(s *site) {
			s.sign(1, 0)
			first := s.file(s.log(3))
			s.remove(s.data(first), s.record(first), s.record(1))
			s.begin(epochB)
			s.sign(1, 0)
			s.heartbeat(0, nil)
			s.file(s.log(3))
		}, Options{Keys: trusted(testKey(1))}, "not_proven 3-4, record_missing 1-2"},
		"a backdated heartbeat": {func(s *site) {
			s.file(s.log(3))
			s.heartbeat(0, nil)
			s.now = s.now.Add(time.Hour)
			s.heartbeat(0, nil)
			s.rewrite(nil, func(records []manifest.Record) []manifest.Record {
				records[1].Time = manifest.At(noon.Add(30 * time.Second))
				records[2].Time = manifest.At(noon.Add(-time.Hour))
				for i := range records {
					records[i].ClockStepped = false
				}
				return records
			})
			s.unstep(3)
		}, Options{}, "time_backwards 3"},
	})
}

func TestFindingsOfKeys(t *testing.T) {
	checkFound(t, map[string]found{
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
		}, Options{}, "unknown_key 3"},
		"unsigned in the next epoch": {func(s *site) {
			s.sign(1, 0)
			s.begin(epochB)
			s.file(s.log(3))
		}, Options{}, "unsigned 2 lines 1-3"},
		"the old key goes on": {func(s *site) {
			s.sign(1, 0)
			s.sign(2, 1)
			s.chain.SignWith(testKey(1))
			s.file(s.log(3))
		}, Options{}, "unknown_key 3 lines 1-3"},
		"the old key takes over again": {func(s *site) {
			s.sign(1, 0)
			s.sign(2, 1)
			s.sign(1, 0)
			s.file(s.log(3))
		}, Options{}, "unknown_key 3, unknown_key 4 lines 1-3"},
		"the old key takes over again, both given": {func(s *site) {
			s.sign(1, 0)
			s.sign(2, 1)
			s.sign(1, 0)
		}, Options{Keys: trusted(testKey(1), testKeyFrom(2, 1))}, "unknown_key 3"},
		"the old key hands over to another": {func(s *site) {
			s.sign(1, 0)
			s.sign(2, 1)
			s.sign(3, 1)
			s.file(s.log(3))
		}, Options{}, "unknown_key 3, unknown_key 4 lines 1-3"},
		"the old key begins an epoch": {func(s *site) {
			s.sign(1, 0)
			s.sign(2, 1)
			s.begin(epochB)
			s.sign(1, 0)
			s.file(s.log(3))
		}, Options{}, "unknown_key 3, unknown_key 4 lines 1-3"},
		"a handover, and only the first key was given": {func(s *site) {
			s.sign(1, 0)
			s.sign(2, 1)
			s.file(s.log(3))
		}, Options{Keys: trusted(testKey(1))}, "unknown_key 2-3"},
		"signed after the key's last number": {func(s *site) {
			s.sign(1, 0)
			s.heartbeat(0, nil)
			s.file(s.log(3))
		}, Options{Keys: []manifest.TrustedKey{{Vkey: testKey(1).Vkey, Until: 2}}}, "unknown_key 3 lines 1-3"},
		"signed before the key's first number": {func(s *site) {
			s.sign(1, 0)
			s.heartbeat(0, nil)
			s.file(s.log(3))
		}, Options{Keys: []manifest.TrustedKey{{Vkey: testKey(1).Vkey, From: 3}}}, "unknown_key 1-2"},
		"never signed": {func(s *site) { s.file(s.log(3)) }, Options{Keys: trusted(testKey(1))}, "unsigned"},
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

// Each time in which the log did not arrive is one finding; a silence that nothing
// explains does not count.
func TestFindingsOfTheInput(t *testing.T) {
	input := func(states ...manifest.InputState) func(*site) {
		return func(s *site) {
			s.file(s.log(3))
			for _, state := range states {
				h := &manifest.Heartbeat{Every: 60}
				if state != "" {
					h.Input = &manifest.Input{State: state, Since: manifest.At(s.now), Events: 7}
				}
				s.seal(manifest.Record{Kind: manifest.KindHeartbeat, Seq: s.take(), Heartbeat: h})
			}
		}
	}
	checkFound(t, map[string]found{
		"no file":             {input(manifest.InputNoFile), Options{}, "log_missing 2"},
		"for long":            {input(manifest.InputNoFile, manifest.InputNoFile), Options{}, "log_missing 3"},
		"twice":               {input(manifest.InputNoFile, "", manifest.InputNoFile, ""), Options{}, "log_missing 2, log_missing 4"},
		"losing":              {input("", manifest.InputLosing), Options{}, "log_silent 3"},
		"silent, then losing": {input(manifest.InputSilent, manifest.InputLosing), Options{}, "log_silent 3"},
		"silent":              {input(manifest.InputSilent), Options{}, ""},
	})
	s := newSite(t, epochA)
	input(manifest.InputSilent)(s)
	if got := text(t, s.verify(Options{})); !strings.Contains(got, "note: prod/cp1 "+epochA+": no line arrived from ") {
		t.Errorf("no note:\n%s", got)
	}
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

// counted is a heartbeat with kube-apiserver's counters. They start again each
// hour of the site's clock.
func (s *site) counted(events, failed int64) {
	s.t.Helper()
	s.seal(manifest.Record{Kind: manifest.KindHeartbeat, Seq: s.take(), Heartbeat: &manifest.Heartbeat{Every: 60, Server: &manifest.Server{
		Started: manifest.At(s.now.Truncate(time.Hour)), Before: events, After: events + 2, Errors: failed,
	}}})
}
