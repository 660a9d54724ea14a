package shipper

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/durable/durabletest"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

func (y *yard) addAt(n int) {
	y.add(fmt.Sprint(n), event(22, fmt.Sprint(n)), func(e *ledger.Entry) { e.Rotated = time.Date(2026, 11, 22, 17, n, 0, 0, time.UTC) })
}

// putBack archives three files and puts back the ledger as it was after the first.
func (y *yard) putBack() {
	y.t.Helper()
	y.mustStart()
	y.addAt(1)
	y.sync()
	path := filepath.Join(y.dir, ledger.FileName)
	old, err := os.ReadFile(path)
	if err != nil {
		y.t.Fatal(err)
	}
	y.addAt(2)
	y.addAt(3)
	y.sync()
	if err := os.WriteFile(path, old, 0o600); err != nil {
		y.t.Fatal(err)
	}
}

// wantLost wants that many gaps state_lost in the archive, whole chains, and each
// text once.
func (y *yard) wantLost(n int, texts ...string) {
	y.t.Helper()
	found := 0
	for _, r := range y.store.records(y.t) {
		for _, g := range r.Gaps {
			if g.Reason == continuity.ReasonStateLost {
				found++
			}
		}
	}
	if found != n {
		y.t.Errorf("the archive has %d gaps state_lost, want %d", found, n)
	}
	y.wantOnce(texts...)
}

func (y *yard) copies() (keys []string) {
	for key := range y.store.objects {
		if strings.Contains(key, ".r2") {
			keys = append(keys, key)
		}
	}
	return keys
}

// An older ledger that is put back begins a new epoch before anything is stored under
// a number that the archive has; files that it does not know are not archived twice.
func TestI10_LedgerPutBack(t *testing.T) {
	for name, key := range map[string]*manifest.SigningKey{"unsigned": nil, "signed": signingKey(t, nil)} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			y.key, y.beat = key, time.Hour
			y.putBack()
			y.mustStart()
			y.addAt(3) // still in the directory
			y.addAt(4)
			y.sync()
			y.wantLost(1, event(22, "1"), event(22, "2"), event(22, "3"), event(22, "4"))
			if got := y.copies(); len(got) > 0 {
				t.Errorf("copies were stored: %q", got)
			}
			if strings.Join(y.gaps, " ") != "state_lost" {
				t.Errorf("gaps %q", y.gaps)
			}
			y.mustStart()
			y.addAt(5)
			y.sync()
			y.wantLost(1, event(22, "1"), event(22, "2"), event(22, "3"), event(22, "4"), event(22, "5"))
		})
	}
}

// The same when the archive may not be listed: the first record that is there already
// is the proof.
func TestI10_LedgerPutBackUnseen(t *testing.T) {
	y := newYard(t)
	y.putBack()
	y.mustStart()
	y.shipper.records.looked = true // the state after a store without a listing
	if err := y.ledger.AddGap(ledger.Gap{Reason: "pruned", Bytes: -1}, "", nil); err != nil {
		t.Fatal(err)
	}
	y.addAt(4)
	y.sync()
	y.wantLost(1, event(22, "1"), event(22, "2"), event(22, "3"), event(22, "4"))
	if got := y.copies(); len(got) > 0 {
		t.Errorf("copies were stored: %q", got)
	}
}

// A crash after any effect of beginning the new epoch.
func TestI10_CrashWhileALedgerIsReplaced(t *testing.T) {
	everyCrash(t, 1, 10, func(k int64) bool {
		y := newYard(t)
		y.putBack()
		crashed := y.crash(k, []durabletest.Loss{durabletest.LoseAll, durabletest.LoseNothing}[k%2])
		y.mustStart()
		y.sync()
		y.wantLost(1, event(22, "1"), event(22, "2"), event(22, "3"))
		return crashed
	})
}

