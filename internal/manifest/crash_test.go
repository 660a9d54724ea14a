package manifest

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/durable/durabletest"
)

// world has the parts that survive a crash: the directory, the ledger (the head and the
// numbers that are stored) and the archive. The clock never stands still, so
// that a record that is made twice shows.
type world struct {
	t     *testing.T
	dir   string
	clock time.Time

	head     Head
	stored   map[int64]bool
	archive  map[int64][]byte
	promised map[int64]string // hashes that Seal returned
}

func newWorld(t *testing.T) *world {
	return &world{t: t, dir: t.TempDir(), clock: noon, head: firstHead, stored: map[int64]bool{}, archive: map[int64][]byte{}, promised: map[int64]string{}}
}

// seal seals a number, unless the ledger says that it is stored.
func (w *world) seal(c *Chain, seq int64) error {
	if w.stored[seq] {
		return nil
	}
	w.clock = w.clock.Add(time.Second)
	r := fileRecord(seq, w.clock)
	if seq%3 == 0 {
		r = gapRecord(seq, w.clock)
	}
	s, err := c.Seal(r)
	if err != nil {
		return err
	}
	if had := w.promised[seq]; had != "" && had != s.SHA256 {
		w.t.Errorf("record %d was sealed as %s and is now %s", seq, had, s.SHA256)
	}
	w.promised[seq] = s.SHA256
	return nil
}

// ship stores and removes up to n records, in the order that the package asks for.
func (w *world) ship(c *Chain, n int) error {
	for _, s := range c.Sealed()[:min(n, len(c.Sealed()))] {
		data, err := c.read(s)
		if err != nil {
			return err
		}
		if had := w.archive[s.Seq]; had != nil && !bytes.Equal(had, data) {
			w.t.Errorf("record %d is stored with other bytes", s.Seq)
		}
		w.archive[s.Seq] = data
		if err := c.Keep(s); err != nil {
			return err
		}
		w.stored[s.Seq], w.head = true, s.Head
		if err := c.Remove(s); err != nil {
			return err
		}
	}
	return nil
}

// pass does the rest of the work; seqs give the order.
func (w *world) pass(c *Chain, seqs []int64) error {
	for i, seq := range seqs {
		if err := w.seal(c, seq); err != nil {
			return err
		}
		if i%2 == 1 {
			if err := w.ship(c, 1); err != nil {
				return err
			}
		}
	}
	return w.ship(c, len(seqs))
}

// check holds the archive against the invariants: every record once, each
// promise kept, one chain.
func (w *world) check(seqs []int64) {
	w.t.Helper()
	var records [][]byte
	for _, data := range w.archive {
		records = append(records, data)
	}
	head, err := treeFault(records)
	if err != nil || len(records) != len(seqs) || head != w.head {
		w.t.Errorf("%d records of %d, head %+v (ledger %+v), %v", len(records), len(seqs), head, w.head, err)
	}
	leaves, err := os.ReadFile(filepath.Join(w.dir, LeavesName))
	if err != nil || len(leaves) != 32*len(seqs) {
		w.t.Errorf("%d bytes of leaves, %v", len(leaves), err)
	}
	for seq, sum := range w.promised {
		if Sum(w.archive[seq]) != sum {
			w.t.Errorf("record %d is not stored as it was sealed", seq)
		}
	}
}

func reversed(seqs []int64) []int64 {
	seqs = slices.Clone(seqs)
	slices.Reverse(seqs)
	return seqs
}

// powerLoss stops after k effects and knows how to undo writes that no fsync of the
// directory had made durable by then.
type powerLoss struct {
	left int64
	undo []func() error
	data func() error // undoes unsynced writes to the leaves
}

