package verify

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// increment stores bytes [from, to) of an open log, which begin at a line.
func (s *site) increment(seq int64, log []byte, from, to int) string {
	s.t.Helper()
	first := int64(bytes.Count(log[:from], []byte("\n"))) + 1
	result, err := parquet.Convert(s.t.Context(), bytes.NewReader(log[from:to]), int64(to-from), parquet.Config{
		File: filepath.Join(memoryDir(s.t), "increment.parquet"),
		Meta: parquet.Meta{Cluster: "prod", Node: s.node, Epoch: s.epoch, Seq: seq, SourceName: "audit.log",
			Increment: parquet.Increment{From: int64(from), FirstLine: first}},
	})
	must(s.t, err)
	data, err := os.ReadFile(result.Objects[0].Path)
	must(s.t, err)
	key := archive.OpenKey("prod", "2026-11-22", s.node, s.epoch, seq, int64(from), int64(to))
	return s.store(key, data)
}

// lineEnd is the offset after n lines.
func lineEnd(log []byte, lines int) int {
	at := 0
	for range lines {
		at += bytes.IndexByte(log[at:], '\n') + 1
	}
	return at
}

// opened archives a file, then has an open one with the number 3 of 30 lines:
// the first 10 and 20 are in increments, and a heartbeat saw the first 15.
func (s *site) opened() (log []byte, keys []string) {
	s.file(s.log(5))
	log = s.log(30)
	a, b := lineEnd(log, 10), lineEnd(log, 20)
	s.take() // 2 is the open file's
	keys = append(keys, s.increment(2, log, 0, a))
	s.heartbeat(2, log[:lineEnd(log, 15)])
	keys = append(keys, s.increment(2, log, a, b))
	return log, keys
}

func TestHonestIncrements(t *testing.T) {
	checkHonest(t, map[string]honest{
		"not read": {func(s *site) { s.opened() }, Options{}, "prod/cp1 " + epochA + "/2: a file without a record, in 2 increments; --deep checks them"},
		"partly seen by a heartbeat": {func(s *site) { s.opened() }, Options{Deep: true},
			"20 lines in 2 increments; the first 15 are those that the heartbeat of"},
		"seen by no heartbeat": {func(s *site) {
			s.heartbeat(0, nil)
			log := s.log(3)
			s.increment(s.take(), log, 0, len(log))
		}, Options{Deep: true}, "3 lines in 1 increment; no heartbeat saw them"},
		"a heartbeat saw more than is stored": {func(s *site) {
			log := s.log(30)
			seq := s.take()
			s.increment(seq, log, 0, lineEnd(log, 10))
			s.heartbeat(seq, log)
		}, Options{Deep: true}, "no heartbeat saw them"},
		"cut after the heartbeat": {func(s *site) {
			log := s.log(10)
			seq := s.take()
			s.heartbeat(seq, log)
			s.gap(continuity.ReasonTruncated)
			log = s.log(40)
			s.increment(seq, log, 0, len(log))
		}, Options{Deep: true}, "40 lines in 1 increment; no heartbeat saw them"},
		"within a longer one": {func(s *site) {
			log, _ := s.opened()
			s.increment(2, log, 0, lineEnd(log, 4))
		}, Options{Deep: true}, "20 lines in 2 increments"},
		"superseded by the record": {func(s *site) {
			log, _ := s.opened()
			s.archive(2, log)
		}, Options{Deep: true}, ""},
		"superseded, and broken": {func(s *site) {
			log, keys := s.opened()
			s.archive(2, log)
			s.write(keys[0], []byte("PAR1"))
		}, Options{Deep: true}, ""},
		"of another node": {func(s *site) {
			s.opened()
			s.beginNode("cp2", epochB)
			s.heartbeat(0, nil)
		}, Options{Deep: true, Node: "cp2"}, ""},
	})
}

// A finished file must have at least the lines of its increments.
func TestI10_FileShorterThanItsIncrements(t *testing.T) {
	cut := func(s *site) {
		log, _ := s.opened()
		s.archive(2, log[:lineEnd(log, 16)])
	}
	checkFound(t, map[string]found{
		"deep":         {cut, Options{Deep: true}, "file_shorter 3"},
		"objects only": {cut, Options{}, "file_shorter 3"},
	})
	checkHonest(t, map[string]honest{
		"as long": {func(s *site) {
			log, _ := s.opened()
			s.archive(2, log[:lineEnd(log, 20)])
		}, Options{Deep: true}, ""},
	})
}

func TestTamperedIncrements(t *testing.T) {
	checkFound(t, map[string]found{
		"a line of the open file was edited": {func(s *site) {
			log, keys := s.opened()
			edited := bytes.Replace(log, []byte(`"auditID":"00001003"`), []byte(`"auditID":"00009003"`), 1)
			s.remove(keys[0])
			s.increment(2, edited, 0, lineEnd(edited, 10))
		}, Options{Deep: true}, "log_edited 2 lines 1-15"},
		"the first is gone": {func(s *site) {
			_, keys := s.opened()
			s.remove(keys[0])
		}, Options{Deep: true}, "increment_broken 2"},
		"no object at all": {func(s *site) {
			_, keys := s.opened()
			s.write(keys[1], []byte("PAR1 nothing PAR1"))
		}, Options{Deep: true}, "increment_broken 2"},
		"two are swapped": {func(s *site) {
			_, keys := s.opened()
			s.swap(keys[0], keys[1])
		}, Options{Deep: true}, "increment_broken 2"},
		"of a node without any record": {func(s *site) {
			s.heartbeat(0, nil)
			log := s.log(3)
			s.node, s.epoch = "cp2", epochB
			s.write(s.increment(7, log, 0, len(log)), []byte("x"))
		}, Options{Deep: true}, "increment_broken 7"},
	})
}

// Text cut off the end of an increment's name, or flipped in its bytes, is
// found and named.
func TestFlippedBitInAnIncrement(t *testing.T) {
	s := newSite(t, epochA)
	_, keys := s.opened()
	whole := s.read(keys[0])
	step := 97
	if testing.Short() {
		step = 4 * 97
	}
	for at := 0; at < len(whole); at += step {
		s.write(keys[0], whole)
		flipped := bytes.Clone(whole)
		flipped[at] ^= 0x10
		s.write(keys[0], flipped)
		r := s.verify(Options{Deep: true})
		if r.Clean || !names(r, keys[0]) {
			// Bytes that no reader looks at, such as statistics, change no line.
			if note := strings.Join(r.Notes, ""); !strings.Contains(note, "the first 15 are those that the heartbeat of "+noon.Add(2*time.Minute).Format(timeLayout)) {
				t.Errorf("byte %d: found %s: %+v, noted %s", at, kinds(r), r.Findings, note)
			}
		}
	}
}
