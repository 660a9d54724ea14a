package ledger

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/durable/durabletest"
)

// change is one change of a ledger, for the tests that interrupt it.
type change struct {
	name string
	do   func(*Ledger) error
}

// changes is a life of two segments.
func changes() []change {
	return []change{
		{"add", func(l *Ledger) error { return l.Add(held("1"), held("2")) }},
		{"take", func(l *Ledger) error { _, err := l.Take("1"); return err }},
		{"convert", func(l *Ledger) error {
			return l.Advance("1", Held, func(e *Entry) {
				e.State, e.Source, e.Objects = Converted, &Source{Lines: 3}, []Object{{Key: "k"}}
			})
		}},
		{"take another", func(l *Ledger) error { _, err := l.Take("2"); return err }},
		{"store", func(l *Ledger) error { return l.Advance("1", Converted, func(e *Entry) { e.State = Stored }) }},
		{"retire", func(l *Ledger) error { return l.Advance("1", Stored, func(e *Entry) { e.State = Retired }) }},
		{"release", func(l *Ledger) error { return l.Edit("1", func(e *Entry) { e.Loki = false }) }},
		{"forget", func(l *Ledger) error { return l.Forget("1") }},
	}
}

// I1 rests on this: whatever the moment of a crash, the ledger that is opened
// afterwards has its state from before the change under way or after it.
func TestI1_CrashAtEveryEffect(t *testing.T) {
	states := []string{text(t, nil)} // before the first change, after it, after the second ...
	l := open(t, durable.OS(), t.TempDir())
	for _, c := range changes() {
		must(t, c.do(l))
		states = append(states, text(t, l.Entries()))
	}
	for i := 1; i < len(states); i++ {
		if states[i] == states[i-1] {
			t.Fatalf("change %d changes nothing", i)
		}
	}
	for _, loss := range durabletest.Losses() {
		t.Run("lose "+loss.String(), func(t *testing.T) { crashEverywhere(t, states, loss) })
	}
}

// crashEverywhere stops after every effect of the changes, with the given
// loss. states are the ledger's states after each change.
func crashEverywhere(t *testing.T, states []string, loss durabletest.Loss) {
	for k, finished := int64(0), false; !finished; k++ {
		if k > 200 {
			t.Fatal("the changes never end")
		}
		dir := t.TempDir()
		power := durabletest.NewPowerLoss(k, t.TempDir())
		done, epoch := crashRun(t, dir, power.Hook)
		must(t, power.Crash(loss))
		finished = done == len(changes())
		must(t, durable.OS().RemoveTemps(dir))
		again, aside, err := Open(durable.OS(), dir, "machine-a", noon)
		must(t, err)
		if aside != "" {
			t.Fatalf("after %d effects the ledger cannot be read", k)
		}
		got := text(t, again.Entries())
		if got != states[max(done, 0)] && (done < 0 || finished || got != states[done+1]) {
			t.Errorf("after %d effects and %d changes the ledger says %s", k, done, got)
		}
		if done >= 0 && again.Chain().Epoch != epoch {
			t.Errorf("after %d effects the epoch %s became %s", k, epoch, again.Chain().Epoch)
		}
		replay(t, again, k, states[len(states)-1])
	}
}

// crashRun makes the changes until the crash. done is how many returned
// without an error, -1 where Open did not; its memory must then not be
// ahead of the change that failed.
func crashRun(t *testing.T, dir string, disk durable.Hook) (done int, epoch string) {
	t.Helper()
	l, _, err := Open(durable.OS().WithHook(disk), dir, "machine-a", noon)
	if err != nil {
		if !errors.Is(err, durabletest.ErrCrash) {
			t.Fatal(err)
		}
		return -1, ""
	}
	for i, c := range changes() {
		before := text(t, l.Entries())
		if err := c.do(l); err != nil {
			if !errors.Is(err, durabletest.ErrCrash) {
				t.Fatalf("%s: %v", c.name, err)
			}
			if got := text(t, l.Entries()); got != before {
				t.Errorf("%s failed, and memory says %s", c.name, got)
			}
			return i, l.Chain().Epoch
		}
	}
	return len(changes()), l.Chain().Epoch
}

