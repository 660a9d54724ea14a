package verify

import (
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/catalog"
)

// A record may name the objects of an earlier epoch that was lost before it
// recorded them, but no others.
func TestObjectsOfAnotherNumber(t *testing.T) {
	checkFound(t, map[string]found{
		"an object of a later epoch": {func(s *site) {
			s.archiveAs(s.take(), catalog.ID{Epoch: epochB, Seq: 1}, s.log(5))
		}, Options{}, "object_mislabeled 1 lines 1-5, object_mislabeled 1 lines 1-5"},
		"an object of another number": {func(s *site) {
			s.archiveAs(s.take(), catalog.ID{Epoch: epochA, Seq: 2}, s.log(5))
		}, Options{}, "object_mislabeled 1 lines 1-5, object_mislabeled 1 lines 1-5"},
		"one object, recorded by two epochs": {func(s *site) {
			log := s.log(5)
			s.archive(s.take(), log)
			s.begin(epochB)
			s.now = s.now.Add(-time.Minute) // the same rotation time
			s.archiveAs(s.take(), catalog.ID{Epoch: epochA, Seq: 1}, log)
		}, Options{}, "record_repeated 2 lines 1-5"},
	})
}

// A line is found by the number that its row has.
func TestEventOfALostEpoch(t *testing.T) {
	s := newSite(t, epochA)
	s.begin(epochB)
	s.take()
	s.archiveAs(s.take(), catalog.ID{Epoch: epochA, Seq: 7}, s.log(3))
	e, _, err := Prove(t.Context(), s.bucket(), Options{}, EventID{Epoch: epochA, Seq: 7, Line: 2})
	if err != nil || e.Line != 2 || e.Epoch != epochB || e.Seq != 2 {
		t.Errorf("%+v, %v", e, err)
	}
	if _, _, err := Prove(t.Context(), s.bucket(), Options{}, EventID{Epoch: epochB, Seq: 2, Line: 2}); err == nil {
		t.Error("found by the number of the record, which no row has")
	}
}

func (s *site) head() string { return s.last.Root }
