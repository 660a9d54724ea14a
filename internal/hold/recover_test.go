package hold

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/durable/durabletest"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

func TestLostLedgerIsRebuiltFromLinks(t *testing.T) {
	h := newFixture(t)
	h.write("one\n")
	h.mustStart()
	h.sync()
	backup := h.rotate()
	h.write("two\n")
	h.sync()
	h.remove(backup)
	h.remove(filepath.Join(h.stateDir(), ledger.FileName))
	h.mustStart()
	h.sync()
	if h.ledger.Entries()[0].Finished {
		t.Error("finished, and audit.log may have been replaced")
	}
	h.writeLater("three\n")
	h.sync()
	h.wantHeld("one\n", "two\nthree\n")
	entries := h.ledger.Entries()
	if !entries[0].Finished || entries[1].Finished || entries[1].Name != "audit.log" {
		t.Errorf("entries %+v", entries)
	}
}

func TestLostLedgerKeepsTheOrder(t *testing.T) {
	h := newFixture(t)
	for _, text := range []string{"a\n", "b\n", "c\n"} {
		h.write(text)
		h.rotate()
	}
	h.write("d\n")
	h.mustStart()
	h.sync()
	h.retire(0)
	h.retire(1)
	h.sync() // a and b are archived, listed and not held
	h.remove(h.ledgerPath())
	h.mustStart()
	h.sync()
	h.wantHeld("a\n", "b\n", "c\n", "d\n")
	h.wantGaps("state_lost ")
	h.rotate()
	h.write("e\n")
	h.sync()
	h.wantHeld("a\n", "b\n", "c\n", "d\n", "e\n")
	h.wantGaps("state_lost ")
}

func TestNeedlessLinksGo(t *testing.T) {
	h := newFixture(t)
	h.write("one\n")
	h.mustStart()
	h.sync()
	e := h.ledger.Entries()[0]
	twin := h.hold.Path(linkName(90, e.Inode))
	stray := h.hold.Path(linkName(91, e.Inode+1))
	for _, path := range []string{twin, stray} {
		if err := os.Link(h.log.Path(), path); err != nil {
			t.Fatal(err)
		}
	}
	h.mustStart()
	h.sync()
	h.wantHeld("one\n")
	for _, path := range []string{twin, stray} {
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("%s is still there", path)
		}
	}
	h.rotate()
	h.sync()
	if last := h.ledger.Entries()[1].ID; last < linkName(92, 0) {
		t.Errorf("the number of a removed link was given again: %s", last)
	}
}

// A full disk refuses the ledger more often than it refuses a link.
func TestI1_FullDiskLinksOnce(t *testing.T) {
	for _, c := range []struct {
		refuses string
		op      durable.Op
		path    string
		links   int // while the disk is full
	}{
		{"the ledger", durable.OpWrite, ledger.FileName, 2},
		{"the directory of the links", durable.OpSyncDir, DirName, 2},
	} {
		t.Run(c.refuses, func(t *testing.T) {
			h := newFixture(t)
			h.write("one\n")
			h.rotate()
			full := false
			h.fs = durable.OS().WithHook(func(e durable.Effect, apply func() error) error {
				err := apply()
				if full && e.Op == c.op && strings.Contains(e.Path, c.path) {
					return syscall.ENOSPC
				}
				return err
			})
			h.mustStart()
			full = true
			for range 3 {
				if err := h.hold.Sync(t.Context()); err == nil {
					t.Fatal("no error")
				}
				h.wantLinks(c.links)
			}
			full = false
			h.sync()
			h.wantHeld("one\n", "")
			h.retire(0)
			h.sync()
			h.mustStart() // finds nothing to adopt
			h.sync()
			h.wantLinks(1)
			h.wantEntries("audit-2026-11-22T17-00-01.000.log retired finished", "audit.log held")
		})
	}
}

func (h *fixture) wantLinks(want int) {
	h.t.Helper()
	links, err := os.ReadDir(filepath.Join(h.stateDir(), DirName))
	if err != nil || len(links) != want {
		h.t.Errorf("%d links, want %d (%v)", len(links), want, err)
	}
}

// TestI1_CrashAtEveryStep stops the process after every single effect on the
// disk, loses unsynced bytes, starts it again, and expects every file
// held exactly once.
func TestI1_CrashAtEveryStep(t *testing.T) {
	for _, loss := range durabletest.Losses() {
		for _, copies := range []bool{false, true} {
			t.Run(fmt.Sprint("lose ", loss, ", copies ", copies), func(t *testing.T) {
				t.Parallel()
				points := crashEverywhere(t, loss, copies)
				if points < 20/int(shortStep()) {
					t.Errorf("only %d crash points; the hook is not in the way", points)
				}
				t.Logf("%d crash points", points)
			})
		}
	}
}