func (p *powerLoss) hook(e durable.Effect, apply func() error) error {
	if p.left == 0 {
		return durabletest.ErrCrash
	}
	p.left--
	var content []byte
	if e.Op == durable.OpRemove || e.Op == durable.OpWrite {
		content, _ = os.ReadFile(e.Path)
	}
	if filepath.Base(e.Path) == LeavesName && e.Op == durable.OpWrite { // NULs in place of the written bytes
		p.data = func() error { return os.WriteFile(e.Path, append(content, make([]byte, 32)...), 0o600) }
	}
	if err := apply(); err != nil {
		return err
	}
	switch e.Op {
	case durable.OpSync:
		if filepath.Base(e.Path) == LeavesName {
			p.data = nil
		}
	case durable.OpLink:
		p.undo = append(p.undo, func() error { return os.Remove(e.Path) })
	case durable.OpRemove:
		p.undo = append(p.undo, func() error { return os.WriteFile(e.Path, content, 0o600) })
	case durable.OpSyncDir:
		p.undo = nil
	}
	return nil
}

// strike brings the directory to the state that the disk is sure to hold.
func (p *powerLoss) strike(t *testing.T) {
	if p.data != nil {
		must(t, p.data())
	}
	for _, undo := range slices.Backward(p.undo) {
		must(t, undo())
	}
}

// shortStep is the distance of the effects that a test fails or crashes at: 1, or 3 in short form.
func shortStep() int64 {
	if testing.Short() {
		return 3
	}
	return 1
}

// I4, I5: crash after every effect, of the process or of the machine, open
// again, continue in the same order or in another one: the chain is whole,
// nothing is lost, nothing is there twice.
func TestI4_CrashAtEveryEffect(t *testing.T) {
	t.Parallel()
	seqs := []int64{2, 5, 1, 3, 4, 6}
	points, undone, step := 0, 0, shortStep()
	for variant := range 4 {
		power, after := variant&1 != 0, seqs
		if variant&2 != 0 {
			after = reversed(seqs)
		}
		for k, done := int64(0), false; !done; k += step {
			w := newWorld(t)
			loss := &powerLoss{left: k}
			c, err := openAt(durable.OS().WithHook(loss.hook), w.dir, w.head)
			if err == nil {
				err = w.pass(c, seqs)
			}
			done = err == nil
			if !done && !errors.Is(err, durabletest.ErrCrash) {
				t.Fatalf("after %d effects: %v", k, err)
			}
			if power {
				undone += len(loss.undo)
				loss.strike(t)
			}
			must(t, w.pass(open(t, w.dir, w.head), after))
			w.check(seqs)
			points++
			if t.Failed() {
				t.Fatalf("crash after %d effects (of the machine: %v), then in the order %v", k, power, after)
			}
		}
	}
	if points < 160/int(step) || undone == 0 {
		t.Errorf("only %d crash points, %d effects lost: the hook does not see them", points, undone)
	}
	t.Logf("%d crash points, %d effects lost", points, undone)
}

// The same with a second crash, in the recovery of the first.
func TestI4_CrashInRecovery(t *testing.T) {
	t.Parallel()
	seqs := []int64{2, 1}
	points, step := 0, shortStep()
	for k1, done1 := int64(0), false; !done1; k1++ {
		for k2, done2 := k1%step, false; !done2; k2 += step {
			w := newWorld(t)
			run := func(k int64, seqs []int64) bool {
				c, err := openAt(durable.OS().WithHook(durabletest.CrashAfter(k)), w.dir, w.head)
				if err == nil {
					err = w.pass(c, seqs)
				}
				return err == nil
			}
			done1, done2 = run(k1, seqs), run(k2, reversed(seqs))
			must(t, w.pass(open(t, w.dir, w.head), seqs))
			w.check(seqs)
			points++
			if t.Failed() {
				t.Fatalf("crash after %d effects, then after %d", k1, k2)
			}
		}
	}
	t.Logf("%d pairs of crash points", points)
}

