package hold

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// wantGaps compares "reason file bytes" of the gaps in the ledger.
func (h *fixture) wantGaps(want ...string) {
	h.t.Helper()
	var got []string
	for _, g := range h.ledger.Gaps() {
		got = append(got, string(g.Reason)+" "+g.File)
	}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		h.t.Errorf("gaps %q, want %q", got, want)
	}
	if n := len(h.ledger.Gaps()); n != len(h.gaps) {
		h.t.Errorf("%d gaps in the ledger, %d were told of", n, len(h.gaps))
	}
}

func TestI9_Truncated(t *testing.T) {
	for _, restart := range []bool{false, true} {
		h := newFixture(t)
		h.write("one\ntwo\n")
		h.mustStart()
		h.sync()
		if err := os.Truncate(h.log.Path(), 0); err != nil {
			t.Fatal(err)
		}
		if restart {
			h.mustStart()
		}
		h.sync()
		h.sync() // told once
		h.wantGaps("truncated audit.log")
		if g := h.ledger.Gaps()[0]; g.Bytes != 8 || !strings.Contains(g.Detail, "8 bytes") {
			t.Errorf("gap %+v", g)
		}
	}
}

func TestI9_TruncatedUnderAWriterWithoutAppend(t *testing.T) {
	h := newFixture(t)
	h.write("one\ntwo\n")
	h.mustStart()
	h.sync()
	f, err := os.OpenFile(h.log.Path(), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Truncate(h.log.Path(), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("three\n"), 8); err != nil { // NULs before it
		t.Fatal(err)
	}
	h.sync()
	h.sync()
	h.wantGaps("truncated audit.log")
}

func TestI9_GrowingIsNoGap(t *testing.T) {
	h := newFixture(t)
	h.write("")
	h.mustStart()
	for range 5 {
		h.write(strings.Repeat("x", 700) + "\n")
		h.sync()
		h.mustStart()
	}
	h.rotate()
	h.write("next\n")
	h.sync()
	h.wantGaps()
}

// times gives a file its last write, as it was seen, and a creation time.
func (h *fixture) times(i int, edit func(e *ledger.Entry)) {
	h.t.Helper()
	if err := h.ledger.Edit(h.ledger.Entries()[i].ID, edit); err != nil {
		h.t.Fatal(err)
	}
}

func TestI9_PrunedWhileDown(t *testing.T) {
	h := newFixture(t)
	h.write("one\n")
	h.mustStart()
	h.sync()
	backup := h.rotate()
	h.sync()
	// The sidecar was stopped: the first file was written to and rotated long
	// before the second one was created, and is gone.
	h.wrote(backup, time.Hour)
	h.remove(backup)
	long := time.Now().Add(-time.Hour).UTC()
	h.times(0, func(e *ledger.Entry) {
		e.Wrote, e.Rotated, e.Born, e.Seen = long, long, long.Add(-time.Hour), 3600
	})
	h.times(1, func(e *ledger.Entry) { e.Continuous = false })
	h.sync()
	h.sync()
	h.wantGaps("pruned " + h.ledger.Entries()[0].Name)
	if g := h.ledger.Gaps()[0]; g.Bytes < 3590 || g.Bytes > 3610 || !g.From.Equal(long) {
		t.Errorf("gap %+v, want about 3600 bytes since %s", g, long)
	}
}

func TestI9_CompressedWhileDown(t *testing.T) {
	h := newFixture(t)
	h.clock = time.Now().UTC().Add(-2 * time.Second) // the third file is born now
	h.write("one\n")
	h.mustStart()
	h.sync()
	first := h.rotate()
	h.write(`{"stageTimestamp":"` + h.clock.Add(10*time.Second).Format(time.RFC3339Nano) + `"}` + "\n")
	second := h.rotate()
	for _, path := range []string{first, second} {
		gzipFile(t, path)
		h.remove(path)
	}
	h.write("three\n")
	h.mustStart()
	h.sync()
	h.wantGaps()
}

func TestI9_VanishedBeforeItWasHeld(t *testing.T) {
	h := newFixture(t)
	h.write("one\n")
	h.mustStart()
	h.sync()
	backup := h.rotate()
	h.write("two\n")
	h.remove(h.ledgerPath())
	h.remove(h.hold.Path(h.ledger.Entries()[0].ID))
	h.mustStart()
	listed, err := h.log.Segments()
	if err != nil {
		t.Fatal(err)
	}
	h.remove(backup) // between the listing and the link
	look := h.hold.look(listed)
	if _, err := h.hold.linker.linkNew(look); err != nil {
		t.Fatal(err)
	}
	h.sync()
	h.wantHeld("two\n")
	if g := h.ledger.Gaps(); len(g) != 2 || g[0].Reason != continuity.ReasonStateLost || g[1].Reason != continuity.ReasonVanished || g[1].Bytes != 4 {
		t.Errorf("gaps %+v", g)
	}
}

// A backup that is compressed between the listing and the link is there.
func TestI9_CompressedBeforeItWasHeldIsNoGap(t *testing.T) {
	h := newFixture(t)
	h.write("one\n")
	backup := h.rotate()
	h.mustStart()
	listed, err := h.log.Segments()
	if err != nil {
		t.Fatal(err)
	}
	gzipFile(t, backup)
	h.remove(backup)
	if _, err := h.hold.linker.linkNew(h.hold.look(listed)); err != nil {
		t.Fatal(err)
	}
	h.sync()
	h.wantGaps()
	h.wantEntries("audit-2026-11-22T17-00-01.000.log held finished", "audit.log held")
}

func (h *fixture) ledgerPath() string { return h.stateDir() + "/" + ledger.FileName }

func TestI9_WriterOnDeletedFile(t *testing.T) {
	h := newFixture(t)
	h.write("one\n")
	h.mustStart()
	h.sync()
	h.remove(h.log.Path())
	h.sync()
	h.sync()
	if on := testutil.ToFloat64(h.hold.metrics.orphan); on != 1 {
		t.Errorf("writer_on_deleted_file %v", on)
	}
	alarms := 0
	for _, note := range h.notes {
		if strings.HasPrefix(note, "alarm") {
			alarms++
		}
	}
	if alarms != 1 {
		t.Errorf("%d alarms: %q", alarms, h.notes)
	}
	h.write("two\n")
	h.sync()
	if on := testutil.ToFloat64(h.hold.metrics.orphan); on != 0 {
		t.Errorf("writer_on_deleted_file %v with a new audit.log", on)
	}
	h.wantHeld("one\n", "two\n")
	h.wantGaps()
}

func TestI9_RotationOff(t *testing.T) {
	h := newFixture(t)
	h.write("one\n")
	h.mustStart()
	if err := os.Truncate(h.log.Path(), hugeLog+1); err != nil { // sparse
		t.Fatal(err)
	}
	h.sync()
	if on := testutil.ToFloat64(h.hold.metrics.huge); on != 1 {
		t.Errorf("rotation_off %v", on)
	}
}

func TestI8_BudgetGivesWayInOrder(t *testing.T) {
	h := newFixture(t)
	h.loki = true
	h.budget = Budget{MaxBytes: 25, MinFree: 1}
	var backups []string
	h.write("")
	h.mustStart()
	h.sync()
	for range 4 {
		h.write("0123456789")
		backups = append(backups, h.rotate())
		h.sync()
	}
	h.retire(2) // archived; Loki still wants it
	h.sync()
	h.wantGaps() // all are listed: giving one up would free nothing
	for _, path := range backups {
		h.remove(path)
	}
	h.sync()
	h.sync()
	h.wantHeld("0123456789", "0123456789", "")
	h.wantGaps("disk_budget " + "audit-2026-11-22T17-00-01.000.log")
	if g := h.ledger.Gaps()[0]; g.Bytes != 10 {
		t.Errorf("gap %+v", g)
	}
	if used := testutil.ToFloat64(h.hold.metrics.budgetUsed); used != 20 {
		t.Errorf("budget used %v, want 20", used)
	}
}

func TestBudgetDefaults(t *testing.T) {
	got := Budget{}.Resolve(1 << 40)
	if got.MaxBytes != 20<<30 || got.MinFree != 1<<30 {
		t.Errorf("on 1 TiB: %+v", got)
	}
	if got = (Budget{}).Resolve(100 << 30); got.MaxBytes != 10<<30 || got.MinFree != 1<<30 {
		t.Errorf("on 100 GiB: %+v", got)
	}
	if got = (Budget{MaxBytes: 5, MinFree: 6}).Resolve(1 << 40); got.MaxBytes != 5 || got.MinFree != 6 {
		t.Errorf("given: %+v", got)
	}
}

// A file that is cut and grows past its old size between two passes is
// caught by a sample in between.
func TestI9_TruncatedBetweenPasses(t *testing.T) {
	h := newFixture(t)
	h.write("")
	h.mustStart()
	h.sync()
	h.write("one\ntwo\n")
	if h.hold.sample() {
		t.Fatal("something is wrong")
	}
	if err := os.Truncate(h.log.Path(), 0); err != nil {
		t.Fatal(err)
	}
	h.write(strings.Repeat("three\n", 10))
	if h.hold.sample() {
		t.Fatal("something is wrong")
	}
	h.sync()
	h.wantGaps("truncated audit.log")
	if g := h.ledger.Gaps()[0]; g.Bytes != 8 {
		t.Errorf("gap %+v", g)
	}
}

// The time of the last write stands in for a rotation that no pass saw: a file
// quiet for a second before it makes no gap, one quiet for a minute does, unless
// the file was seen open in the meantime.
func TestI9_QuietBeforeAnUnseenRotation(t *testing.T) {
	for ago, want := range map[time.Duration]int{time.Second: 0, time.Minute: 1, -time.Minute: 0} {
		seen := ago < 0
		ago = ago.Abs()
		h := newFixture(t)
		h.write("one\n")
		h.wrote(h.log.Path(), time.Hour)
		h.mustStart()
		h.sync()
		backup := h.rotate()
		wrote := time.Now().Add(-ago)
		if err := os.Chtimes(backup, wrote, wrote); err != nil {
			t.Fatal(err)
		}
		h.remove(backup)
		h.write("two\n")
		if !seen {
			h.mustStart()
		}
		h.sync()
		h.writeLater("three\n")
		h.sync()
		if got := len(h.ledger.Gaps()); got != want {
			t.Errorf("%s before: %d gaps, want %d", ago, got, want)
		}
	}
}

// The seen bytes of a file count when it is finished, too, and after a restart.
func TestI10_CutBeforeItWasFinished(t *testing.T) {
	for _, down := range []bool{false, true} {
		h := newFixture(t)
		h.write("one\n")
		h.mustStart()
		h.sync()
		h.write("two\n")
		if h.hold.sample() { // not on disk yet
			t.Fatal("something is wrong")
		}
		if down {
			h.hold.Close()
		}
		backup := h.rotate()
		if err := os.Truncate(backup, 2); err != nil {
			t.Fatal(err)
		}
		if down {
			h.mustStart()
		}
		h.sync()
		if e := h.ledger.Entries()[0]; !e.Finished || e.Seen != 8 {
			t.Errorf("down %v: %+v, want 8 bytes seen", down, e)
		}
		h.wantGaps() // the shipper finds it
	}
}

// A cut that the shipper has recorded is not recorded again; the increments of the open file
// keeps its number.
func TestI10_CutIsRecordedOnce(t *testing.T) {
	h := newFixture(t)
	h.write("one\ntwo\n")
	h.mustStart()
	h.sync()
	e := h.ledger.Entries()[0]
	h.times(0, func(e *ledger.Entry) { e.Seq, e.Open = 3, &ledger.Increments{Offset: 4, Line: 1} })
	if err := os.Truncate(h.log.Path(), 0); err != nil {
		t.Fatal(err)
	}
	stale := e
	e = h.ledger.Entries()[0]
	if err := h.ledger.Cut(e, ledger.Gap{}, 0, ledger.Mark{}, true); err != nil {
		t.Fatal(err)
	}
	if err := h.hold.watcher.truncated(&stale, 8, 0, true); err != nil {
		t.Fatal(err)
	}
	h.sync()
	h.write("three\n")
	h.sync()
	if gaps := h.ledger.Gaps(); len(gaps) != 1 || gaps[0].Seq != 3 {
		t.Errorf("gaps %+v, want one, of number 3", gaps)
	}
	if e := h.ledger.Entries()[0]; e.Seq != 0 || e.Open != nil || e.Cuts != 1 || e.Had != 8 {
		t.Errorf("entry %+v", e)
	}
}
