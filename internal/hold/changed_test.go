package hold

import (
	"os"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// TestI10_ChangedAfterItWasArchived changes a finished file that was archived, while
// the stream still needs it and when nothing does.
func TestI10_ChangedAfterItWasArchived(t *testing.T) {
	for name, test := range map[string]struct {
		change func(path string) error
		again  bool
	}{
		"left alone":    {func(string) error { return nil }, false},
		"grown":         {func(path string) error { return os.WriteFile(path, []byte("one\ntwo\n"), 0o600) }, true},
		"edited":        {func(path string) error { return os.WriteFile(path, []byte("ONE\n"), 0o600) }, true},
		"cut, and more": {func(path string) error { return os.WriteFile(path, []byte("x"), 0o600) }, true},
		"touched":       {func(path string) error { return os.Chtimes(path, time.Time{}, time.Unix(1_700_000_000, 0)) }, true},
		"emptied":       {func(path string) error { return os.Truncate(path, 0) }, false},
	} {
		for _, owed := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", streaming"}[owed], func(t *testing.T) {
				h := newFixture(t)
				h.loki = owed
				h.write("one\n")
				h.mustStart()
				h.sync()
				path := h.rotate()
				h.write("open\n")
				h.sync()
				e := h.ledger.Entries()[0]
				if err := h.ledger.Edit(e.ID, func(e *ledger.Entry) {
					e.State, e.Source = ledger.Retired, &ledger.Source{Size: 4}
				}); err != nil {
					t.Fatal(err)
				}
				h.sync()
				if err := test.change(path); err != nil {
					t.Fatal(err)
				}
				h.sync()
				now := h.ledger.Entries()[0]
				if again := now.State == ledger.Held; again != test.again || again && now.Before == nil || now.Loki != owed {
					t.Errorf("%+v", now)
				}
				if touched := name == "touched"; touched && now.Seen != 0 || !touched && now.Seen == 0 {
					t.Errorf("%d bytes count as seen and not archived", now.Seen)
				}
				h.sync()
				if h.wantGaps(); len(h.ledger.Entries()) != 2 {
					t.Errorf("entries %+v", h.ledger.Entries())
				}
			})
		}
	}
}

// TestI10_AnotherFileUnderAHeldName replaces a backup that is not archived yet: both
// are held, and the gap says so.
func TestI10_AnotherFileUnderAHeldName(t *testing.T) {
	for _, copies := range []bool{false, true} {
		h := newFixture(t)
		h.copy = copies
		h.write("one\n")
		h.mustStart()
		h.sync()
		path := h.rotate()
		h.write("open\n")
		h.sync()
		if err := os.WriteFile(path+".new", []byte("another\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			h.sync()
			entries := h.ledger.Entries()
			if len(entries) != 3 || entries[0].Name != entries[1].Name || entries[2].Finished {
				t.Fatalf("entries %+v", entries)
			}
			h.wantGaps("replaced " + entries[0].Name)
		}
		h.mustStart()
		h.sync()
		if n := len(h.ledger.Entries()); n != 3 {
			t.Errorf("%d entries after a restart", n)
		}
	}
}