// shortStep is the distance of the effects that a test crashes at: 1, or 3 in short form.
func shortStep() int64 {
	if testing.Short() {
		return 3
	}
	return 1
}

func crashEverywhere(t *testing.T, loss durabletest.Loss, copies bool) (points int) {
	for k := int64(0); ; k += shortStep() {
		h := newFixture(t)
		h.loki, h.copy = true, copies
		h.write("one\n")
		power := durabletest.NewPowerLoss(k, t.TempDir())
		h.fs = durable.OS().WithHook(power.Hook)
		finished := h.scenario()
		if err := power.Crash(loss); err != nil {
			t.Fatal(err)
		}
		h.fs = quickFS()
		h.mustStart()
		h.sync()
		h.sync()
		h.wantEveryFileOnce(k)
		if finished {
			return points
		}
		points++
	}
}

// scenario holds, rotates, holds, and releases; false when it crashed.
func (h *fixture) scenario() bool {
	steps := []func() error{
		h.start,
		func() error { return h.hold.Sync(h.t.Context()) },
		func() error { h.rotate(); h.write("two\n"); return nil },
		func() error { return h.hold.Sync(h.t.Context()) },
		func() error { h.rotate(); h.write("three\n"); return nil },
		func() error { return h.hold.Sync(h.t.Context()) },
		func() error { return h.release(0) },
		func() error { return h.hold.Sync(h.t.Context()) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			if !errors.Is(err, durabletest.ErrCrash) {
				h.t.Fatal(err)
			}
			return false
		}
	}
	return true
}

// release gives up both claims on a segment, as its sinks do.
func (h *fixture) release(i int) error {
	return h.ledger.Edit(h.ledger.Entries()[i].ID, func(e *ledger.Entry) { e.State, e.Loki = ledger.Retired, false })
}

// wantEveryFileOnce wants one link for each listed file that a sink needs, and
// none for the others.
func (h *fixture) wantEveryFileOnce(k int64) {
	h.t.Helper()
	listed, err := h.log.Segments()
	if err != nil {
		h.t.Fatal(err)
	}
	count, want := map[uint64]int{}, map[uint64]int{}
	for _, e := range h.ledger.Entries() {
		if h.hold.isHeld(e.ID) {
			count[e.Inode]++
		}
		if e.Owed() {
			want[e.Inode] = 1
		}
	}
	if len(h.ledger.Entries()) != len(listed) {
		h.t.Errorf("crash after %d effects: %d entries for %d files", k, len(h.ledger.Entries()), len(listed))
	}
	for _, s := range listed {
		if count[s.Inode] != want[s.Inode] {
			h.t.Errorf("crash after %d effects: %s is held %d times", k, s.Name, count[s.Inode])
		}
	}
	if gaps := h.ledger.Gaps(); len(gaps) > 0 {
		h.t.Errorf("crash after %d effects: gaps %v", k, gaps)
	}
	names := map[string]int{}
	for _, e := range h.ledger.Entries() {
		names[e.Name]++
		if names[e.Name] > 1 {
			h.t.Errorf("crash after %d effects: two entries for %s", k, e.Name)
		}
	}
}

// TestI1_RandomMoves makes random moves of kube-apiserver, of passes and of
// restarts, and then compares every byte that was written with the held bytes.
func TestI1_RandomMoves(t *testing.T) {
	t.Parallel()
	for seed := range seeds(20) {
		randomMoves(newFixture(t), seed)
	}
}

// With copies, bytes survive whatever happens while the process lives.
func TestI1_RandomMovesWithCopies(t *testing.T) {
	t.Parallel()
	for seed := range seeds(20) {
		randomMoves(newCopyFixture(t), seed)
	}
}

// seeds is how many seeds a test has of n: a third in short form.
func seeds(n uint64) uint64 {
	if testing.Short() {
		return n / 3
	}
	return n
}

func randomMoves(h *fixture, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	h.write("")
	h.mustStart()
	h.sync()
	var files []string // the expected content of each file, in order
	open, seen := "", true
	for step := range 60 {
		switch random.IntN(6) {
		case 0, 1:
			text := fmt.Sprintf("%d.%d\n", seed, step)
			h.write(text)
			open += text
		case 2:
			backup := h.rotate()
			files = append(files, open)
			if seen && random.IntN(3) == 0 {
				h.remove(backup) // pruned at once: only the early link has it
			}
			open, seen = "", false
		case 3, 4:
			h.sync()
			seen = true
		case 5:
			if h.copy { // a descriptor does not outlive the process
				h.sync()
			}
			h.mustStart()
			if h.copy {
				h.sync()
				seen = true
			}
		}
	}
	h.sync()
	h.wantHeld(append(files, open)...)
	h.wantGaps()
	if h.t.Failed() {
		h.t.Fatalf("seed %d", seed)
	}
}
