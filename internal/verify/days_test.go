package verify

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// rollUp stores the rollup of the records from one to another of the present node's tree
// as its key would make it, and returns its key.
func (s *site) rollUp(tree int, from, to int64, key *manifest.SigningKey) string {
	s.t.Helper()
	var before manifest.Tree
	var r *manifest.Rollup
	for n := int64(1); n <= to; n++ {
		if n == from {
			r = manifest.NewRollup("prod", s.node, tree, before)
		}
		e := manifest.Read(s.read(s.numbered(tree, n)))
		must(s.t, e.Err)
		before = before.With(e.Leaf)
		if r != nil {
			r.Add(&e)
		}
	}
	return s.storeRollup(r, key)
}

func (s *site) storeRollup(r *manifest.Rollup, key *manifest.SigningKey) string {
	s.t.Helper()
	data, columns, err := r.Seal(key)
	must(s.t, err)
	s.write(archive.RollupKey("prod", r.Node, int(r.Tree), r.Day, "parquet"), columns)
	at := archive.RollupKey("prod", r.Node, int(r.Tree), r.Day, "json")
	s.write(at, data)
	return at
}

// numbered is the key of the record with a number.
func (s *site) numbered(tree int, number int64) string {
	s.t.Helper()
	prefix := archive.NumberPrefix("prod", s.node, tree, number)
	for _, key := range s.keys {
		if strings.HasPrefix(key, prefix+"-") {
			return key
		}
	}
	s.t.Fatalf("no record %d", number)
	return ""
}

// dailySite has four days of three records each: a file, a gap and a heartbeat, after a
// key record on the first if it is signed; and the rollups of the days but the last.
func dailySite(t testing.TB, key *manifest.SigningKey) *site {
	s := newSite(t, epochA)
	first := int64(1)
	for day := range 4 {
		if day > 0 {
			s.now = noon.AddDate(0, 0, day)
		}
		if day == 0 && key != nil {
			s.sign(1, 0)
		}
		s.file(s.log(10))
		s.gap(continuity.ReasonPruned)
		s.heartbeat(0, nil)
		if last := s.chain.StoredHead().Number; day < 3 {
			s.rollUp(1, first, last, key)
			first = last + 1
		}
	}
	return s
}

func (s *site) rollup(day int) string {
	return archive.RollupKey("prod", "cp1", 1, noon.AddDate(0, 0, day).Format(time.DateOnly), "json")
}

// columns is the key of the Parquet form.
func (s *site) columns(day int) string {
	return strings.Replace(strings.Replace(s.rollup(day), ".json", ".parquet", 1), "rollups/", "rollups/parquet/", 1)
}

// third is the time from the third day on; its records are 8 to 10, or unsigned 7 to 9.
var third = noon.AddDate(0, 0, 2).Truncate(24 * time.Hour)

