package shipper

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/durable/durabletest"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/redact"
)

// loseLedger starts the next process without the ledger. The files are still
// there, so hold finds them again.
func (y *yard) loseLedger(texts ...string) {
	y.t.Helper()
	if err := os.Remove(filepath.Join(y.dir, ledger.FileName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		y.t.Fatal(err)
	}
	y.mustStart()
	y.addAll(texts)
}

func (y *yard) addAll(texts []string) {
	y.t.Helper()
	for i, text := range texts {
		y.add(fmt.Sprint(i), text, func(e *ledger.Entry) { e.Rotated = time.Date(2026, 11, 22, 17, i, 0, 0, time.UTC) })
	}
}

// wantOnce wants every text once in the archive, in any order, as objects that
// one record names, and nothing else.
func (y *yard) wantOnce(texts ...string) {
	y.t.Helper()
	got := y.store.restored(y.t)
	slices.Sort(got)
	want := slices.Sorted(slices.Values(texts))
	if !slices.Equal(got, want) {
		y.t.Errorf("the archive has\n%q, want\n%q", got, want)
	}
	named := map[string]int{}
	for _, r := range y.store.records(y.t) {
		for _, o := range r.Objects {
			named[o.Key]++
		}
	}
	for key := range y.store.objects {
		if !strings.HasPrefix(key, "manifests/") && named[key] != 1 {
			y.t.Errorf("%d records name %s", named[key], key)
		}
	}
	y.store.wantChain(y.t)
}

// TestI5_CrashWithTheLedgerLost stops after every effect while two files are
// archived, loses the ledger as well, and expects each file once. The first one
// has two days, so that one of its objects may be stored and the other not.
func TestI5_CrashWithTheLedgerLost(t *testing.T) {
	for times, step := range map[string]int64{"once": 1, "twice": 5} {
		t.Run(times, func(t *testing.T) {
			t.Parallel()
			texts := []string{event(21, "a") + event(22, "b"), event(22, "c")}
			everyCrash(t, step, 10, func(k int64) bool {
				y := newYard(t)
				y.mustStart()
				y.addAll(texts)
				crashed := y.crash(k, []durabletest.Loss{durabletest.LoseAll, durabletest.LoseNothing}[k%2])
				y.loseLedger(texts...)
				if times == "twice" { // lost again in the middle of the next pass
					y.crash(k/2, durabletest.LoseNothing)
					y.loseLedger(texts...)
				}
				y.sync()
				y.wantOnce(texts...)
				y.wantNoWork()
				return crashed
			})
		})
	}
}

// archiveSome has the archive take n objects and then nothing more, and loses
// the records sealed by then.
func (y *yard) archiveSome(n int) {
	y.t.Helper()
	y.store.fail = func(string) error {
		if n--; n < 0 {
			return errors.New("no route")
		}
		return nil
	}
	if err := y.shipper.Sync(y.t.Context()); n < 0 && err == nil {
		y.t.Fatal("no error")
	}
	y.store.fail = nil
	if err := os.RemoveAll(filepath.Join(y.dir, "sealed")); err != nil {
		y.t.Fatal(err)
	}
}

func TestI5_ObjectsOfALostEpochAreTakenUp(t *testing.T) {
	text := secretEvent(21, "a") + secretEvent(22, "b")
	named := func(e *ledger.Entry) { e.Rotated = time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC) }
	unnamed := func(e *ledger.Entry) {
		e.Name, e.Rotated, e.Unnamed = "audit-unseen.log", time.Date(2026, 11, 22, 16, 59, 58, 0, time.UTC), true
	}
	for name, test := range map[string]struct {
		stored   int // objects, of two
		redacted bool
		again    func(*ledger.Entry) // how the file is found again
	}{
		"one of two days":           {1, false, named},
		"all of it":                 {2, false, named},
		"of a redacted archive":     {1, true, named},
		"the name was pruned":       {1, false, unnamed},
		"recorded, the name pruned": {3, false, unnamed},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			if test.redacted {
				y.redact = &redact.Key{1}
			}
			y.mustStart()
			y.add("0", text, named)
			y.archiveSome(test.stored)
			before := len(y.store.objects)
			y.loseLedger()
			y.add("0", text, test.again)
			y.sync()
			if before != test.stored || len(y.store.objects) != 4 { // with the gap of the lost ledger
				t.Errorf("%d objects before, %d after", before, len(y.store.objects))
			}
			records := slices.DeleteFunc(y.store.records(t), func(r manifest.Record) bool { return r.Kind != manifest.KindFile })
			if r := records[0]; r.Source.Name != "audit-0.log" || !r.Source.Rotated.Equal(time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)) {
				t.Errorf("record of %s, %v", r.Source.Name, r.Source.Rotated)
			}
			if got := y.store.restored(t); len(got) != 1 || !test.redacted && got[0] != text {
				t.Errorf("restored %q", got)
			}
		})
	}
}

// TestI5_HeldAfterTheArchiveWasAsked holds a file of a lost epoch when the new one has asked the
// archive about the others already.
func TestI5_HeldAfterTheArchiveWasAsked(t *testing.T) {
	texts := []string{event(22, "a"), event(22, "b"), event(22, "c")}
	at := func(rotated time.Time) func(*ledger.Entry) { return func(e *ledger.Entry) { e.Rotated = rotated } }
	y := newYard(t)
	y.mustStart()
	began := y.ledger.Chain().Began
	y.add("0", texts[0], at(began.Add(-time.Minute)))
	y.add("1", texts[1], at(began.Add(-time.Second)))
	y.sync()
	y.loseLedger()
	y.add("0", texts[0], at(began.Add(-time.Minute)))
	y.sync()
	y.add("1", texts[1], at(began.Add(-time.Second)))
	y.add("2", texts[2], at(began.Add(time.Minute)))
	y.sync()
	y.wantOnce(texts...)
	if asked := len(y.shipper.earlier.asked); asked != 2 {
		t.Errorf("the archive was asked for %d files", asked)
	}
}

// A file whose link is gone when the archive is asked about it is asked about again when
// it is held again.
func TestI5_AskedWhileTheLinkWasGone(t *testing.T) {
	y := newYard(t)
	add := func() {
		y.add("0", event(22, "a"), func(e *ledger.Entry) { e.Rotated = y.ledger.Chain().Began.Add(-time.Hour).Truncate(time.Hour) })
	}
	y.mustStart()
	add()
	y.sync()
	y.loseLedger()
	add()
	must(t, os.Remove(y.heldPath("0")))
	if err := y.shipper.Sync(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("a file without a link: %v", err)
	}
	must(t, y.ledger.Edit("0", func(e *ledger.Entry) { e.Finished = false })) // being compressed
	y.sync()
	must(t, os.WriteFile(y.heldPath("0"), []byte(event(22, "a")), 0o600))
	must(t, y.ledger.Edit("0", func(e *ledger.Entry) { e.Finished = true }))
	y.sync()
	y.wantOnce(event(22, "a"))
}

// A foreign object is not adopted for its metadata: its bytes must
// be those of the file.
func TestI5_AnObjectThatLiesIsNotTakenUp(t *testing.T) {
	y := newYard(t)
	y.mustStart()
	y.addAll([]string{event(22, "a")})
	y.archiveSome(1)
	for key, data := range y.store.objects {
		lie := slices.Clone(data)
		for i := range 200 { // the first pages: the metadata stay
			lie[4+i] ^= 1
		}
		y.store.objects[key] = lie
	}
	y.loseLedger(event(22, "a"))
	y.sync()
	y.wantCopies(1, event(22, "a"))
}
