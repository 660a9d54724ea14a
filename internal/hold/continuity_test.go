package hold

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// wrote sets when a file was last written to.
func (h *fixture) wrote(path string, ago time.Duration) {
	h.t.Helper()
	at := time.Now().Add(-ago)
	if err := os.Chtimes(path, at, at); err != nil {
		h.t.Fatal(err)
	}
}

// rotateSlowly rotates as a busy node does: the next file is created some time
// after the last write to this one.
func (h *fixture) rotateSlowly(took time.Duration) (backup string) {
	h.t.Helper()
	backup = h.rotate()
	h.wrote(backup, took)
	return backup
}

// TestI9_ASlowRotationIsNoGap has more time between two files than a rotation
// takes, and different knowledge of the files between them.
func TestI9_ASlowRotationIsNoGap(t *testing.T) {
	const slow = 3 * time.Second
	for name, test := range map[string]struct {
		while func(h *fixture) // after the first file was held
		want  []string
	}{
		"the first is listed": {func(h *fixture) {
			h.rotateSlowly(slow)
			h.write("two\n")
		}, nil},
		"the first is listed, and so are those that follow": {func(h *fixture) {
			h.rotateSlowly(slow)
			for range 3 {
				h.write("more\n")
				h.rotate()
			}
		}, nil},
		"the first is deleted, the next one is open": {func(h *fixture) {
			h.remove(h.rotateSlowly(slow))
			h.write("two\n")
		}, nil},
		"pruned: one backup is kept, and it is not the first": {func(h *fixture) {
			h.remove(h.rotateSlowly(slow))
			h.write("never seen\n")
			h.remove(h.rotate())
			h.write("three\n")
			h.rotate()
		}, []string{"pruned "}},
		"deleted between files that are there": {func(h *fixture) {
			h.rotateSlowly(time.Minute)
			h.write("two\n")
		}, []string{"pruned audit-2026-11-22T17-00-01.000.log"}},
		"replaced long ago": {func(h *fixture) {
			h.remove(h.rotateSlowly(time.Minute))
			h.write("two\n")
		}, []string{"replaced "}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newFixture(t)
			h.write("one\n")
			h.wrote(h.log.Path(), time.Minute)
			h.mustStart()
			h.sync()
			test.while(h)
			h.mustStart() // no pass ran meanwhile
			h.sync()
			h.writeLater("last\n")
			h.sync()
			for i, want := range test.want {
				if last := len(want) - 1; want[last] == ' ' {
					test.want[i] = want + h.ledger.Entries()[0].Name // made from a time of the disk
				}
			}
			h.wantGaps(test.want...)
		})
	}
}

// Files of 100 MiB do not come and go within seconds; small ones may.
func TestI9_FillTime(t *testing.T) {
	for _, test := range []struct {
		name         string
		before, next int64
		want         int
	}{
		{"large files", 100 << 20, 100 << 20, 0},
		{"small files", 1 << 20, 1 << 20, 1},
		{"the size was changed", 100 << 20, 1 << 20, 1},
	} {
		h := newFixture(t)
		h.write("one\n")
		h.mustStart()
		h.sync()
		first := h.rotate()
		h.write("two\n")
		h.rotate()
		h.sync()
		h.remove(first) // else nothing after it was pruned
		ago := time.Now().Add(-4 * time.Second).UTC()
		h.times(0, func(e *ledger.Entry) { e.Wrote, e.Rotated, e.Seen = ago, ago, test.before })
		h.times(1, func(e *ledger.Entry) { e.Continuous, e.Seen = false, test.next })
		h.sync()
		if got := len(h.ledger.Gaps()); got != test.want {
			t.Errorf("%s: %d gaps, want %d", test.name, got, test.want)
		}
	}
}

