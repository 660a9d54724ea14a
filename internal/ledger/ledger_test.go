package ledger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/durable"
)

// Every field comes back as it was, from memory and from disk.
func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	l := open(t, durable.OS(), dir)
	want := Entry{
		ID: "000000000001-7", Name: "audit-2026-11-22T17-12-15.746.log", Gzip: true, Inode: 1<<64 - 1, Finished: true,
		Born: noon.Add(-time.Hour), Mark: Mark{N: 9, SHA256: "cc"}, Seen: 8, Tail: Tail{End: 8, Mark: Mark{N: 2, SHA256: "ce"}}, Cuts: 2, Had: 9, Wrote: noon, Unnamed: true, Continuous: true,
		Rotated: noon, State: Quarantined, Loki: true, Seq: 3, Source: &Source{Size: 1 << 40, Lines: 5, SHA256: "aa"},
		Objects: []Object{{Key: "data/k", Work: "2026-11-22.parquet", Size: 9, SHA256: "bb", Rows: 6}}, Changed: true, Reason: "why",
		Origin: &Origin{Epoch: "20261122T120000a1b2c3", Seq: 4},
		Before: &Source{Size: 6, SHA256: "ac", Damage: &Gap{Reason: "unreadable", Bytes: -1}},
		Read:   &Reading{Size: 5, Lines: 1, SHA256: "ab", State: []byte("state")},
		Open: &Increments{
			Offset: 7, Line: 2, Before: Mark{N: 7, SHA256: "dd"}, At: noon,
			Next: &Increment{Object: Object{Key: "open/k", Work: "open.parquet", Size: 4, SHA256: "ee", Rows: 2}, Offset: 11, Line: 4, Before: Mark{N: 11, SHA256: "ff"}, At: noon},
		},
	}
	for v, i := reflect.ValueOf(want), 0; i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Fatalf("the test leaves %s empty", v.Type().Field(i).Name)
		}
	}
	must(t, l.Add(want, Entry{ID: "000000000002-8", State: Held}))
	again := open(t, durable.OS(), dir)
	for _, l := range []*Ledger{l, again} {
		if got := l.Entries()[0]; !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v\nwant %+v", got, want)
		}
		if e := get(t, l, "000000000002-8"); !e.Rotated.IsZero() || e.Source != nil || len(e.Objects) != 0 {
			t.Errorf("an open segment came back as %+v", e)
		}
	}
	if l.Chain().Epoch != again.Chain().Epoch {
		t.Errorf("epoch %s became %s", l.Chain().Epoch, again.Chain().Epoch)
	}
	if info, err := os.Stat(filepath.Join(dir, FileName)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// A caller that changes its arguments or results, does not change the ledger.
func TestCopies(t *testing.T) {
	l := open(t, durable.OS(), t.TempDir())
	e := held("1")
	e.Source, e.Objects = &Source{Lines: 1}, []Object{{Key: "k"}}
	e.Open, e.Read = &Increments{Next: &Increment{Line: 1}}, &Reading{State: []byte("s")}
	must(t, l.Add(e))
	want := text(t, l.Entries())
	spoil := func(e Entry) {
		e.Source.Lines, e.Objects[0].Key = 99, "spoiled"
		e.Open.Line, e.Open.Next.Line = 99, 99
		e.Read.Size, e.Read.State[0] = 99, 'x'
	}
	spoil(l.Entries()[0])
	spoil(get(t, l, "1"))
	failed := errors.New("no")
	if err := l.changeEntry("1", func(e *Entry) error { spoil(*e); return failed }); !errors.Is(err, failed) {
		t.Fatal(err)
	}
	if got := text(t, l.Entries()); got != want {
		t.Errorf("the ledger became %s", got)
	}
}

// Entries stand in the order of their IDs, whatever the order of Add; an ID
// that is there, or twice in one call, changes nothing.
func TestOrder(t *testing.T) {
	dir := t.TempDir()
	l := open(t, durable.OS(), dir)
	must(t, l.Add(held("3"), held("1")))
	must(t, l.Add(held("2")))
	want := []string{"1", "2", "3"}
	for _, bad := range [][]Entry{{held("4"), held("2")}, {held("5"), held("5")}, {{ID: "6"}}, {{State: Held}}, {{ID: "7", State: "lost"}}} {
		if err := l.Add(bad...); err == nil {
			t.Errorf("added %+v", bad)
		}
	}
	if got := ids(l); !slices.Equal(got, want) {
		t.Errorf("in memory %v", got)
	}
	if got := ids(open(t, durable.OS(), dir)); !slices.Equal(got, want) {
		t.Errorf("on disk %v", got)
	}
}

func TestAdvance(t *testing.T) {
	dir := t.TempDir()
	l := open(t, durable.OS(), dir)
	must(t, l.Add(held("1")))
	for _, step := range []struct {
		id       string
		from, to State
		want     error
	}{
		{"1", Converted, Stored, ErrStale},
		{"1", Held, Converted, nil},
		{"1", Held, Converted, ErrStale}, // a second worker
		{"1", Converted, Stored, nil},
		{"2", Held, Converted, ErrUnknown},
	} {
		called := false
		err := l.Advance(step.id, step.from, func(e *Entry) { called, e.State = true, step.to })
		if !errors.Is(err, step.want) || called != (step.want == nil) {
			t.Errorf("%s from %s: %v (edited: %v), want %v", step.id, step.from, err, called, step.want)
		}
	}
	if err := l.Advance("1", Stored, func(e *Entry) { e.State = "lost" }); err == nil {
		t.Error("an unknown state was accepted")
	}
	if err := l.Edit("2", func(*Entry) {}); !errors.Is(err, ErrUnknown) {
		t.Errorf("edit of an unknown entry: %v", err)
	}
	must(t, l.Edit("1", func(e *Entry) { e.Loki = false }))
	if e := get(t, open(t, durable.OS(), dir), "1"); e.State != Stored || e.Loki {
		t.Errorf("on disk %+v", e)
	}
}

// A number is given once: work repeated after a crash makes the same objects,
// and no two segments share one, across restarts too.
func TestTake(t *testing.T) {
	dir := t.TempDir()
	l := open(t, durable.OS(), dir)
	must(t, l.Add(held("1"), held("2"), held("3")))
	take := func(id string, want int64) {
		t.Helper()
		if got, err := l.Take(id); err != nil || got != want {
			t.Errorf("%s took %d, %v; want %d", id, got, err, want)
		}
	}
	take("2", 1)
	take("1", 2)
	take("2", 1)
	l = open(t, durable.OS(), dir)
	take("2", 1)
	must(t, l.Advance("1", Held, func(e *Entry) { e.State, e.Loki = Retired, false }))
	must(t, l.Forget("1"))
	l = open(t, durable.OS(), dir)
	take("3", 3) // not that of the forgotten one
	if got, err := l.Take("4"); got != 0 || !errors.Is(err, ErrUnknown) {
		t.Errorf("an unknown entry took %d, %v", got, err)
	}
}

// Only an entry without claims can be forgotten.
func TestForget(t *testing.T) {
	for _, state := range []State{Held, Converted, Stored, Retired, Quarantined} {
		for _, loki := range []bool{false, true} {
			dir := t.TempDir()
			l := open(t, durable.OS(), dir)
			e := held("1")
			e.State, e.Loki = state, loki
			must(t, l.Add(e, held("2")))
			must(t, l.Forget("1", "none"))
			_, kept := open(t, durable.OS(), dir).Get("1")
			if want := state != Retired || loki; kept != want || e.Owed() != want {
				t.Errorf("%s, owed to Loki %v: kept %v, want %v", state, loki, kept, want)
			}
			if _, ok := l.Get("2"); !ok {
				t.Error("an entry that was not named was forgotten")
			}
		}
	}
}

// Epochs sort by time, and two of one second differ.
func TestEpoch(t *testing.T) {
	form := regexp.MustCompile(`^20261122T120000[0-9a-f]{6}$`)
	seen := map[string]bool{}
	for range 8 {
		e := open(t, durable.OS(), t.TempDir()).Chain().Epoch
		if !form.MatchString(e) || seen[e] {
			t.Errorf("epoch %s", e)
		}
		seen[e] = true
	}
}

func TestOpenErrors(t *testing.T) {
	if l, _, err := Open(durable.OS(), filepath.Join(t.TempDir(), "none"), "", noon); err == nil {
		t.Errorf("a ledger in a missing directory: %v", l)
	}
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, FileName), 0o700))
	if _, aside, err := Open(durable.OS(), dir, "", noon); err == nil || aside != "" {
		t.Errorf("a ledger that is a directory: set aside as %q, %v", aside, err)
	}
}