// A change of rollups is found or harmless; a change of records is found with
// them, and without reading the records of other days.
func TestTamperRollups(t *testing.T) {
	keys := trusted(testKey(1))
	for name, c := range map[string]struct {
		tamper   func(*site)
		all      string // found with all records
		from     string // with those from the third day on
		rollups  string // with rollups only
		anything bool   // all is found without a key, too
	}{
		"nothing":             {func(*site) {}, "", "", "", true},
		"a bit of a rollup":   {func(s *site) { flip(s.t.(*testing.T), s, s.rollup(1), 300) }, "rollup_invalid, rollup_invalid", "rollup_invalid, rollup_invalid", "rollup_invalid, rollup_invalid", true},
		"a digit of a sum":    {func(s *site) { replace(s.t.(*testing.T), s, s.rollup(1), `"lines":10`, `"lines":11`) }, "rollup_invalid, rollup_invalid", "rollup_invalid, rollup_invalid", "rollup_invalid, rollup_invalid", true},
		"a rollup removed":    {func(s *site) { s.remove(s.rollup(1), s.columns(1)) }, "", "", "", true},
		"the last removed":    {func(s *site) { s.remove(s.rollup(2), s.columns(2)) }, "", "", "", true},
		"all removed":         {func(s *site) { must(s.t, os.RemoveAll(s.path("rollups"))) }, "", "", "", true},
		"days swapped":        {func(s *site) { s.swap(s.rollup(0), s.rollup(1)) }, "rollup_invalid, rollup_invalid, rollup_invalid, rollup_invalid", "rollup_invalid, rollup_invalid, rollup_invalid, rollup_invalid", "rollup_invalid, rollup_invalid, rollup_invalid, rollup_invalid", true},
		"cut":                 {func(s *site) { truncate(s.t.(*testing.T), s, s.rollup(2)) }, "rollup_invalid, rollup_invalid", "rollup_invalid, rollup_invalid", "rollup_invalid, rollup_invalid", true},
		"emptied":             {func(s *site) { s.write(s.rollup(2), nil) }, "rollup_invalid, rollup_invalid", "rollup_invalid, rollup_invalid", "rollup_invalid, rollup_invalid", true},
		"by another key":      {func(s *site) { s.rollUp(1, 5, 7, testKey(2)) }, "rollup_invalid", "rollup_invalid", "rollup_invalid", false},
		"unsigned":            {func(s *site) { s.rollUp(1, 5, 7, nil) }, "rollup_invalid", "rollup_invalid", "rollup_invalid", false},
		"forged sums":         {func(s *site) { s.forgeRollup(testKey(2)) }, "rollup_invalid", "rollup_invalid", "rollup_invalid", true},
		"one of another node": {func(s *site) { s.write(strings.Replace(s.rollup(1), "node=cp1", "node=cp2", 1), s.read(s.rollup(1))) }, "rollup_invalid", "rollup_invalid", "rollup_invalid", true},
		"a foreign name":      {func(s *site) { s.write("rollups/cluster=prod/node=cp1/x", []byte("x")) }, "", "", "", true},
		"a bad copy after it": {func(s *site) { s.write(archive.NextCopy(s.rollup(1)), []byte("x")) }, "", "", "", true},
		"two days in one":     {func(s *site) { s.rollUp(1, 1, 7, testKey(1)) }, "rollup_invalid, rollup_invalid", "rollup_invalid, rollup_invalid", "rollup_invalid, rollup_invalid", true},

		"a bit of the Parquet form": {func(s *site) { flip(s.t.(*testing.T), s, s.columns(1), 300) }, "rollup_invalid", "rollup_invalid", "rollup_invalid", true},
		"the Parquet form removed":  {func(s *site) { s.remove(s.columns(1)) }, "", "", "", true},
		"a day in Parquet alone":    {func(s *site) { s.now = s.now.Add(3 * time.Hour); s.remove(s.rollup(2)) }, "rollup_invalid", "rollup_invalid", "rollup_invalid", true},
		"a record removed":          {func(s *site) { s.remove(s.numbered(1, 6)) }, "record_missing 6", "", "record_missing 6", true},
		"a record of the third day": {func(s *site) { s.remove(s.numbered(1, 9)) }, "record_missing 9", "record_missing 9", "record_missing 9", true},
		"the days of a rollup":      {func(s *site) { s.remove(s.data(5), s.numbered(1, 5), s.numbered(1, 6), s.numbered(1, 7)) }, "record_missing 5-7", "", "record_missing 5-7", true},
		"and the rollup itself": {func(s *site) {
			s.remove(s.data(5), s.numbered(1, 5), s.numbered(1, 6), s.numbered(1, 7), s.rollup(1), s.columns(1))
		}, "record_missing 5-7", "record_missing 5-7", "record_missing 5-7", true},
		"a record changed":           {func(s *site) { replace(s.t.(*testing.T), s, s.numbered(1, 6), `"bytes":100`, `"bytes":101`) }, "record_changed 6", "", "", true},
		"a record cut":               {func(s *site) { truncate(s.t.(*testing.T), s, s.numbered(1, 6)) }, "record_unreadable 6", "", "", true},
		"the tail after the rollups": {func(s *site) { s.remove(s.data(11), s.numbered(1, 11), s.numbered(1, 12), s.numbered(1, 13)) }, "record_missing 11", "record_missing 11", "record_missing 11", true},
		"all records": {func(s *site) {
			must(s.t, os.RemoveAll(s.path("manifests")))
			must(s.t, os.RemoveAll(s.path("data")))
		}, "record_missing 1-4, record_missing 11, record_missing 5-7, record_missing 8-10", "record_missing 11, record_missing 8-10", "record_missing 1-4, record_missing 11, record_missing 5-7, record_missing 8-10", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := dailySite(t, testKey(1))
			c.tamper(s)
			check := func(how string, opt Options, want string) {
				t.Helper()
				r := s.verify(opt)
				if got := kinds(r); got != want {
					t.Errorf("%s: found %s\nwant  %s", how, got, want)
					t.Log(text(t, r))
				}
			}
			check("all", Options{Keys: keys}, c.all)
			check("from", Options{Keys: keys, From: third}, c.from)
			check("rollups", Options{Keys: keys, Rollups: true}, c.rollups)
			if c.anything {
				check("without a key", Options{}, c.all)
			}
		})
	}
}

// forgeRollup makes a rollup of the second day that has no gap.
func (s *site) forgeRollup(key *manifest.SigningKey) {
	var before manifest.Tree
	for n := int64(1); n <= 4; n++ {
		before = before.With(manifest.Read(s.read(s.numbered(1, n))).Leaf)
	}
	r := manifest.NewRollup("prod", "cp1", 1, before)
	for n := int64(5); n <= 7; n++ {
		e := manifest.Read(s.read(s.numbered(1, n)))
		r.Add(&e)
	}
	r.Gaps = nil
	s.storeRollup(r, key)
}