// oldLedger archives four files and puts back the ledger of a time at which the first
// one was archived and the second one open. It records the gaps that package hold
// finds then, after change: the second file has lost its link, and two more are
// missing between it and the next.
func (y *yard) oldLedger(change func(e *ledger.Entry, vanished, pruned *ledger.Gap)) {
	y.t.Helper()
	must := func(err error) {
		y.t.Helper()
		if err != nil {
			y.t.Fatal(err)
		}
	}
	y.mustStart()
	y.addAt(1)
	y.sync()
	y.add("2", event(22, "2"), func(e *ledger.Entry) {
		e.Name, e.Finished, e.Rotated = "audit.log", false, time.Time{}
		e.Inode, e.Born, e.Seen = 7, minute(1), int64(len(event(22, "2")))
	})
	path := filepath.Join(y.dir, ledger.FileName)
	old, err := os.ReadFile(path)
	must(err)
	must(y.ledger.Edit("2", func(e *ledger.Entry) { e.Name, e.Finished, e.Rotated = "audit-2.log", true, minute(2) }))
	y.addAt(3)
	y.addAt(4)
	y.sync()
	must(os.WriteFile(path, old, 0o600))
	must(os.Remove(y.heldPath("2")))
	y.mustStart()
	e, _ := y.ledger.Get("2")
	vanished := ledger.Gap{Reason: "vanished", File: e.Name, From: e.Born, To: e.Rotated, Bytes: e.Seen}
	pruned := ledger.Gap{Reason: "pruned", File: e.Name, To: minute(4).Add(time.Millisecond), Bytes: -1}
	change(&e, &vanished, &pruned)
	must(y.ledger.AddGap(vanished, "2", func(now *ledger.Entry) error {
		e.State, e.Finished, e.Reason = ledger.Quarantined, true, "gone"
		*now = e
		return nil
	}))
	must(y.ledger.AddGap(pruned, "", nil))
}

func minute(n int) time.Time { return time.Date(2026, 11, 22, 17, n, 0, 0, time.UTC) }