// replay makes the changes again, those that are there already failing, and
// holds the end against that of an undisturbed run.
func replay(t *testing.T, l *Ledger, k int64, want string) {
	t.Helper()
	if slices.Equal(ids(l), []string{"2"}) {
		return // all changes are there
	}
	for _, c := range changes() {
		_ = c.do(l)
	}
	if got := text(t, l.Entries()); got != want {
		t.Errorf("after %d effects and a restart the work ends with %s, want %s", k, got, want)
	}
}

// A write that fails leaves memory as it was, and the same change works later.
func TestFailedWrite(t *testing.T) {
	for _, op := range []durable.Op{durable.OpCreate, durable.OpWrite, durable.OpSync, durable.OpRename, durable.OpSyncDir} {
		t.Run(string(op), func(t *testing.T) {
			full := false
			dir := t.TempDir()
			l := open(t, durable.OS().WithHook(func(e durable.Effect, apply func() error) error {
				if full && e.Op == op {
					return unix.ENOSPC
				}
				return apply()
			}), dir)
			for _, c := range changes() {
				before := text(t, l.Entries())
				full = true
				if err := c.do(l); !durable.IsDiskFull(err) {
					t.Fatalf("%s: %v", c.name, err)
				}
				if got := text(t, l.Entries()); got != before {
					t.Fatalf("%s failed, and memory says %s", c.name, got)
				}
				full = false
				must(t, c.do(l))
			}
			if got, want := text(t, open(t, durable.OS(), dir).Entries()), text(t, l.Entries()); got != want {
				t.Errorf("disk %s, memory %s", got, want)
			}
		})
	}
}

// A file that is not a ledger of this version is kept under another name, and nothing of
// it is believed.
func TestSetAside(t *testing.T) {
	good := func(edit func(*table)) string {
		tab := table{Version: version, Epoch: "20260101T000000abcdef", Owner: "machine-a", NextSeq: 5, Entries: []Entry{held("1"), held("2")}}
		edit(&tab)
		data, err := json.Marshal(tab)
		must(t, err)
		return string(data)
	}
	whole := good(func(*table) {})
	for name, content := range map[string]string{
		"empty":                 "",
		"NUL bytes":             strings.Repeat("\x00", 512),
		"torn":                  whole[:len(whole)/2],
		"followed by another":   whole + whole,
		"followed by NULs":      whole + "\x00\x00",
		"null":                  "null",
		"a list":                "[]",
		"a future version":      good(func(t *table) { t.Version++ }),
		"a field of the future": strings.Replace(whole, "{", `{"shards":2,`, 1),
		"without an epoch":      good(func(t *table) { t.Epoch = "" }),
		"without a number":      good(func(t *table) { t.NextSeq = 0 }),
		"unknown state":         good(func(t *table) { t.Entries[1].State = "lost" }),
		"out of order":          good(func(t *table) { slices.Reverse(t.Entries) }),
		"an ID twice":           good(func(t *table) { t.Entries[1].ID = "1" }),
		"no ID":                 good(func(t *table) { t.Entries[0].ID = "" }),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, dir, FileName, content)
			l, aside, err := Open(durable.OS(), dir, "machine-a", noon)
			must(t, err)
			if filepath.Dir(aside) != dir || readFile(t, aside) != content {
				t.Errorf("set aside as %q", aside)
			}
			if len(l.Entries()) > 0 || !strings.HasPrefix(l.Chain().Epoch, "20261122T") {
				t.Errorf("the new ledger has epoch %s and %s", l.Chain().Epoch, text(t, l.Entries()))
			}
			must(t, l.Add(held("9")))
			if seq, err := l.Take("9"); err != nil || seq != 1 {
				t.Errorf("the first number of the new epoch is %d, %v", seq, err)
			}
			if again := open(t, durable.OS(), dir); again.Chain().Epoch != l.Chain().Epoch {
				t.Error("the new ledger was not kept")
			}
		})
	}
	dir := t.TempDir()
	writeFile(t, dir, FileName, whole)
	if l := open(t, durable.OS(), dir); len(l.Entries()) != 2 {
		t.Errorf("the whole ledger has %s", text(t, l.Entries()))
	}
}

