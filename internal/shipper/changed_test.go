package shipper

import (
	"os"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// heldAgain changes a file that is archived, as package hold notes it; seen counts the bytes that the
// archive may not have.
func (y *yard) heldAgain(id, text string, seen int) {
	y.t.Helper()
	if err := os.WriteFile(y.heldPath(id), []byte(text), 0o600); err != nil {
		y.t.Fatal(err)
	}
	err := y.ledger.Edit(id, func(e *ledger.Entry) {
		*e = ledger.Entry{ID: e.ID, Name: e.Name, Finished: true, Rotated: e.Rotated, State: ledger.Held, Seen: int64(seen), Before: e.Source, Objects: e.Objects}
	})
	if err != nil {
		y.t.Fatal(err)
	}
	y.sync()
	y.sync()
	if got := y.state(id); got != ledger.Retired {
		y.t.Errorf("state %s", got)
	}
}

// TestI10_LateWriter adds lines to an archived file twice, which are archived as files
// of their own, touches it, and edits it.
func TestI10_LateWriter(t *testing.T) {
	a, b, c := event(22, "a"), event(22, "b"), event(22, "c")
	y := newYard(t)
	y.mustStart()
	y.add("0", a, nil)
	y.sync()
	y.heldAgain("0", a, len(a)) // touched
	y.wantKinds("1 file audit-0.log")
	y.heldAgain("0", a+b, len(a+b))
	y.wantKinds("1 file audit-0.log, 2 file audit-0.log, 3 gap edited")
	y.heldAgain("0", a+b+c, len(a+b+c))
	if got := y.store.restored(t); len(got) != 3 || got[0] != a || got[1] != b || got[2] != c {
		t.Errorf("restored %q", got)
	}
	y.heldAgain("0", a+b+c, len(a+b+c))
	y.heldAgain("0", c, len(c))
	if got := y.store.restored(t); len(got) != 4 || got[3] != c || len(y.gaps) != 3 {
		t.Errorf("restored %q, gaps %q", got, y.gaps)
	}
	y.store.wantChain(t)
}

// TestI10_CutBeforeItIsCompared archives a file, has it held again because its time is another one,
// and cuts it before the two are compared: the archive has all of it, and nothing is a gap.
func TestI10_CutBeforeItIsCompared(t *testing.T) {
	a, b := event(22, "a"), event(22, "b")
	for name, c := range map[string]struct {
		left string
		seen int // of the file as it was held again
	}{
		"to nothing":            {"", 0},
		"in the first line":     {a[:9], 0},
		"behind a line":         {a, 0},
		"in the last line":      {a + b[:9], 0},
		"and held as it is now": {a, len(a)},
		"torn, and held so":     {a[:9], 9},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			y.mustStart()
			y.add("0", a+b, nil)
			y.sync()
			y.heldAgain("0", c.left, c.seen)
			if e, _ := y.ledger.Get("0"); e.State != ledger.Retired || e.Seen != int64(len(a+b)) || len(y.gaps) > 0 {
				t.Errorf("state %s, seen %d, gaps %q", e.State, e.Seen, y.gaps)
			}
			y.wantKinds("1 file audit-0.log")
			if got := y.store.restored(t); len(got) != 1 || got[0] != a+b {
				t.Errorf("restored %q", got)
			}
		})
	}
}