// A gap that only an old ledger has, while the archive has the files, is dropped; one
// for which the archive has no proof stays.
func TestI10_GapsOfALedgerPutBack(t *testing.T) {
	type change = func(y *yard, e *ledger.Entry, vanished, pruned *ledger.Gap)
	for name, test := range map[string]struct {
		change change
		want   string // gaps of the new epoch
	}{
		"the archive has all": {func(*yard, *ledger.Entry, *ledger.Gap, *ledger.Gap) {}, "state_lost"},
		"it was finished": {func(_ *yard, e *ledger.Entry, vanished, pruned *ledger.Gap) {
			e.Name, e.Rotated, vanished.File, vanished.To = "audit-2.log", minute(2), "audit-2.log", minute(2)
			pruned.From = minute(2)
		}, "state_lost"},
		"it had another name": {func(_ *yard, e *ledger.Entry, vanished, _ *ledger.Gap) {
			e.Name, e.Rotated, vanished.File, vanished.To = "audit-other.log", minute(2), "audit-other.log", minute(2)
		}, "vanished state_lost"},
		"it was rotated at another time": {func(_ *yard, e *ledger.Entry, vanished, _ *ledger.Gap) {
			e.Name, e.Rotated, vanished.File, vanished.To = "audit-2.log", minute(9), "audit-2.log", minute(9)
		}, "vanished state_lost"},
		"more was seen of it": {func(_ *yard, _ *ledger.Entry, vanished, _ *ledger.Gap) { vanished.Bytes++ }, "vanished state_lost"},
		"another inode":       {func(_ *yard, e *ledger.Entry, _, _ *ledger.Gap) { e.Inode++ }, "vanished state_lost"},
		"created by a clock that was a tick behind": {func(_ *yard, e *ledger.Entry, vanished, _ *ledger.Gap) {
			e.Born, vanished.From = minute(1).Add(-time.Millisecond), minute(1).Add(-time.Millisecond)
		}, "state_lost"},
		"nobody knows when it was created": {func(_ *yard, e *ledger.Entry, vanished, _ *ledger.Gap) {
			e.Born, vanished.From = time.Time{}, time.Time{}
		}, "vanished state_lost"},
		"another file was rotated next": {func(_ *yard, e *ledger.Entry, vanished, _ *ledger.Gap) {
			e.Born, vanished.From = minute(2), minute(2)
		}, "vanished state_lost"},
		"the last file is missing": {func(_ *yard, _ *ledger.Entry, _, pruned *ledger.Gap) {
			pruned.To = minute(5)
		}, "pruned state_lost"},
		"the file before the gap is no file in it": {func(_ *yard, _ *ledger.Entry, _, pruned *ledger.Gap) {
			pruned.From = minute(4)
		}, "pruned state_lost"},
		"the last file has no record": {func(y *yard, _ *ledger.Entry, _, _ *ledger.Gap) {
			for key, data := range y.store.objects {
				if r, err := manifest.Decode(data); err == nil && r.Source != nil && r.Source.Name == "audit-4.log" {
					delete(y.store.objects, key)
				}
			}
		}, "pruned state_lost"},
		"the archive may not be listed": {func(y *yard, _ *ledger.Entry, _, _ *ledger.Gap) { y.store.unlisted = true }, "vanished pruned state_lost"},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			y.oldLedger(func(e *ledger.Entry, vanished, pruned *ledger.Gap) { test.change(y, e, vanished, pruned) })
			y.sync()
			epoch, got := y.ledger.Chain().Epoch, []string{}
			for _, r := range y.store.records(t) {
				for _, g := range r.Gaps {
					if r.Epoch == epoch {
						got = append(got, string(g.Reason))
					}
				}
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("gaps %q, want %s", got, test.want)
			}
			want := ledger.Retired
			if strings.Contains(test.want, "vanished") {
				want = ledger.Quarantined
			}
			if got := y.state("2"); got != want {
				t.Errorf("the file that lost its link is %s, want %s", got, want)
			}
			if len(y.ledger.Gaps()) > 0 {
				t.Errorf("gaps that wait: %v", y.ledger.Gaps())
			}
		})
	}
}

// An archive that does not answer keeps the gaps waiting.
func TestI10_GapsOfALedgerPutBackWait(t *testing.T) {
	y := newYard(t)
	y.oldLedger(func(*ledger.Entry, *ledger.Gap, *ledger.Gap) {})
	y.store.fail = func(string) error { return errLost }
	y.store.findErr = errLost
	if err := y.shipper.Sync(t.Context()); !errors.Is(err, errLost) {
		t.Fatalf("%v, want %v", err, errLost)
	}
	y.store.fail, y.store.findErr = nil, nil
	y.mustStart()
	y.sync()
	y.wantLost(1, event(22, "1"), event(22, "2"), event(22, "3"), event(22, "4"))
	for _, r := range y.store.records(t) {
		for _, g := range r.Gaps {
			if g.Reason != continuity.ReasonStateLost {
				t.Errorf("the archive has the gap %s", g.Reason)
			}
		}
	}
}

// A state directory that is gone as a whole is a gap of the epoch that follows, when
// the archive has an earlier one; a new log has none.
func TestI10_StateDirectoryGone(t *testing.T) {
	y := newYard(t)
	y.mustStart()
	y.addAt(1)
	y.sync()
	y.wantLost(0, event(22, "1"))
	y.dir = audittest.FastDir(t)
	y.mustStart()
	y.addAt(1)
	y.store.findErr = errLost
	if err := y.shipper.Sync(t.Context()); err == nil {
		t.Error("a pass without an answer of the archive succeeded")
	}
	y.store.findErr = nil
	y.mustStart()
	y.sync()
	y.wantLost(1, event(22, "1"))
	y.mustStart()
	y.sync()
	y.wantLost(1, event(22, "1"))
}
