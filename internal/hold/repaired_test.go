package hold

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// TestI1_RepairedFileIsHeldAgain changes damaged files in place and replaces them,
// after the unpacked part was archived and after nothing did.
func TestI1_RepairedFileIsHeldAgain(t *testing.T) {
	inPlace := func(path string) error { return os.WriteFile(path, []byte("repaired"), 0o600) }
	replaced := func(path string) error {
		return errors.Join(os.WriteFile(path+".tmp", []byte("repaired"), 0o600), os.Rename(path+".tmp", path))
	}
	touched := func(path string) error { return os.Chtimes(path, time.Time{}, time.Unix(1_700_000_000, 0)) }
	emptied := func(path string) error { return os.Truncate(path, 0) }
	nothing := func(string) error { return nil }
	archived := &ledger.Source{Size: 7, SHA256: "aa", Damage: &ledger.Gap{Reason: "unreadable", Bytes: -1}}
	whole := &ledger.Source{Size: 7, SHA256: "aa"}
	for _, c := range []struct {
		name   string
		state  ledger.State
		source *ledger.Source
		change func(path string) error
		again  bool
	}{
		{name: "damaged, changed in place", state: ledger.Retired, source: archived, change: inPlace, again: true},
		{name: "damaged, replaced", state: ledger.Retired, source: archived, change: replaced, again: true},
		{name: "damaged, touched", state: ledger.Retired, source: archived, change: touched, again: true},
		{name: "damaged, emptied", state: ledger.Retired, source: archived, change: emptied},
		{name: "quarantined, emptied", state: ledger.Quarantined, change: emptied},
		{name: "damaged, left alone", state: ledger.Retired, source: archived, change: nothing},
		{name: "quarantined, changed in place", state: ledger.Quarantined, change: inPlace, again: true},
		{name: "quarantined, replaced", state: ledger.Quarantined, change: replaced, again: true},
		{name: "quarantined, left alone", state: ledger.Quarantined, change: nothing},
		{name: "whole, replaced", state: ledger.Retired, source: whole, change: replaced, again: true},
		{name: "whole, changed in place", state: ledger.Retired, source: whole, change: inPlace, again: true},
		{name: "whole, left alone", state: ledger.Retired, source: whole, change: nothing},
	} {
		for _, copies := range []bool{false, true} {
			t.Run(c.name+map[bool]string{true: ", copied"}[copies], func(t *testing.T) {
				h := newFixture(t)
				h.copy = copies
				path := filepath.Join(h.log.Dir, h.log.BackupName(h.clock.Add(-time.Hour))+".gz")
				if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
					t.Fatal(err)
				}
				h.write("open\n")
				h.mustStart()
				h.sync()
				before := h.ledger.Entries()[0]
				err := h.ledger.Edit(before.ID, func(e *ledger.Entry) { e.State, e.Source, e.Loki = c.state, c.source, false })
				if err != nil {
					t.Fatal(err)
				}
				h.sync()
				if err := c.change(path); err != nil {
					t.Fatal(err)
				}
				for _, restart := range []bool{false, true} {
					if restart {
						h.mustStart()
					}
					h.sync()
					entries := h.ledger.Entries()
					if len(entries) != 2 || entries[1].Finished {
						t.Fatalf("entries %+v", entries)
					}
					e := entries[0]
					if (e.State == ledger.Held) != c.again || c.again && e.Before != nil != (c.source != nil) {
						t.Fatalf("%s, before: %+v; held again: %v wanted", e.State, e.Before, c.again)
					}
					if c.again {
						got, err := os.ReadFile(h.hold.Path(e.ID))
						want, _ := os.ReadFile(path)
						if err != nil || string(got) != string(want) || e.Loki || e.Name != before.Name || !e.Rotated.Equal(before.Rotated) {
							t.Errorf("%q, %v, %+v", got, err, e)
						}
					}
				}
				h.wantGaps()
			})
		}
	}
}