// Many goroutines change different entries and number them; nothing is lost.
func TestConcurrentChanges(t *testing.T) {
	dir := t.TempDir()
	l := open(t, durable.OS(), dir)
	const workers = 8
	var all sync.WaitGroup
	errs := make(chan error, workers)
	for n := range workers {
		all.Go(func() {
			id := fmt.Sprint(n)
			added := l.Add(held(id))
			_, taken := l.Take(id)
			errs <- errors.Join(added, taken,
				l.Advance(id, Held, func(e *Entry) { e.State = Converted }),
				l.Edit(id, func(e *Entry) { e.Loki = false }))
			_, _ = l.Entries(), l.Chain().Epoch
			_, _ = l.Get(id)
		})
	}
	all.Wait()
	for range workers {
		must(t, <-errs)
	}
	numbers := map[int64]bool{}
	for _, e := range open(t, durable.OS(), dir).Entries() {
		if e.State != Converted || e.Loki || e.Seq < 1 || e.Seq > workers {
			t.Errorf("on disk %+v", e)
		}
		numbers[e.Seq] = true
	}
	if len(numbers) != workers {
		t.Errorf("%d numbers for %d segments", len(numbers), workers)
	}
}

// Of several that want to take the same step exactly one does.
func TestConcurrentAdvance(t *testing.T) {
	l := open(t, durable.OS(), t.TempDir())
	must(t, l.Add(held("1")))
	const workers = 8
	errs := make(chan error, workers)
	for range workers {
		go func() { errs <- l.Advance("1", Held, func(e *Entry) { e.State = Converted }) }()
	}
	done := 0
	for range workers {
		switch err := <-errs; {
		case err == nil:
			done++
		case !errors.Is(err, ErrStale):
			t.Error(err)
		}
	}
	if done != 1 {
		t.Errorf("%d of %d took the step", done, workers)
	}
}