// A state directory on another machine begins an epoch of its own. A file that the
// archive does not have yet is converted again and takes new numbers: one that
// was taken in the old epoch would be given to another segment, too.
func TestMachineChange(t *testing.T) {
	dir := t.TempDir()
	l := open(t, durable.OS(), dir)
	for id, state := range map[string]State{"1": Held, "2": Held, "3": Converted, "4": Stored, "5": Retired, "6": Quarantined} {
		e := held(id)
		e.State, e.Loki = state, state == Retired
		if id != "1" { // the others have begun; 2 not ended
			e.Seq, e.Open = 7, &Increments{Offset: 5, Line: 1}
		}
		if state != Held {
			e.Source, e.Objects = &Source{Lines: 1}, []Object{{Key: "data/old-epoch"}}
		}
		if state == Quarantined {
			e.Reason = "why"
		}
		must(t, l.Add(e))
	}
	retired := text(t, []Entry{get(t, l, "5")})
	moved, aside, err := Open(durable.OS(), dir, "machine-b", noon)
	must(t, err)
	if aside != "" || moved.Chain().Epoch == l.Chain().Epoch {
		t.Errorf("set aside %q, epoch %s after %s", aside, moved.Chain().Epoch, l.Chain().Epoch)
	}
	for _, l := range []*Ledger{moved, reopen(t, dir, "machine-b")} {
		if l.Chain().Epoch != moved.Chain().Epoch {
			t.Error("another epoch after the first start on the new machine")
		}
		for _, e := range l.Entries() {
			want := held(e.ID)
			switch e.ID {
			case "5":
				if text(t, []Entry{e}) != retired {
					t.Errorf("the retired entry became %+v", e)
				}
				continue
			case "6":
				want.State, want.Reason = Quarantined, "why"
			}
			want.Loki = false
			if e.ID != "1" { // the other machine's archived files were seen, too
				want.Seen = 5
			}
			if text(t, []Entry{e}) != text(t, []Entry{want}) {
				t.Errorf("got %+v, want %+v", e, want)
			}
		}
	}
	for want, id := range []string{"3", "2"} {
		if seq, err := moved.Take(id); err != nil || seq != int64(want+1) {
			t.Errorf("%s took number %d, %v", id, seq, err)
		}
	}
}

func reopen(t *testing.T, dir, machine string) *Ledger {
	t.Helper()
	l, _, err := Open(durable.OS(), dir, machine, noon)
	must(t, err)
	return l
}

// A crash while the epoch changes leaves the old ledger or the new one; the
// next start on the new machine always ends in the new one.
func TestCrashAtMachineChange(t *testing.T) {
	for k, done := int64(0), false; !done; k++ {
		dir := t.TempDir()
		l := open(t, durable.OS(), dir)
		must(t, l.Add(held("1")))
		power := durabletest.NewPowerLoss(k, t.TempDir())
		_, _, err := Open(durable.OS().WithHook(power.Hook), dir, "machine-b", noon)
		must(t, power.Crash(durabletest.LoseAll))
		if done = err == nil; err != nil && !errors.Is(err, durabletest.ErrCrash) {
			t.Fatal(err)
		}
		again := reopen(t, dir, "machine-b")
		if again.Chain().Epoch == l.Chain().Epoch || !slices.Equal(ids(again), []string{"1"}) {
			t.Errorf("after %d effects: epoch %s after %s, entries %v", k, again.Chain().Epoch, l.Chain().Epoch, ids(again))
		}
	}
}