// failOnce fails effect k, applied or not, and no other; fired says whether it
// came to that.
func failOnce(k int, applied bool) (hook durable.Hook, fired func() bool) {
	seen := 0
	hook = func(_ durable.Effect, apply func() error) error {
		seen++
		if seen-1 != k {
			return apply()
		}
		if applied {
			if err := apply(); err != nil {
				return err
			}
		}
		return unix.ENOSPC
	}
	return hook, func() bool { return seen > k }
}

// I4, I5: one effect fails and the process continues, with the same chain. The effect that
// failed may have happened: another record must not take its place.
func TestI4_FailureOfAnyEffect(t *testing.T) {
	t.Parallel()
	seqs := []int64{2, 5, 1, 3, 4}
	points, step := 0, int(shortStep())
	for _, applied := range []bool{false, true} {
		for k, more := 0, true; more; k += step {
			w := newWorld(t)
			hook, fired := failOnce(k, applied)
			c, err := openAt(durable.OS().WithHook(hook), w.dir, w.head)
			if err != nil {
				continue // nothing was written yet
			}
			first := w.pass(c, seqs)
			if first != nil && !durable.IsDiskFull(first) {
				t.Fatalf("effect %d: %v", k, first)
			}
			must(t, w.pass(c, reversed(seqs)))
			w.check(seqs)
			again := open(t, w.dir, w.head)
			if again.Head() != c.Head() || order(again) != "" {
				t.Errorf("opened again: head %+v, want %+v; sealed %s", again.Head(), c.Head(), order(again))
			}
			if t.Failed() {
				t.Fatalf("effect %d failed (applied: %v): %v", k, applied, first)
			}
			more = fired()
			points++
		}
	}
	if points < 80/step {
		t.Errorf("only %d effects failed", points)
	}
	t.Logf("%d failures", points)
}

// I5: a record that a killed process had just linked is not promised before its
// name is sure to survive a power failure too.
func TestI5_AdoptedRecordIsDurable(t *testing.T) {
	dir := t.TempDir()
	killed := &powerLoss{left: 5} // create, write, fsync, link, remove the temporary file
	c, err := openAt(durable.OS(), dir, firstHead)
	must(t, err)
	c.fs = durable.OS().WithHook(killed.hook)
	if _, err := c.Seal(fileRecord(1, noon)); !errors.Is(err, durabletest.ErrCrash) || len(killed.undo) != 2 {
		t.Fatalf("not killed before the fsync of the directory: %v, %d effects to lose", err, len(killed.undo))
	}
	next := &powerLoss{left: 100, undo: killed.undo}
	c, err = openAt(durable.OS().WithHook(next.hook), dir, firstHead)
	must(t, err)
	s, err := c.Seal(fileRecord(1, noon.Add(time.Second)))
	must(t, err)
	next.strike(t)
	if got := open(t, dir, firstHead).Sealed(); len(got) != 1 || got[0] != s {
		t.Errorf("promised %+v, after the power failure %+v", s, got)
	}
}

// I9: a foreign file in the way is found, not linked to.
func TestI9_ChangedBehindTheBack(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir, firstHead)
	_, err := c.Seal(fileRecord(1, noon))
	must(t, err)
	other := open(t, dir, firstHead) // against the rules: no lock
	_, err = other.Seal(fileRecord(2, noon))
	must(t, err)
	if _, err := c.Seal(fileRecord(2, noon.Add(time.Second))); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("sealed over a file: %v", err)
	}
	// Now it is known, and the chain continues after it.
	_, err = c.Seal(fileRecord(3, noon))
	must(t, err)
	if got := order(open(t, dir, firstHead)); got != "1 2 3" {
		t.Errorf("sealed %s", got)
	}
	_, err = other.Seal(fileRecord(4, noon)) // a fork
	must(t, err)
	var broken *BrokenError
	if _, err := openAt(durable.OS(), dir, firstHead); !errors.As(err, &broken) || !strings.Contains(err.Error(), "does not follow") {
		t.Errorf("opened a fork: %v", err)
	}
}