// Each record that is read is read once, those of days that a rollup stands for are not.
func TestRollupsSpareRecords(t *testing.T) {
	t.Parallel()
	keys := trusted(testKey(1))
	for name, c := range map[string]struct {
		key  *manifest.SigningKey
		opt  Options
		read int64 // records
		sum  int64 // records that rollups stand for
	}{
		"all":                      {testKey(1), Options{Keys: keys}, 13, 0},
		"from the third day":       {testKey(1), Options{Keys: keys, From: third}, 6, 7},
		"the second day":           {testKey(1), Options{Keys: keys, From: third.AddDate(0, 0, -1), To: third.Add(-time.Second)}, 6, 7},
		"rollups":                  {testKey(1), Options{Keys: keys, Rollups: true}, 3, 10},
		"signed, without a key":    {testKey(1), Options{Rollups: true}, 13, 0},
		"unsigned":                 {nil, Options{Rollups: true}, 3, 9},
		"unsigned, from the third": {nil, Options{From: third}, 6, 6},
	} {
		s := dailySite(t, c.key)
		r := s.verify(c.opt)
		tree := r.Nodes[0].Trees[0]
		if kinds(r) != "" || tree.Records != c.read || tree.Proven != c.read || tree.Summed != c.sum || tree.Head.Number != c.read+c.sum || !r.Clean {
			t.Errorf("%s: found %s, %+v", name, kinds(r), tree)
		}
		var gaps []int64
		for _, g := range r.Nodes[0].Gaps {
			gaps = append(gaps, g.Number)
		}
		if len(gaps) != 4 || !slices.IsSorted(gaps) && c.opt.To.IsZero() {
			t.Errorf("%s: gaps of the records %d", name, gaps)
		}
		if c.sum > 0 && !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, fmt.Sprintf("%d records were not read", c.sum)) }) {
			t.Errorf("%s: notes %q", name, r.Notes)
		}
	}
}

// A head within a day that a rollup stands for is found by its leaf hashes.
func TestExpectHeadWithinRollup(t *testing.T) {
	t.Parallel()
	s := dailySite(t, testKey(1))
	root := manifest.Read(s.read(s.numbered(1, 6))).Point.Root.String()
	opt := Options{Keys: trusted(testKey(1)), From: third, ExpectHeads: []string{root, s.head()}}
	if r := s.verify(opt); kinds(r) != "" {
		t.Error(kinds(r))
	}
	opt.ExpectHeads = append(opt.ExpectHeads, strings.Repeat("ab", 32))
	if r := s.verify(opt); kinds(r) != "head_missing" {
		t.Error(kinds(r))
	}
}

// The thief of a key rewrites the records of a day and its rollup: the days after it join
// the ones before no more.
func TestRollupWithStolenKey(t *testing.T) {
	t.Parallel()
	s := dailySite(t, testKey(1))
	rollUp := func(days ...int64) {
		for _, day := range days {
			s.rollUp(1, max(1, 3*day+2), 3*day+4, testKey(1))
		}
	}
	s.rewrite(testKey(1), func(records []manifest.Record) []manifest.Record { return records }) // other text of the first record
	rollUp(0, 1, 2)
	before := s.read(s.rollup(2))
	s.rewrite(testKey(1), func(records []manifest.Record) []manifest.Record {
		records[5].Gaps[0].Bytes = 1
		return records
	})
	rollUp(1)
	if r := s.verify(Options{Keys: trusted(testKey(1)), Rollups: true}); !strings.HasPrefix(kinds(r), "rollup_invalid") || !names(r, s.rollup(2)) {
		t.Errorf("found %s", text(t, r))
	}
	rollUp(2)
	if r := s.verify(Options{Keys: trusted(testKey(1)), Rollups: true}); kinds(r) != "" {
		t.Errorf("all is rewritten: found %s", kinds(r))
	}
	cut := []manifest.TrustedKey{{Vkey: testKey(1).Vkey, Until: 6}}
	if r := s.verify(Options{Keys: cut, Rollups: true}); !strings.Contains(kinds(r), "rollup_invalid") || !strings.Contains(kinds(r), "unknown_key") {
		t.Errorf("the key is cut off: found %s", kinds(r))
	}
	if bytes.Equal(before, s.read(s.rollup(2))) {
		t.Error("nothing was rewritten")
	}
}

// With a state file only the rollups of later days are read, and compared.
func TestRollupsAndState(t *testing.T) {
	t.Parallel()
	s := dailySite(t, testKey(1))
	opt := Options{Keys: trusted(testKey(1))}
	state := s.since(nil, opt).State()
	first := s.chain.StoredHead().Number + 1
	for day := 4; day < 6; day++ {
		s.now = noon.AddDate(0, 0, day)
		s.file(s.log(3))
	}
	s.rollUp(1, first-3, first-1, testKey(1))
	s.rollUp(1, first, first, testKey(1))
	flip(t, s, s.rollup(0), 300) // of a day that is not looked at again
	if r := s.since(state, opt); kinds(r) != "" || r.State() == nil {
		t.Errorf("found %s", text(t, r))
	}
	flip(t, s, s.rollup(4), 300)
	r := s.since(state, opt)
	if kinds(r) != "rollup_invalid" || r.State() == nil {
		t.Errorf("found %s", text(t, r))
	}
	if r = s.since(r.State(), opt); kinds(r) != "rollup_invalid" {
		t.Errorf("the next time: found %s", text(t, r))
	}
}
