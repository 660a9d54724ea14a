package shipper

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/durable/durabletest"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/redact"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// event is a line with a timestamp on a day of November 2026.
func event(day int, id string) string {
	return fmt.Sprintf(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"%s","stage":"ResponseComplete","requestURI":"/api","verb":"get","user":{"username":"u"},"requestReceivedTimestamp":"2026-11-%02dT10:00:00.000000Z","stageTimestamp":"2026-11-%02dT10:00:00.000000Z"}`+"\n", id, day, day)
}

func TestI4_FinishedSegmentsAreArchivedInOrder(t *testing.T) {
	y := newYard(t)
	y.mustStart()
	real := string(audittest.Corpus(t, "diverse.log"))
	midnight := event(21, "a") + event(22, "b") + "no event\n" + event(21, "c")
	y.add("0", real, nil)
	y.add("1", midnight, nil)
	y.add("2", "", nil)
	y.add("3", event(22, "open"), func(e *ledger.Entry) { e.Finished = false })
	if err := y.shipper.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{real, midnight, ""}
	if got := y.store.restored(t); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Error("the archive does not hold the finished segments, byte for byte and in order")
	}
	for id, state := range map[string]ledger.State{"0": ledger.Retired, "1": ledger.Retired, "2": ledger.Retired, "3": ledger.Held} {
		if got := y.state(id); got != state {
			t.Errorf("segment %s is %s, want %s", id, got, state)
		}
	}
	if e, _ := y.ledger.Get("1"); len(e.Objects) != 2 {
		t.Errorf("a file that crosses midnight became %d objects, want 2", len(e.Objects))
	}
	if left, _ := os.ReadDir(filepath.Join(y.dir, DirName)); len(left) != 0 {
		t.Errorf("work is left: %v", left)
	}
	if n := testutil.ToFloat64(y.shipper.metrics.lines); n != float64(strings.Count(real+midnight, "\n")) {
		t.Errorf("archived_lines_total %v", n)
	}
	puts := y.store.puts
	if err := y.shipper.Sync(t.Context()); err != nil || y.store.puts != puts {
		t.Errorf("a second pass stored again: %d puts, %v", y.store.puts-puts, err)
	}
}

// TestI5_CrashAtEveryStep stops the process after every single effect on the
// disk, loses unsynced bytes, starts it again, and expects each segment
// in the archive exactly once, under objects that never changed.
func TestI5_CrashAtEveryStep(t *testing.T) {
	for _, loss := range []durabletest.Loss{durabletest.LoseNothing, durabletest.LoseAll} {
		t.Run("lose "+loss.String(), func(t *testing.T) {
			t.Parallel()
			crashEverywhere(t, loss, nil, event(21, "a")+event(22, "b"))
		})
	}
}

// crashEverywhere archives two files that are made of text, of two days.
func crashEverywhere(t *testing.T, loss durabletest.Loss, key *redact.Key, text string) {
	want := redacted(t, key, text)
	everyCrash(t, 1, 20, func(k int64) bool {
		y := newYard(t)
		y.redact = key
		y.mustStart()
		y.add("0", text, nil)
		y.add("1", text+text, nil)
		crashed := y.crash(k, loss)
		if err := y.shipper.Sync(t.Context()); err != nil {
			t.Fatalf("crash after %d effects, then: %v", k, err)
		}
		if got := y.store.restored(t); fmt.Sprint(got) != fmt.Sprint([]string{want, want + want}) {
			t.Fatalf("crash after %d effects: the archive holds %d segments: %q", k, len(got), got)
		}
		if len(y.store.objects) != 6 { // two objects and a record each
			t.Fatalf("crash after %d effects: %d objects, want 6", k, len(y.store.objects))
		}
		y.store.wantChain(t)
		y.wantNoWork()
		return crashed
	})
}

func TestI5_LostAnswer(t *testing.T) {
	y := newYard(t)
	y.mustStart()
	y.add("0", event(22, "a"), nil)
	y.store.lose = true
	if err := y.shipper.Sync(t.Context()); err == nil {
		t.Fatal("a lost answer counted as success")
	}
	if got := y.state("0"); got != ledger.Converted {
		t.Errorf("state %s after a lost answer, want converted", got)
	}
	y.store.lose = false
	y.mustStart()
	if err := y.shipper.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(y.store.objects) != 2 || y.state("0") != ledger.Retired {
		t.Errorf("%d objects, state %s", len(y.store.objects), y.state("0"))
	}
}

func TestI4_OutageRetiresNothing(t *testing.T) {
	y := newYard(t)
	y.mustStart()
	y.add("0", event(22, "a"), nil)
	y.add("1", event(22, "b"), nil)
	outage := errors.New("no route to host")
	y.store.fail = func(string) error { return outage }
	for range 3 {
		if err := y.shipper.Sync(t.Context()); !errors.Is(err, outage) || !strings.Contains(err.Error(), "audit-0.log") {
			t.Errorf("error %v", err)
		}
	}
	if y.state("0") != ledger.Converted || y.state("1") != ledger.Held || y.release != 0 {
		t.Errorf("states %s, %s, %d released", y.state("0"), y.state("1"), y.release)
	}
	if n := testutil.ToFloat64(y.shipper.metrics.pendingNow); n != 2 {
		t.Errorf("archive_pending_files %v, want 2", n)
	}
	y.store.fail = nil
	if err := y.shipper.Sync(t.Context()); err != nil || len(y.store.objects) != 4 {
		t.Errorf("after the outage: %d objects, %v", len(y.store.objects), err)
	}
}

func TestWorkFileGoneIsMadeAgain(t *testing.T) {
	y := newYard(t)
	y.mustStart()
	y.add("0", event(22, "a"), nil)
	y.store.fail = func(string) error { return errors.New("down") }
	if err := y.shipper.Sync(t.Context()); err == nil {
		t.Fatal("no error")
	}
	if err := os.RemoveAll(filepath.Join(y.dir, DirName)); err != nil {
		t.Fatal(err)
	}
	y.store.fail = nil
	y.mustStart()
	if err := y.shipper.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := y.store.restored(t); len(got) != 1 || got[0] != event(22, "a") {
		t.Errorf("restored %q", got)
	}
}

// A file that the converter always refuses is not tried again.
func TestSourcesThatAreRefusedAreQuarantined(t *testing.T) {
	y := newYard(t)
	y.mustStart()
	for id, c := range map[string]struct {
		err  error
		want ledger.State
	}{
		"0": {parquet.ErrLineTooLong, ledger.Quarantined},
		"1": {parquet.ErrTooManyLines, ledger.Quarantined},
		"2": {parquet.ErrSourceChanged, ledger.Held},
	} {
		y.add(id, event(22, "a"), nil)
		e, _ := y.ledger.Get(id)
		err := y.shipper.refused.refuse(e, fmt.Errorf("convert: %w", c.err))
		if e, _ = y.ledger.Get(id); e.State != c.want || (err == nil) != (c.want == ledger.Quarantined) {
			t.Errorf("%v: %s, %v; want %s", c.err, e.State, err, c.want)
		}
		if e.State == ledger.Quarantined && !strings.Contains(e.Reason, c.err.Error()) {
			t.Errorf("%v: the reason is %q", c.err, e.Reason)
		}
	}
}

func TestUnpackIsBounded(t *testing.T) {
	dir := t.TempDir()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(make([]byte, 1<<20))
	_ = z.Close()
	path := filepath.Join(dir, "bomb.gz")
	if err := os.WriteFile(path, packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	err := Unpack(t.Context(), path, filepath.Join(dir, "out"), 1000)
	var bad *UnpackError
	if !errors.As(err, &bad) {
		t.Errorf("error %v, want an UnpackError", err)
	}
	if info, err := os.Stat(filepath.Join(dir, "out")); err != nil || info.Size() > 1001 {
		t.Errorf("wrote %v bytes, %v", info, err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Unpack(canceled, path, filepath.Join(dir, "out2"), 1<<30); !errors.Is(err, context.Canceled) || errors.As(err, &bad) {
		t.Errorf("canceled: %v", err)
	}
}

func TestI1_FileThatGrewIsNeverRetired(t *testing.T) {
	y := newYard(t)
	y.mustStart()
	y.add("0", event(22, "a"), nil)
	y.store.fail = func(string) error {
		f, err := os.OpenFile(y.heldPath("0"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteString("late\n")
		return errors.Join(err, f.Close())
	}
	if err := y.shipper.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e, _ := y.ledger.Get("0"); e.State != ledger.Quarantined || !strings.Contains(e.Reason, "grew") {
		t.Errorf("%s %q", e.State, e.Reason)
	}
}

func TestRunBacksOffAndEnds(t *testing.T) {
	y := newYard(t)
	y.mustStart()
	y.add("0", event(22, "a"), nil)
	synctest.Test(t, func(t *testing.T) {
		var up atomic.Bool
		y.store.fail = func(string) error {
			if up.Load() {
				return nil
			}
			return errors.New("down")
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- y.shipper.Run(ctx) }()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := len(y.passes); n < 8 || n > 40 {
			t.Errorf("%d attempts in ten minutes, want a backoff up to a minute", n)
		}
		up.Store(true)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if y.state("0") != ledger.Retired || y.passes[len(y.passes)-1] != nil {
			t.Errorf("state %s, last report %v", y.state("0"), y.passes[len(y.passes)-1])
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
