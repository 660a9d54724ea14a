package shipper

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/auditsidecar/auditsidecar/internal/durable/durabletest"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

func (y *yard) leaves() string { return filepath.Join(y.dir, manifest.LeavesName) }

// begins are the reasons of the epochs, in the order of the records.
func (y *yard) begins() (reasons []string) {
	y.t.Helper()
	for _, key := range y.store.recordKeys(0) {
		if r, err := manifest.Decode(y.store.objects[key]); err == nil && r.Begins != nil {
			reasons = append(reasons, string(r.Begins.Reason))
		}
	}
	return reasons
}

// twoFiles archives two files with a key and stops.
func (y *yard) twoFiles() {
	y.t.Helper()
	y.mustStart()
	y.addAt(1)
	y.addAt(2)
	y.sync()
}

// A lost state continues the tree of the archive, whatever of it is lost, and says why
// the epoch began. Where the archive does not have the tree, another one begins.
func TestI9_TheTreeGoesOn(t *testing.T) {
	flip := func(y *yard, number int64) {
		for _, key := range y.store.recordKeys(1) {
			if numberIn(key) == number {
				y.store.objects[key] = damage(y.store.objects[key])
			}
		}
	}
	remove := func(y *yard, name string) { must(y.t, os.Remove(filepath.Join(y.dir, name))) }
	for name, c := range map[string]struct {
		lose   func(y *yard)
		begins string
		trees  int
	}{
		"nothing":          {func(*yard) {}, "new", 1},
		"the ledger":       {func(y *yard) { remove(y, ledger.FileName) }, "new state_lost", 1},
		"a damaged ledger": {func(y *yard) { must(y.t, os.WriteFile(filepath.Join(y.dir, ledger.FileName), nil, 0o600)) }, "new state_lost", 1},
		"the leaves":       {func(y *yard) { remove(y, manifest.LeavesName) }, "new", 1},
		"damaged leaves":   {func(y *yard) { must(y.t, os.WriteFile(y.leaves(), make([]byte, 96), 0o600)) }, "new", 1},
		"short leaves":     {func(y *yard) { must(y.t, os.Truncate(y.leaves(), 33)) }, "new", 1},
		"both":             {func(y *yard) { remove(y, ledger.FileName); remove(y, manifest.LeavesName) }, "new state_lost", 1},
		"the ledger, and the leaves are damaged": {func(y *yard) {
			remove(y, ledger.FileName)
			must(y.t, os.WriteFile(y.leaves(), make([]byte, 96), 0o600))
		}, "new state_lost", 1},
		"the ledger, and an early record of the archive": {func(y *yard) { remove(y, ledger.FileName); flip(y, 1) }, "state_lost", 1},
		"all, and an early record of the archive": {func(y *yard) {
			remove(y, ledger.FileName)
			remove(y, manifest.LeavesName)
			flip(y, 1)
		}, "state_lost", 2},
		"the ledger, and the last record of the archive": {func(y *yard) { remove(y, ledger.FileName); flip(y, 3) }, "new state_lost", 2},
		"the leaves, and an early record of the archive": {func(y *yard) { remove(y, manifest.LeavesName); flip(y, 1) }, "state_lost", 2},
		"the ledger, and the archive may not be listed":  {func(y *yard) { remove(y, ledger.FileName); y.store.unlisted = true }, "new state_lost", 2},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			y.key = signingKey(t, nil)
			y.twoFiles()
			c.lose(y)
			y.mustStart()
			if _, ok := y.ledger.Get("3"); !ok {
				y.addAt(3)
			}
			y.sync()
			y.sync()
			y.store.unlisted = false
			trees, err := y.store.Tree(t.Context())
			if got := strings.Join(y.begins(), " "); err != nil || got != c.begins || trees != c.trees {
				t.Errorf("epochs began for %q in %d trees, want %q in %d", got, trees, c.begins, c.trees)
			}
			if c.trees == 1 && !strings.Contains(name, "early") {
				y.store.wantChain(t)
			}
			last := manifest.Read(y.store.objects[y.store.recordKeys(trees)[len(y.store.recordKeys(trees))-1]])
			if last.Err != nil || last.VerifyBy(y.key.Vkey) != nil {
				t.Errorf("the last record is not signed: %+v", last)
			}
			if c.trees > 1 {
				first := manifest.Read(y.store.objects[y.store.recordKeys(2)[0]])
				if first.Number != 1 || first.Begins == nil || !strings.Contains(first.Begins.Detail, manifest.ErrNotContinued.Error()) {
					t.Errorf("the second tree begins with %+v", first.Begins)
				}
			}
			if want := y.ledger.Chain().Head; testutil.ToFloat64(y.shipper.metrics.chainRecord) != float64(want.Number) || want.Tree != c.trees {
				t.Errorf("head %+v", want)
			}
		})
	}
}

