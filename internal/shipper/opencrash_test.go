package shipper

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/durable/durabletest"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/redact"
)

// TestI5_IncrementCrashAtEveryStep loses the power after every single effect
// on the disk, while a file grows and is then finished. A lost node leaves
// whole lines up to the last increment; the node that comes back archives the
// file once, under the number of its increments, which never changed.
func TestI5_IncrementCrashAtEveryStep(t *testing.T) {
	for _, loss := range []durabletest.Loss{durabletest.LoseNothing, durabletest.LoseAll} {
		t.Run("lose "+loss.String(), func(t *testing.T) {
			t.Parallel()
			crashIncrements(t, loss, nil, []string{event(21, "a") + "no event\n", event(22, "b") + "torn"})
		})
	}
}

// crashIncrements lets a file grow by pieces, of which the last ends with
// "torn", a line that is not complete.
func crashIncrements(t *testing.T, loss durabletest.Loss, key *redact.Key, lines []string) {
	whole := strings.Join(lines, "")
	want := redacted(t, key, whole)
	everyCrash(t, 1, 30, func(k int64) bool {
		y := newOpenYard(t, time.Nanosecond)
		y.redact = key
		y.mustStart()
		y.add("0", "", asOpen)
		power := durabletest.NewPowerLoss(k, audittest.FastDir(t))
		y.fs = durable.OS().WithHook(power.Hook)
		stored, err := y.growAndFinish(lines)
		if err != nil && !errors.Is(err, durabletest.ErrCrash) {
			t.Fatal(err)
		}
		if err := power.Crash(loss); err != nil {
			t.Fatal(err)
		}
		if got := y.store.partial(t, 1); !strings.HasPrefix(want, got) || len(got) < len(redacted(t, key, whole[:stored])) {
			t.Fatalf("crash after %d effects: a lost node leaves %s, want at least %d bytes of the file", k, brief(got), stored)
		}
		y.fs = durable.OS()
		y.mustStart()
		y.grow("0", strings.TrimPrefix(whole, y.content("0")))
		y.sync()
		y.sync()
		if got := y.store.partial(t, 1); got != redacted(t, key, strings.TrimSuffix(whole, "torn")) && y.store.restored(t) == nil {
			t.Fatalf("crash after %d effects, then a restart: the archive has %s", k, brief(got))
		}
		y.finish("0")
		y.sync()
		if got := y.store.restored(t); fmt.Sprint(got) != fmt.Sprint([]string{want}) {
			t.Fatalf("crash after %d effects: the archive holds %q", k, got)
		}
		y.wantKinds("1 file audit-0.log")
		return err != nil
	})
}

// growAndFinish writes the pieces, with a pass after each, and finishes the
// file. It returns how many bytes were in increments when a pass ended well.
func (y *yard) growAndFinish(pieces []string) (stored int, err error) {
	if err := y.start(); err != nil {
		return 0, err
	}
	size := 0
	for _, piece := range pieces {
		y.grow("0", piece)
		if err := y.shipper.Sync(y.t.Context()); err != nil {
			return stored, err
		}
		size += len(piece)
		stored = size
		if n := strings.LastIndexByte(piece, '\n') + 1; n < len(piece) {
			stored -= len(piece) - n
		}
	}
	if err := y.ledger.Edit("0", func(e *ledger.Entry) { e.Finished, e.Name = true, "audit-0.log" }); err != nil {
		return stored, err
	}
	return stored, y.shipper.Sync(y.t.Context())
}

func (y *yard) content(id string) string {
	y.t.Helper()
	b, err := os.ReadFile(y.heldPath(id))
	if err != nil {
		y.t.Fatal(err)
	}
	return string(b)
}