// TestI9_Replaced moves audit.log away and makes another one, as logrotate does;
// its writer continues in the old one until it rotates.
func TestI9_Replaced(t *testing.T) {
	h := newFixture(t)
	h.write("one\n")
	h.mustStart()
	h.sync()
	moved := filepath.Join(h.log.Dir, "audit.log.1")
	if err := os.Rename(h.log.Path(), moved); err != nil {
		t.Fatal(err)
	}
	h.write("")
	h.sync()
	h.wantGaps() // a new file that is empty may be a rotation
	h.wantEntries("audit.log held", "audit.log held")

	f, err := os.OpenFile(moved, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("two\n"); err != nil {
		t.Fatal(err)
	}
	h.wrote(moved, -time.Second)
	h.sync()
	h.mustStart()
	h.sync()
	h.wantGaps("replaced audit.log")
	h.wantEntries("audit.log held", "audit.log held")
	h.wantHeld("one\ntwo\n", "")
	if on := testutil.ToFloat64(h.hold.metrics.orphan); on != 1 {
		t.Errorf("writer_on_deleted_file %v", on)
	}

	h.writeLater("three\n") // kube-apiserver was restarted
	h.sync()
	h.sync()
	h.wantGaps("replaced audit.log")
	if e := h.ledger.Entries(); !e[0].Finished || e[1].Finished {
		t.Errorf("entries %+v", e)
	}
	if on := testutil.ToFloat64(h.hold.metrics.orphan); on != 0 {
		t.Errorf("writer_on_deleted_file %v", on)
	}
	h.wantHeld("one\ntwo\n", "three\n")
}

// Several files whose names no pass saw are finished but for the last,
// after which nothing was written yet.
func TestUnnamedFilesFinishInOrder(t *testing.T) {
	h := newFixture(t)
	h.write("one\n")
	h.mustStart()
	h.sync()
	h.remove(h.rotateSlowly(time.Minute))
	if _, err := h.hold.linker.linkNew(h.hold.look(h.listed())); err != nil {
		t.Fatal(err)
	}
	h.times(1, func(e *ledger.Entry) { e.Wrote = time.Now().Add(-time.Minute) })
	h.write("two\n")
	h.remove(h.rotate())
	h.sync()
	entries := h.ledger.Entries()
	if len(entries) != 3 || !entries[0].Finished || entries[1].Finished || entries[2].Finished || !h.hold.sample() {
		t.Errorf("entries %+v", entries)
	}
	h.writeLater("three\n")
	h.sync()
	if entries = h.ledger.Entries(); !entries[1].Finished || entries[2].Finished || h.hold.sample() {
		t.Errorf("entries %+v", entries)
	}
	h.wantHeld("one\n", "two\n", "three\n")
	h.wantGaps()
}

func (h *fixture) listed() []rotate.Segment {
	h.t.Helper()
	listed, err := h.log.Segments()
	if err != nil {
		h.t.Fatal(err)
	}
	return listed
}

// Where the order of pruning says nothing, the first event of a file may: it is
// the one that made kube-apiserver rotate the file before.
func TestI9_TheFirstEventJoins(t *testing.T) {
	for _, test := range []struct {
		after time.Duration // of the event, since the rotation
		want  int
	}{{100 * time.Millisecond, 0}, {-100 * time.Millisecond, 0}, {5 * time.Second, 1}} {
		h := newFixture(t)
		h.write("one\n")
		h.mustStart()
		h.sync()
		first := h.rotate()
		rotated := time.Now().Add(-7 * time.Second).UTC()
		h.write(`{"stageTimestamp":"` + rotated.Add(test.after).Format(time.RFC3339Nano) + "\"}\n")
		h.rotate()
		h.sync()
		h.remove(first) // else nothing after it was pruned
		h.times(0, func(e *ledger.Entry) { e.Rotated, e.Wrote = rotated, rotated })
		h.times(1, func(e *ledger.Entry) { e.Continuous = false })
		h.sync()
		if got := len(h.ledger.Gaps()); got != test.want {
			t.Errorf("%v after the rotation: %d gaps, want %d", test.after, got, test.want)
		}
	}
}

// A clock that was ahead and is set back leaves a backup whose name stays the last of the
// listing for a while. It is before none of the files that come later.
func TestI9_ClockSetBack(t *testing.T) {
	for _, finished := range []bool{false, true} { // whether the later file is first seen as a backup
		h := newFixture(t)
		h.write("one\n")
		h.mustStart()
		h.sync()
		h.clock = h.clock.Add(time.Hour)
		ahead := h.rotate()
		h.write("two\n")
		h.sync()
		h.clock = h.clock.Add(-time.Hour)
		h.rotate()
		h.write("three\n")
		h.sync()
		long := time.Now().Add(-time.Hour).UTC() // the clock has passed that name since
		if err := os.Chtimes(ahead, long, long); err != nil {
			t.Fatal(err)
		}
		h.times(0, func(e *ledger.Entry) { e.Rotated, e.Wrote, e.Born = long, long, long })
		h.rotate()
		h.write("four\n")
		if finished {
			h.rotate()
			h.write("five\n")
		}
		h.sync()
		h.wantGaps()
		if n := len(h.ledger.Entries()); n < 4 {
			t.Errorf("%d entries", n)
		}
	}
}
