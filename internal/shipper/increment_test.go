package shipper

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// increments are the keys of the increments in the store, in order.
func (m *memoryStore) increments() (keys []string) {
	for key := range m.current() {
		if strings.HasPrefix(key, "open/") {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// ranges are the keys of the increments without their days, in order.
func (m *memoryStore) ranges() (keys []string) {
	for _, key := range m.increments() {
		keys = append(keys, key[:len(openKey(0, 0, 0))])
	}
	return keys
}

// partial is the content of a number as a reader gets it from increments.
func (m *memoryStore) partial(t testing.TB, seq int64) string {
	t.Helper()
	x := parquet.Increments{Work: t.TempDir()}
	var out bytes.Buffer
	for _, key := range m.increments() {
		if !strings.HasPrefix(key, openKey(seq, 0, 0)[:len("open/00000000/")]) {
			continue
		}
		data := m.objects[key]
		in := parquet.Input{Name: key, ReaderAt: bytes.NewReader(data), Size: int64(len(data))}
		if err := x.Append(t.Context(), in, &out); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

// grow appends to a held file.
func (y *yard) grow(id, text string) {
	y.t.Helper()
	f, err := os.OpenFile(y.heldPath(id), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		y.t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		y.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		y.t.Fatal(err)
	}
}

func (y *yard) finish(id string) {
	y.t.Helper()
	if err := y.ledger.Edit(id, func(e *ledger.Entry) { e.Finished, e.Name = true, "audit-"+id+".log" }); err != nil {
		y.t.Fatal(err)
	}
}

func (y *yard) sync() {
	y.t.Helper()
	if err := y.shipper.Sync(y.t.Context()); err != nil {
		y.t.Fatal(err)
	}
}

// asOpen makes an entry that of an open file that is old enough for any lag.
func asOpen(e *ledger.Entry) {
	e.Finished, e.Name, e.Rotated, e.Born = false, "audit.log", time.Time{}, time.Unix(1_700_000_000, 0)
}

// brief lists the events of a log by their IDs.
func brief(text string) string {
	text = regexp.MustCompile(`\{[^\n]*"auditID":"(\w+)"[^\n]*\}`).ReplaceAllString(text, "<$1>")
	return fmt.Sprintf("%q", regexp.MustCompile("\x00+").ReplaceAllString(text, "<NUL>"))
}

func newOpenYard(t testing.TB, lag time.Duration) *yard {
	y := newYard(t)
	y.dir, y.lag = audittest.FastDir(t), lag
	y.mustStart()
	return y
}

func TestIncrementsThenTheWholeFile(t *testing.T) {
	y := newOpenYard(t, time.Nanosecond)
	one, two := event(22, "a")+event(22, "b"), "no event\n"+event(23, "c")
	y.add("0", one+"torn", asOpen)
	y.sync()
	if got := y.store.partial(t, 1); got != one {
		t.Errorf("the archive has %s, want the complete lines", brief(got))
	}
	y.sync()
	if got := y.store.increments(); len(got) != 1 {
		t.Errorf("increments %q; nothing was added", got)
	}
	y.grow("0", "\n"+two)
	y.sync()
	want := one + "torn\n" + two
	if got := y.store.partial(t, 1); got != want {
		t.Errorf("the archive has %s, want %s", brief(got), brief(want))
	}
	wantKeys := []string{openKey(1, 0, int64(len(one))), openKey(1, int64(len(one)), int64(len(want)))}
	if got := y.store.ranges(); !slices.Equal(got, wantKeys) {
		t.Errorf("increments %q, want %q", got, wantKeys)
	}
	if n, b := testutil.ToFloat64(y.shipper.metrics.increments), testutil.ToFloat64(y.shipper.metrics.openBytes); n != 2 || b != float64(len(want)) {
		t.Errorf("open_increments_total %v, archived_open_bytes %v", n, b)
	}
	// Gaps that are found meanwhile take the numbers after it.
	if err := y.ledger.AddGap(ledger.Gap{Reason: "truncated", Bytes: 1}, "", nil); err != nil {
		t.Fatal(err)
	}
	y.sync()
	y.grow("0", "the end")
	y.finish("0")
	y.add("1", event(23, "d"), asOpen)
	y.sync()
	if got := y.store.restored(t); len(got) != 1 || got[0] != want+"the end" {
		t.Errorf("the archive has %q", got)
	}
	y.wantKinds("1 file audit-0.log, 2 gap truncated")
	if got := y.store.partial(t, 3); got != event(23, "d") {
		t.Errorf("of the next file the archive has %s", brief(got))
	}
	if b := testutil.ToFloat64(y.shipper.metrics.openBytes); b != float64(len(event(23, "d"))) {
		t.Errorf("archived_open_bytes %v", b)
	}
	if left, _ := os.ReadDir(filepath.Join(y.dir, DirName)); len(left) != 0 {
		t.Errorf("work is left: %v", left)
	}
}

func TestIncrementWaitsForItsTime(t *testing.T) {
	y := newOpenYard(t, 15*time.Minute)
	synctest.Test(t, func(t *testing.T) {
		y.add("0", event(22, "a"), func(e *ledger.Entry) { asOpen(e); e.Born, e.Wrote = time.Time{}, time.Now() })
		steps := []struct {
			name  string
			wait  time.Duration
			grow  string
			total int
		}{
			{"at once", 0, "", 0},
			{"a minute early", 14 * time.Minute, event(22, "b"), 0},
			{"in time", time.Minute, "", 1},
			{"nothing new", time.Hour, "", 1},
			{"one line after a long time", 0, event(22, "c"), 2},
			{"too soon for the next", 14 * time.Minute, event(22, "d"), 2},
			{"in time again", time.Minute, "", 3},
			{"half a line is none", time.Hour, "half", 3},
		}
		for _, step := range steps {
			time.Sleep(step.wait)
			y.grow("0", step.grow)
			y.sync()
			if got := len(y.store.increments()); got != step.total {
				t.Fatalf("%s: %d increments, want %d", step.name, got, step.total)
			}
		}
	})
}

// A file's age counts from its creation, also after a restart; a clock that was
// set back delays nothing.
func TestIncrementAgeOutlivesTheProcess(t *testing.T) {
	for name, born := range map[string]time.Duration{"old": -20 * time.Minute, "from the future": time.Hour} {
		y := newOpenYard(t, 15*time.Minute)
		y.add("0", event(22, "a"), func(e *ledger.Entry) { asOpen(e); e.Born = time.Now().Add(born) })
		y.sync()
		if got := y.store.partial(t, 1); got != event(22, "a") {
			t.Errorf("%s: the archive has %s", name, brief(got))
		}
	}
}

// Lines of a quiet log wait for the whole lag, many bytes for a quarter of it.
func TestIncrementsOfAQuietLog(t *testing.T) {
	one := event(22, "a")
	lines := strings.Repeat(one, many/len(one)+1)
	for _, test := range []struct {
		name   string
		text   string
		waited time.Duration
		stored bool
	}{
		{name: "one line, a quarter", text: one, waited: 15 * time.Minute},
		{name: "one line, nearly all", text: one, waited: 59 * time.Minute},
		{name: "one line, all", text: one, waited: time.Hour, stored: true},
		{name: "many bytes, less than a quarter", text: lines, waited: 14 * time.Minute},
		{name: "many bytes, a quarter", text: lines, waited: 15 * time.Minute, stored: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				y := newOpenYard(t, time.Hour)
				born := time.Now()
				time.Sleep(test.waited)
				y.add("0", test.text, func(e *ledger.Entry) { asOpen(e); e.Born = born })
				y.sync()
				if got := len(y.store.increments()) == 1; got != test.stored {
					t.Errorf("after %s: an increment is %v, want %v", test.waited, got, test.stored)
				}
			})
		})
	}
}

func TestIncrementsAreOffOrNotDue(t *testing.T) {
	for name, test := range map[string]struct {
		lag  time.Duration
		text string
		edit func(*ledger.Entry)
	}{
		"off":            {0, event(22, "a"), asOpen},
		"empty":          {time.Nanosecond, "", asOpen},
		"no whole line":  {time.Nanosecond, "half", asOpen},
		"compressed":     {time.Nanosecond, "x\n", func(e *ledger.Entry) { asOpen(e); e.Gzip = true }},
		"another inode":  {time.Nanosecond, "x\n", func(e *ledger.Entry) { asOpen(e); e.Inode = 1 }},
		"quarantined":    {time.Nanosecond, "x\n", func(e *ledger.Entry) { asOpen(e); e.State = ledger.Quarantined }},
		"later than one": {time.Nanosecond, "", asOpen},
	} {
		t.Run(name, func(t *testing.T) {
			y := newOpenYard(t, test.lag)
			y.add("0", test.text, test.edit)
			y.add("1", event(22, "b"), asOpen) // only the oldest counts
			y.sync()
			if got := y.store.objects; len(got) != 0 {
				t.Errorf("stored %d objects", len(got))
			}
			if e, _ := y.ledger.Get("0"); e.Seq != 0 {
				t.Errorf("number %d was reserved", e.Seq)
			}
		})
	}
	y := newOpenYard(t, time.Nanosecond)
	y.add("0", "x\n", asOpen)
	if err := os.Remove(y.heldPath("0")); err != nil {
		t.Fatal(err)
	}
	y.sync() // no error
}

// A number must not be reserved while a file of before has none: the order of
// the numbers is the order of restore.
func TestIncrementNumbersFollowTheRotation(t *testing.T) {
	y := newOpenYard(t, time.Nanosecond)
	y.add("0", event(22, "a"), nil)
	y.add("1", event(22, "b"), asOpen)
	if e, ok := y.shipper.increments.openEntry(); ok {
		t.Errorf("%s is served before an older file has its number", e.ID)
	}
	y.sync()
	zero, _ := y.ledger.Get("0")
	one, _ := y.ledger.Get("1")
	if zero.Seq != 1 || one.Seq != 2 {
		t.Errorf("numbers %d and %d", zero.Seq, one.Seq)
	}
}

// A lost answer and an outage send the same bytes under the same key, however
// much the file has grown.
func TestI5_IncrementIsRetriedAsItWas(t *testing.T) {
	y := newOpenYard(t, time.Nanosecond)
	y.add("0", event(22, "a"), asOpen)
	y.store.lose = true
	if err := y.shipper.Sync(t.Context()); err == nil || !strings.Contains(err.Error(), "increment of audit.log") {
		t.Fatalf("error %v", err)
	}
	y.grow("0", event(22, "b"))
	y.mustStart()
	if err := y.shipper.Sync(t.Context()); err == nil || len(y.store.objects) != 1 {
		t.Fatalf("%d objects, error %v", len(y.store.objects), err)
	}
	y.store.lose = false
	y.sync()
	y.sync()
	if got := y.store.partial(t, 1); got != event(22, "a")+event(22, "b") || len(y.store.objects) != 2 {
		t.Errorf("%d objects, the archive has %s", len(y.store.objects), brief(got))
	}
}

// The outage of a file that is still open keeps no finished one from the
// archive.
func TestFinishedFilesComeBeforeIncrements(t *testing.T) {
	y := newOpenYard(t, time.Nanosecond)
	y.add("0", event(22, "a"), nil)
	y.add("1", event(22, "b"), asOpen)
	y.store.fail = func(key string) error {
		if strings.HasPrefix(key, "open/") {
			return errors.New("denied")
		}
		return nil
	}
	if err := y.shipper.Sync(t.Context()); err == nil || y.state("0") != ledger.Retired {
		t.Errorf("state %s, error %v", y.state("0"), err)
	}
}

func TestIncrementWhoseWorkIsGone(t *testing.T) {
	y := newOpenYard(t, time.Nanosecond)
	y.add("0", event(22, "a"), asOpen)
	y.store.lose = true // the archive has it, and no state says so
	if err := y.shipper.Sync(t.Context()); err == nil {
		t.Fatal("no error")
	}
	y.store.lose = false
	if err := os.RemoveAll(filepath.Join(y.dir, DirName)); err != nil {
		t.Fatal(err)
	}
	y.mustStart()
	y.shipper.cfg.Version = "another" // makes other bytes of the same lines
	y.grow("0", event(22, "b"))
	for range 3 { // the loss is seen; the same increment is made again; the next
		y.sync()
	}
	if got := y.store.partial(t, 1); got != event(22, "a")+event(22, "b") || len(y.store.objects) != 2 {
		t.Errorf("%d objects, the archive has %s", len(y.store.objects), brief(got))
	}
	if got, a, b := y.store.ranges(), int64(len(event(22, "a"))), int64(len(event(22, "b"))); !slices.Equal(got, []string{openKey(1, 0, a), openKey(1, a, a+b)}) {
		t.Errorf("increments %q overlap", got)
	}
}

// An increment whose work file is lost cannot be made again of a file that is shorter now. The cut is
// found by others; here all knowledge of the file is lost.
func TestIncrementWhoseLinesAreGone(t *testing.T) {
	y := newOpenYard(t, time.Nanosecond)
	y.add("0", event(22, "a")+event(22, "b"), asOpen)
	y.store.fail = func(string) error { return errors.New("unavailable") }
	if err := y.shipper.Sync(t.Context()); err == nil {
		t.Fatal("no error")
	}
	y.store.fail = nil
	must(t, os.RemoveAll(filepath.Join(y.dir, DirName)))
	must(t, os.Truncate(y.heldPath("0"), int64(len(event(22, "a")))))
	must(t, y.ledger.Edit("0", func(e *ledger.Entry) { e.Read, e.Seen, e.Tail = nil, 0, ledger.Tail{} }))
	y.mustStart()
	y.sync()
	y.sync()
	if got := y.store.partial(t, 1); got != event(22, "a") {
		t.Errorf("the archive has %s", brief(got))
	}
}

func TestIncrementNeverTakesOtherLinesForItsOwn(t *testing.T) {
	y := newOpenYard(t, time.Nanosecond)
	y.add("0", event(22, "a"), asOpen)
	y.sync()
	foreign := y.store.objects[y.store.increments()[0]]

	other := newOpenYard(t, time.Nanosecond)
	other.add("0", event(22, "b"), asOpen)
	other.store.objects[y.store.increments()[0]] = foreign // as long, so its key is that of the other
	other.sync()
	if got := other.store.partial(t, 1); got != event(22, "b") || len(other.store.objects) != 2 {
		t.Errorf("%d objects, the archive has %s", len(other.store.objects), brief(got))
	}
}
