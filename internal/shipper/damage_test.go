package shipper

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/auditsidecar/auditsidecar/internal/durable/durabletest"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// at makes the n-th PUT of a store go wrong.
func at(n int, what fault) func(int) fault {
	return func(put int) fault {
		if put == n {
			return what
		}
		return ""
	}
}

// wantCopies wants n objects that have a copy, each reported, records that
// name objects with the bytes that they say, and the texts restored.
func (y *yard) wantCopies(n int, texts ...string) {
	y.t.Helper()
	if got := len(y.store.objects) - len(y.store.current()); got != n {
		y.t.Errorf("%d objects have a copy, want %d", got, n)
	}
	reported := 0
	for _, note := range y.notes {
		if strings.Contains(note, "storing a copy under another key") {
			reported++
		}
	}
	if counted := testutil.ToFloat64(y.shipper.metrics.copies.WithLabelValues("differs")) + testutil.ToFloat64(y.shipper.metrics.copies.WithLabelValues("unreadable")); reported < n || counted == 0 && n > 0 {
		y.t.Errorf("%d notes, archive_copies_total %v, want %d: %q", reported, counted, n, y.notes)
	}
	y.wantConfirmed(texts...)
}

// wantConfirmed wants everything that a record says is archived to be so.
func (y *yard) wantConfirmed(texts ...string) {
	y.t.Helper()
	for _, r := range y.store.records(y.t) {
		for _, o := range r.Objects {
			if sum := sha256.Sum256(y.store.objects[o.Key]); hex.EncodeToString(sum[:]) != o.SHA256 {
				y.t.Errorf("record %d names %s with other bytes than it holds", r.Seq, o.Key)
			}
		}
	}
	if got := y.store.restored(y.t); fmt.Sprint(got) != fmt.Sprint(texts) {
		y.t.Errorf("the archive holds %q, want %q", got, texts)
	}
	y.store.wantChain(y.t)
	y.wantNoWork()
	for _, e := range y.ledger.Entries() {
		if e.State != ledger.Retired {
			y.t.Errorf("%s is %s", e.Name, e.State)
		}
	}
}

// TestI10_StoreDamagesAtEveryPut has the store damage each object and record in
// turn, or keep it from being read after its answer was lost.
func TestI10_StoreDamagesAtEveryPut(t *testing.T) {
	texts := []string{event(21, "a") + event(22, "b"), event(22, "c")}
	for _, what := range faults() {
		t.Run(string(what), func(t *testing.T) {
			for n := 1; n <= 5; n++ { // two objects and one, a record each
				y := newYard(t)
				y.store.fault = at(n, what)
				y.mustStart()
				y.addAll(texts)
				if err := y.shipper.Sync(t.Context()); (err != nil) != (what == damagedLost) {
					t.Fatalf("PUT %d: %v", n, err)
				}
				y.sync()
				y.wantCopies(1, texts...)
				if t.Failed() {
					t.Fatalf("PUT %d", n)
				}
			}
		})
	}
}

// TestI10_CrashWhereTheStoreDamages loses the power after every effect on the
// disk, with the store damaging each PUT in turn.
func TestI10_CrashWhereTheStoreDamages(t *testing.T) {
	texts := []string{event(21, "a") + event(22, "b"), event(22, "c")}
	for _, what := range faults() {
		t.Run(string(what), func(t *testing.T) {
			t.Parallel()
			for n := 1; n <= 5; n++ {
				everyCrash(t, 9, 3, func(k int64) bool {
					y := newYard(t)
					y.mustStart()
					y.addAll(texts)
					y.store.fault = at(n, what)
					crashed := y.crashOr(k, []durabletest.Loss{durabletest.LoseAll, durabletest.LoseNothing}[k/9%2], errLost)
					_ = y.shipper.Sync(t.Context()) // the PUT that fails may come only now
					y.sync()
					y.wantConfirmed(texts...)
					return crashed
				})
			}
		})
	}
}

// TestI10_IncrementThatIsDamaged: a lost node leaves the confirmed bytes.
func TestI10_IncrementThatIsDamaged(t *testing.T) {
	for _, what := range faults() {
		for n := 1; n <= 2; n++ {
			t.Run(fmt.Sprintf("%s %d", what, n), func(t *testing.T) {
				y := newOpenYard(t, time.Nanosecond)
				y.store.fault = at(n, what)
				y.add("0", event(22, "a"), asOpen)
				for range 2 {
					_ = y.shipper.Sync(t.Context()) // fails if the answer is lost
				}
				y.grow("0", event(22, "b"))
				for range 2 {
					_ = y.shipper.Sync(t.Context())
				}
				if got := y.store.partial(t, 1); got != event(22, "a")+event(22, "b") {
					t.Errorf("the archive has %s", brief(got))
				}
				y.finish("0")
				y.sync()
				y.wantCopies(1, event(22, "a")+event(22, "b"))
			})
		}
	}
}