// Damaged leaves are kept for an operator.
func TestDamagedLeavesAreSetAside(t *testing.T) {
	y := newYard(t)
	y.twoFiles()
	must(t, os.WriteFile(y.leaves(), []byte("damaged"), 0o600))
	y.mustStart()
	y.store.treeErr = errLost
	if err := y.shipper.Sync(t.Context()); !errors.Is(err, errLost) {
		t.Errorf("%v: the archive does not answer", err)
	}
	y.store.treeErr = nil
	y.sync()
	y.addAt(3)
	y.sync()
	y.store.wantChain(t)
	if aside, err := filepath.Glob(y.leaves() + ".corrupt-*"); err != nil || len(aside) != 1 {
		t.Errorf("set aside: %q, %v", aside, err)
	}
}

// The power fails after any effect while leaves are kept, and the ledger is lost as
// well: the tree continues.
func TestI4_CrashWhileLeavesAreKept(t *testing.T) {
	t.Parallel()
	everyCrash(t, 1, 10, func(k int64) bool {
		y := newBeatingYard(t)
		y.mustStart()
		y.addAt(1)
		crashed := y.crash(k, durabletest.Losses()[k%4])
		y.sync()
		if k%3 == 0 {
			must(t, os.Remove(filepath.Join(y.dir, ledger.FileName)))
			y.mustStart()
			y.sync()
		}
		y.store.wantChain(t)
		leaves, err := os.ReadFile(y.leaves())
		if want := 32 * y.ledger.Chain().Head.Number; err != nil || int64(len(leaves)) != want {
			t.Errorf("%d bytes of leaves, want %d, %v", len(leaves), want, err)
		}
		return crashed
	})
}

// A key that was replaced signs nothing: that is an alarm, and the sidecar continues to archive.
func TestReplacedKeySignsNothing(t *testing.T) {
	y := newYard(t)
	one := signingKey(t, nil)
	two := signingKey(t, one)
	for _, key := range []*manifest.SigningKey{one, two, one, one, two} {
		y.key = key
		y.mustStart()
		y.addAt(int(y.starts))
		y.sync()
		replaced := y.starts == 3 || y.starts == 4
		if got := testutil.ToFloat64(y.shipper.metrics.keyReplaced); (got == 1) != replaced {
			t.Errorf("start %d: replaced %v", y.starts, got)
		}
		if alarmed := slices.ContainsFunc(y.notes, func(n string) bool { return strings.Contains(n, "ALARM: the signing key was replaced") }); alarmed != replaced {
			t.Errorf("start %d: %q", y.starts, y.notes)
		}
		y.notes = nil
	}
	y.wantKinds("1 key, 2 file audit-1.log, 3 key, 4 file audit-2.log, 5 file audit-3.log, 6 file audit-4.log, 7 file audit-5.log")
	for _, r := range y.store.records(t) {
		if isSigned(r) == (r.Seq == 5 || r.Seq == 6) {
			t.Errorf("record %d: %s", r.Seq, r.Checkpoint)
		}
	}
}

// Records that are signed by a key which this node does not know do not continue its
// tree.
func TestTreeOfAnotherKey(t *testing.T) {
	y := newYard(t)
	y.key = signingKey(t, nil)
	y.twoFiles()
	must(t, os.Remove(filepath.Join(y.dir, ledger.FileName)))
	y.key = signingKey(t, nil)
	y.mustStart()
	y.addAt(3)
	y.sync()
	if tree, err := y.store.Tree(t.Context()); err != nil || tree != 2 {
		t.Errorf("tree %d, %v", tree, err)
	}
}

// A node that ran without its key for a while, and lost all of its state, continues the tree:
// verify reports the record without a signature, and no second tree beside it.
func TestI9_TreeGoesOnAfterAnUnsignedRecord(t *testing.T) {
	for name, between := range map[string]func(y *yard, n int){
		"it is the last": func(*yard, int) {},
		"signed again": func(y *yard, n int) {
			y.mustStart()
			y.addAt(n)
			y.sync()
		},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			key := signingKey(t, nil)
			y.key = key
			y.twoFiles()
			y.key = nil
			y.mustStart()
			y.addAt(3)
			y.sync()
			y.key = key
			between(y, 4)
			unsigned := slices.IndexFunc(y.store.records(t), func(r manifest.Record) bool { return !isSigned(r) })
			for _, state := range []string{ledger.FileName, manifest.LeavesName, manifest.SealedDir} {
				must(t, os.RemoveAll(filepath.Join(y.dir, state)))
			}
			y.mustStart()
			y.addAt(9)
			y.sync()
			last := y.store.records(t)[len(y.store.recordKeys(1))-1]
			if tree, err := y.store.Tree(t.Context()); err != nil || tree != 1 || unsigned < 0 || !isSigned(last) {
				t.Errorf("tree %d, %v; unsigned %d, the last is signed: %v", tree, err, unsigned, isSigned(last))
			}
			y.store.wantChain(t)
		})
	}
}
