package verify

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
)

// headed is an archive of two epochs, with a file in each and a heartbeat as its head.
func headed(s *site) {
	s.file(s.log(5))
	s.begin(epochB)
	s.file(s.log(5))
	s.heartbeat(0, nil)
}

// An object without a record is found, unless its file may have none yet.
func TestTamperWithAForgedObject(t *testing.T) {
	checkFound(t, map[string]found{
		"older than two heartbeats": {func(s *site) {
			headed(s)
			s.forge(epochB, 3, s.log(2))
			s.now = s.now.Add(2*time.Hour + time.Second)
		}, Options{}, "object_unrecorded 3"},
		"from the future": {func(s *site) {
			headed(s)
			key := s.forge(epochB, 3, s.log(2))
			later := s.now.Add(3 * time.Hour)
			must(s.t, os.Chtimes(s.path(key), later, later))
		}, Options{}, "object_unrecorded 3"},
		"of an epoch that ended": {func(s *site) {
			headed(s)
			s.forge(epochA, 2, s.log(2))
		}, Options{}, "object_unrecorded 2"},
		"of an epoch that never was": {func(s *site) {
			headed(s)
			s.forge("20261124T120000a1b2c3", 1, s.log(2))
		}, Options{}, "object_unrecorded 1"},
		"under a number of a heartbeat": {func(s *site) {
			headed(s)
			s.forge(epochB, 2, s.log(2))
		}, Options{}, "object_unrecorded 2"},
		"far above the head": {func(s *site) {
			headed(s)
			s.forge(epochB, 1<<17, s.log(2))
		}, Options{}, "object_unrecorded 131072"},
		"young, of another file": {func(s *site) {
			headed(s)
			s.write(s.forge(epochB, 3, s.log(2)), s.read(s.data(1)))
		}, Options{}, "object_mislabeled 3"},
		"young, of another day": {func(s *site) {
			headed(s)
			key := s.forge(epochB, 3, s.log(2))
			s.write(strings.Replace(key, "dt=2026-11-22", "dt=2026-11-21", 1), s.read(key))
		}, Options{}, "object_mislabeled 3"},
		"young, no object of a log": {func(s *site) {
			headed(s)
			s.write(s.forge(epochB, 3, s.log(2)), []byte("PAR1"))
		}, Options{}, "object_mislabeled 3"},
		"young, of a node without records": {func(s *site) {
			headed(s)
			s.node = "cp2"
			s.forge(epochB, 3, s.log(2))
		}, Options{}, "object_unrecorded 3"},
	})
	checkHonest(t, map[string]honest{
		"young": {func(s *site) {
			headed(s)
			s.forge(epochB, 3, s.log(2))
			s.now = s.now.Add(2 * time.Hour)
		}, Options{}, "-00000003.parquet: not recorded yet"},
		"young, stored again": {func(s *site) {
			headed(s)
			s.spoilt = []func([]byte) []byte{func(data []byte) []byte { return data[:9] }}
			s.forge(epochB, 3, s.log(2))
		}, Options{}, "-00000003.r2.parquet: not recorded yet"},
	})
}

// A directory without any record is read, and never OK.
func TestTamperWithoutAnyRecord(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*site)
		want   string
		says   string
	}{
		"all records removed": {func(*site) {}, "tail_missing", "UNRECORDED: read 2 files"},
		"and another layout":  {func(s *site) { must(s.t, os.Rename(s.path("data"), s.path("mine"))) }, "tail_missing", "UNRECORDED: read 2 files"},
		"and a damaged object": {func(s *site) {
			flip(s.t.(*testing.T), s, s.data(1), 300)
		}, "object_unreadable, tail_missing", "FAILED: 2 findings"},
		"and no object": {func(s *site) { must(s.t, os.RemoveAll(s.path("data"))) }, "tail_missing", "FAILED: 1 finding"},
		"and a stranger's": {func(s *site) { s.write("data/x.parquet", []byte("PAR1")) },
			"object_unreadable, tail_missing", "FAILED: 2 findings"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, epochA)
			s.file(s.log(5))
			s.file(bytes.Repeat(s.log(1), 3))
			c.change(s)
			must(t, os.RemoveAll(s.path("manifests")))
			r := s.verify(Options{Deep: true})
			if got := kinds(r); got != c.want || r.Clean {
				t.Errorf("found %s, want %s", got, c.want)
			}
			if got := text(t, r); !strings.Contains(got, c.says) || strings.Contains(got, "\nOK") {
				t.Errorf("reported %s", got)
			}
		})
	}
}