// TestI10_StoreDamagesEverything: the source is kept, and copies are bounded.
func TestI10_StoreDamagesEverything(t *testing.T) {
	y := newYard(t)
	y.mustStart()
	y.addAll([]string{event(22, "a")})
	y.store.fault = func(int) fault { return damaged }
	for range 5 {
		if err := y.shipper.Sync(t.Context()); err == nil || !strings.Contains(err.Error(), "no copy of") {
			t.Fatalf("error %v", err)
		}
	}
	if len(y.store.objects) != copiesAtOnce || y.state("0") != ledger.Converted || y.release != 0 {
		t.Errorf("%d objects, state %s, %d released", len(y.store.objects), y.state("0"), y.release)
	}
	for _, c := range y.shipper.uploads.copies {
		if wait := time.Until(c.until); wait < copyPause/2 || wait > copyPause {
			t.Errorf("the next copy in %v", wait)
		}
		c.until = time.Time{}
	}
	y.store.fault = nil
	y.sync()
	y.wantCopies(copiesAtOnce, event(22, "a"))
}

// TestI10_ReadErrorIsNoVerdict: an object that cannot be read now is neither
// taken for ours nor stored again.
func TestI10_ReadErrorIsNoVerdict(t *testing.T) {
	y := newYard(t)
	y.mustStart()
	y.addAll([]string{event(22, "a")})
	y.store.fault = at(1, damagedLost)
	if err := y.shipper.Sync(t.Context()); err == nil {
		t.Fatal("no error")
	}
	y.store.fetchErr = errLost
	if err := y.shipper.Sync(t.Context()); err == nil || len(y.store.objects) != 1 {
		t.Errorf("%d objects, %v", len(y.store.objects), err)
	}
	y.store.fetchErr = nil
	y.sync()
	y.wantCopies(1, event(22, "a"))
}

// TestI10_DamagedWorkFiles flips a bit in each file that waits for the archive:
// objects are made again of the held source, a sealed record is an error that says
// what to do, and no damaged bytes are sent.
func TestI10_DamagedWorkFiles(t *testing.T) {
	text := event(21, "a") + event(22, "b")
	flip := func(t *testing.T, path string) {
		t.Helper()
		data, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, damage(data), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2 {
		t.Run(fmt.Sprintf("object %d", i), func(t *testing.T) {
			y := newYard(t)
			y.mustStart()
			y.addAll([]string{text})
			y.store.fail = func(string) error { return errLost }
			_ = y.shipper.Sync(t.Context())
			e, _ := y.ledger.Get("0")
			flip(t, y.shipper.workFile("0", e.Objects[i].Work))
			y.store.fail = nil
			y.sync()
			y.wantCopies(0, text)
		})
	}
	t.Run("increment", func(t *testing.T) {
		y := newOpenYard(t, time.Nanosecond)
		y.add("0", event(22, "a"), asOpen)
		y.store.fail = func(string) error { return errLost }
		_ = y.shipper.Sync(t.Context())
		flip(t, y.shipper.workFile("0", incrementName))
		y.store.fail = nil
		y.sync()
		y.sync()
		if got := y.store.partial(t, 1); got != event(22, "a") {
			t.Errorf("the archive has %s", brief(got))
		}
		y.finish("0")
		y.sync()
		y.wantCopies(0, event(22, "a"))
	})
	t.Run("record", func(t *testing.T) {
		y := newYard(t)
		y.mustStart()
		y.addAll([]string{text})
		y.store.fail = func(key string) error {
			if strings.HasPrefix(key, "manifests/") {
				return errLost
			}
			return nil
		}
		_ = y.shipper.Sync(t.Context())
		record := y.shipper.cfg.Chain.Sealed()[0].Path
		flip(t, record)
		y.store.fail = nil
		for range 2 {
			if err := y.shipper.Sync(t.Context()); !errors.Is(err, ErrWorkGone) || !strings.Contains(err.Error(), "move the file away") {
				t.Errorf("error %v", err)
			}
		}
		if n := len(y.store.records(t)); n != 0 || y.release != 0 {
			t.Errorf("%d records, %d released", n, y.release)
		}
		if err := os.Rename(record, record+".damaged"); err != nil { // as the error says
			t.Fatal(err)
		}
		y.mustStart()
		y.sync()
		y.wantCopies(0, text)
	})
}
