package shipper

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/durable/durabletest"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// crash makes a pass on a disk that stops after k effects and loses all that was
// not synced, and starts the next process on the rest. It returns false
// when the pass came to its end before that.
func (y *yard) crash(k int64, loss durabletest.Loss) bool {
	y.t.Helper()
	return y.crashOr(k, loss, durabletest.ErrCrash)
}

// crashOr is crash for a pass that may end with another error as well.
func (y *yard) crashOr(k int64, loss durabletest.Loss, other error) bool {
	y.t.Helper()
	power := durabletest.NewPowerLoss(k, audittest.FastDir(y.t))
	y.fs = durable.OS().WithHook(power.Hook)
	err := y.start()
	if err == nil {
		err = y.shipper.Sync(y.t.Context())
	}
	if err != nil && !errors.Is(err, durabletest.ErrCrash) && !errors.Is(err, other) {
		y.t.Fatal(err)
	}
	if err := power.Crash(loss); err != nil {
		y.t.Fatal(err)
	}
	y.fs = durable.OS()
	y.mustStart()
	return errors.Is(err, durabletest.ErrCrash)
}

// everyCrash runs once for a crash after every step effects, until one comes
// too late. There must be at least as many before it. The short form tries
// every ninth.
func everyCrash(t *testing.T, step int64, least int, once func(k int64) (crashed bool)) {
	t.Helper()
	if testing.Short() {
		step, least = 9*step, least/9
	}
	points := 0
	for k := int64(0); once(k); k += step {
		if t.Failed() {
			t.Fatalf("crash after %d effects", k)
		}
		points++
	}
	if points < least {
		t.Errorf("only %d crash points", points)
	}
	t.Logf("%d crash points", points)
}

func (y *yard) wantNoWork() {
	y.t.Helper()
	left, err := os.ReadDir(filepath.Join(y.dir, DirName))
	if err != nil || len(left) != 0 {
		y.t.Errorf("work is left: %v, %v", left, err)
	}
}

// Work that comes back after a power failure, and that of a segment which was
// given up, has no claim left; that of others has.
func TestI8_NeedlessWorkGoes(t *testing.T) {
	y := newYard(t)
	y.mustStart()
	for _, s := range []ledger.State{ledger.Held, ledger.Converted, ledger.Stored, ledger.Retired, ledger.Quarantined} {
		y.add(string(s), event(22, "a"), func(e *ledger.Entry) { e.State, e.Finished = s, false })
	}
	for _, name := range []string{"held", "converted", "stored", "retired", "quarantined", "forgotten"} {
		if err := os.MkdirAll(filepath.Join(y.dir, DirName, name, "below"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := y.shipper.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Join(y.dir, DirName))
	if err != nil || len(left) != 3 || left[0].Name() != "converted" || left[1].Name() != "held" || left[2].Name() != "stored" {
		t.Errorf("left %v, %v", left, err)
	}
}
