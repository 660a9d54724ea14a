package shipper

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
			if g.Reason == manifest.ReasonStateLost {
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
	for name, key := range map[string]*manifest.SigningKey{"unsigned": nil, "signed": signingKey(1, 0)} {
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
	y.shipper.records.next = 0 // what a store without a listing comes to
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

// A state directory that is gone as a whole is a gap of the epoch that follows, when
// the archive has an earlier one; a new log is none.
func TestI10_StateDirectoryGone(t *testing.T) {
	y := newYard(t)
	y.mustStart()
	y.addAt(1)
	y.sync()
	y.wantLost(0, event(22, "1"))
	y.dir = fastDir(t)
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
