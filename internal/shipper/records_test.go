package shipper

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/durable/durabletest"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// kinds describes the stored records: "1 file audit-0.log", "2 gap pruned".
func (y *yard) kinds() string {
	var out []string
	for _, r := range y.store.records(y.t) {
		text := fmt.Sprintf("%d %s", r.Seq, r.Kind)
		if r.Source != nil {
			text += " " + r.Source.Name
		}
		for _, g := range r.Gaps {
			text += " " + string(g.Reason)
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func (y *yard) wantKinds(want string) {
	y.t.Helper()
	if got := y.kinds(); got != want {
		y.t.Errorf("records %q, want %q", got, want)
	}
	y.store.wantChain(y.t)
	if left := y.shipper.cfg.Chain.Sealed(); len(left) != 0 {
		y.t.Errorf("sealed records are left: %v", left)
	}
}

func TestI9_GapsAndFilesAreOneChain(t *testing.T) {
	y := newYard(t)
	y.mustStart()
	y.add("0", event(22, "a"), nil)
	if err := y.ledger.AddGap(ledger.Gap{Reason: "truncated", File: "audit.log", Bytes: 7}, "", nil); err != nil {
		t.Fatal(err)
	}
	if err := y.shipper.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	y.add("1", "a\x00\x00\x00b\n", nil)
	y.add("2", "no gzip", func(e *ledger.Entry) { e.Gzip = true })
	y.mustStart()
	if err := y.shipper.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	y.wantKinds("1 gap truncated, 2 file audit-0.log, 3 file audit-1.log nul_hole, 4 gap quarantined")
	if reported := strings.Join(y.gaps, ", "); reported != "nul_hole, quarantined" { // the first was reported by its finder
		t.Errorf("told of %s", reported)
	}
	records := y.store.records(t)
	if g := records[2].Gaps[0]; g.Bytes != 3 {
		t.Errorf("NUL hole of %d bytes, want 3", g.Bytes)
	}
	if n := len(y.ledger.Gaps()); n != 0 {
		t.Errorf("%d gaps still wait", n)
	}
	if head := y.ledger.Chain().Head; head.Number != 4 || head.Root == "" {
		t.Errorf("head %+v", head)
	}
}

func TestI4_NothingIsRetiredWithoutItsRecord(t *testing.T) {
	y := newYard(t)
	y.mustStart()
	y.add("0", event(22, "a"), nil)
	y.add("1", event(22, "b"), nil)
	y.store.fail = func(key string) error {
		if strings.HasPrefix(key, "manifests/") {
			return errors.New("denied")
		}
		return nil
	}
	for range 2 {
		if err := y.shipper.Sync(t.Context()); err == nil || !strings.Contains(err.Error(), "record 1") {
			t.Errorf("error %v", err)
		}
	}
	if y.state("0") != ledger.Converted || y.release != 0 {
		t.Errorf("state %s, %d released", y.state("0"), y.release)
	}
	y.store.fail = nil
	y.mustStart()
	if err := y.shipper.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	y.wantKinds("1 file audit-0.log, 2 file audit-1.log")
}

func TestLostLedgerArchivesNothingTwice(t *testing.T) {
	y := newYard(t)
	y.mustStart()
	rotated := func(minute int) func(*ledger.Entry) {
		return func(e *ledger.Entry) { e.Rotated = time.Date(2026, 11, 22, 17, minute, 0, 0, time.UTC) }
	}
	y.add("0", event(22, "a"), rotated(0))
	y.add("1", event(22, "b"), rotated(1))
	if err := y.shipper.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(y.dir, ledger.FileName)); err != nil {
		t.Fatal(err)
	}
	y.mustStart() // the files are still listed, so hold links them again
	y.add("0", event(22, "a"), rotated(0))
	y.add("1", event(22, "another file of the same name"), rotated(1))
	y.store.findErr = errors.New("no route")
	if err := y.shipper.Sync(t.Context()); !errors.Is(err, y.store.findErr) {
		t.Errorf("error %v; nothing may be archived before the archive was asked", err)
	}
	y.store.findErr = nil
	if err := y.shipper.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if y.state("0") != ledger.Retired || y.ledger.Chain().Fresh {
		t.Errorf("state %s, fresh %v", y.state("0"), y.ledger.Chain().Fresh)
	}
	y.wantKinds("1 file audit-0.log, 2 file audit-1.log, 1 gap state_lost, 2 file audit-1.log")
}

func TestLeftoverRecordsAreStored(t *testing.T) {
	y := newYard(t)
	y.mustStart()
	y.add("0", event(22, "a"), nil)
	y.store.fail = func(key string) error {
		if strings.HasPrefix(key, "manifests/") {
			return errors.New("denied")
		}
		return nil
	}
	if err := y.shipper.Sync(t.Context()); err == nil {
		t.Fatal("no error")
	}
	if err := os.Remove(filepath.Join(y.dir, ledger.FileName)); err != nil {
		t.Fatal(err)
	}
	y.store.fail = nil
	y.mustStart()
	y.add("0", event(22, "a"), nil)
	if err := y.shipper.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	y.wantKinds("1 file audit-0.log, 1 gap state_lost")
	if left, err := os.ReadDir(filepath.Join(y.dir, "sealed")); err != nil || len(left) != 0 {
		t.Errorf("sealed/ has %v, %v", left, err)
	}
}

// TestI9_GapsSurviveCrashes stops after every effect while a gap, a damaged
// file and a file become records, and loses unsynced bytes at every
// second one.
func TestI9_GapsSurviveCrashes(t *testing.T) {
	t.Parallel()
	everyCrash(t, 1, 20, func(k int64) bool {
		y := newYard(t)
		y.mustStart()
		y.add("0", event(22, "a"), nil)
		y.add("1", "no gzip", func(e *ledger.Entry) { e.Gzip = true })
		if err := y.ledger.AddGap(ledger.Gap{Reason: "pruned", Bytes: -1}, "", nil); err != nil {
			t.Fatal(err)
		}
		crashed := y.crash(k, []durabletest.Loss{durabletest.LoseAll, durabletest.LoseNothing}[k%2])
		if syncErr := y.shipper.Sync(t.Context()); syncErr != nil {
			t.Fatalf("crash after %d effects, then: %v", k, syncErr)
		}
		y.wantKinds("1 gap pruned, 2 file audit-0.log, 3 gap quarantined")
		y.wantNoWork()
		return crashed
	})
}

func TestGivenUpMeanwhileIsNoError(t *testing.T) {
	y := newYard(t)
	y.mustStart()
	y.add("0", event(22, "a"), nil)
	y.add("1", event(22, "b"), nil)
	y.store.fail = func(key string) error {
		e, _ := y.ledger.Get("0")
		if strings.HasPrefix(key, "manifests/") || e.State != ledger.Converted {
			return nil
		}
		return y.ledger.AddGap(ledger.Gap{Seq: e.Seq, Reason: continuity.ReasonDiskBudget}, "0", func(e *ledger.Entry) error {
			e.State = ledger.Retired
			return nil
		})
	}
	for range 2 {
		if err := y.shipper.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if kinds := y.kinds(); !strings.Contains(kinds, "2 file audit-1.log") {
		t.Errorf("records %q", kinds)
	}
	y.store.wantChain(t)
	y.wantNoWork()
}
