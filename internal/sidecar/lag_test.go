package sidecar

import (
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

func TestArchiveLag(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	ago := func(s int) time.Time { return now.Add(-time.Duration(s) * time.Second) }
	archived := func(offset int64, at time.Time) *ledger.Increments { return &ledger.Increments{Offset: offset, At: at} }
	for _, test := range []struct {
		name    string
		entries []ledger.Entry
		want    archiveLag
	}{
		{"nothing", nil, archiveLag{}},
		{"an open file", []ledger.Entry{{ID: "1", State: ledger.Held, Born: ago(50), Seen: 10}}, archiveLag{50, 10, 0}},
		{"an empty one", []ledger.Entry{{ID: "1", State: ledger.Held, Born: ago(50)}}, archiveLag{}},
		{"partly archived", []ledger.Entry{{ID: "1", State: ledger.Held, Born: ago(50), Seen: 10, Open: archived(8, ago(20))}}, archiveLag{20, 2, 0}},
		{"wholly", []ledger.Entry{{ID: "1", State: ledger.Held, Born: ago(50), Seen: 10, Open: archived(10, ago(20))}}, archiveLag{}},
		{"it was truncated", []ledger.Entry{{ID: "1", State: ledger.Held, Born: ago(50), Seen: 4, Open: archived(10, ago(20))}}, archiveLag{}},
		{"finished files", []ledger.Entry{
			{ID: "1", State: ledger.Retired, Finished: true, Born: ago(900), Rotated: ago(300), Seen: 100},
			{ID: "2", State: ledger.Converted, Finished: true, Born: ago(300), Rotated: ago(200), Seen: 100},
			{ID: "3", State: ledger.Held, Finished: true, Rotated: ago(100), Seen: 50},
			{ID: "4", State: ledger.Held, Born: ago(100), Seen: 5},
		}, archiveLag{300, 155, 200}},
		{"nobody knows when it was created", []ledger.Entry{
			{ID: "1", State: ledger.Stored, Finished: true, Born: ago(900), Rotated: ago(300), Seen: 100},
			{ID: "2", State: ledger.Held, Seen: 7},
		}, archiveLag{300, 7, 0}},
		{"quarantined", []ledger.Entry{{ID: "1", State: ledger.Quarantined, Finished: true, Rotated: ago(9), Seen: 7}}, archiveLag{}},
	} {
		var m lagMeter
		if got := m.measure(test.entries, func(e *ledger.Entry) int64 { return e.Seen }, now); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

// A line that comes after hours of silence is as old as the last look that
// found none missing, not as the last increment.
func TestArchiveLagAfterSilence(t *testing.T) {
	var m lagMeter
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	e := ledger.Entry{ID: "1", State: ledger.Held, Born: now.Add(-9 * time.Hour), Seen: 10, Open: &ledger.Increments{Offset: 10, At: now.Add(-8 * time.Hour)}}
	look := func(seen int64, at time.Time) archiveLag {
		e.Seen = seen
		return m.measure([]ledger.Entry{e}, func(e *ledger.Entry) int64 { return e.Seen }, at)
	}
	if got := look(10, now); got != (archiveLag{}) {
		t.Errorf("in silence: %+v", got)
	}
	if got := look(12, now.Add(10*time.Second)); got != (archiveLag{10, 2, 0}) {
		t.Errorf("the first line: %+v", got)
	}
	if got := look(13, now.Add(25*time.Second)); got != (archiveLag{25, 3, 0}) {
		t.Errorf("and one more: %+v", got)
	}
	if m.measure(nil, nil, now); len(m.whole) != 0 {
		t.Errorf("remembers what is gone: %v", m.whole)
	}
}
