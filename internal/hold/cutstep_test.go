package hold

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/durable/durabletest"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// changes are the ways in which the bytes of a file are changed from outside.
var changes = map[string]func(f *os.File, size int64) error{
	"cut to nothing": func(f *os.File, _ int64) error { return f.Truncate(0) },
	"cut in part":    func(f *os.File, size int64) error { return f.Truncate(size / 2) },
	"edited at the start": func(f *os.File, _ int64) error {
		_, err := f.WriteAt([]byte("EDITED"), 0)
		return err
	},
	"edited at the end": func(f *os.File, size int64) error {
		_, err := f.WriteAt([]byte("EDITED"), size-6)
		return err
	},
	"cut and grown again": func(f *os.File, size int64) error {
		_, err := f.WriteAt(bytes.Repeat([]byte("other\n"), int(size/6)+1), size/2)
		return errors.Join(f.Truncate(size/2), err)
	},
}

// victim is the file that is changed, with its known state.
type victim struct {
	*os.File
	t      *testing.T
	change func(f *os.File, size int64) error
	before []byte // the change
	read   int64  // as far as its bytes were compared, not only counted, before that
}

func (v *victim) inode() uint64 {
	info, err := v.Stat()
	if err != nil {
		v.t.Fatal(err)
	}
	return inodeIn(info)
}

func (v *victim) now() error {
	info, err := v.Stat()
	if err != nil {
		return err
	}
	v.before = make([]byte, info.Size())
	if _, err := v.ReadAt(v.before, 0); err != nil {
		return err
	}
	return v.change(v.File, info.Size())
}

// TestI10_ChangeAtEveryStep changes a file after every single effect on the disk, while the
// process continues, or if it ends there. All that was known of the file is held, or is
// recorded as lost exactly once: as a gap, or in its entry, from which the shipper makes one.
func TestI10_ChangeAtEveryStep(t *testing.T) {
	for name, change := range changes {
		for _, copies := range []bool{false, true} {
			for _, crash := range []string{"no", "nothing", "everything unsynced"} {
				t.Run(fmt.Sprint(name, ", copies ", copies, ", crash ", crash), func(t *testing.T) {
					t.Parallel()
					points, lost := 0, 0
					for k := int64(0); !t.Failed(); k += shortStep() {
						v := &victim{t: t, change: change}
						h := newFixture(t)
						h.copy = copies
						if !h.changeAfter(k, v, crash) {
							break
						}
						if h.wantAccounted(v, crash != "no") {
							lost++
						}
						if points++; t.Failed() {
							t.Errorf("change after %d effects", k)
						}
					}
					t.Logf("%d steps, bytes lost at %d", points, lost)
					if points < 15/int(shortStep()) || lost == 0 && !testing.Short() {
						t.Errorf("only %d steps, bytes lost at %d", points, lost)
					}
				})
			}
		}
	}
}

// changeAfter changes a file after k effects of a scenario, and ends the process there if it
// is to crash. It returns false if the scenario has no more than k.
func (h *fixture) changeAfter(k int64, v *victim, crash string) (reached bool) {
	h.t.Helper()
	h.write(strings.Repeat("the first lines\n", 150))
	f, err := os.OpenFile(h.log.Path(), os.O_RDWR, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { f.Close() })
	v.File = f

	power := durabletest.NewPowerLoss(1<<30, h.t.TempDir())
	n := int64(-1 << 30) // the effects of the start have seen nothing
	h.fs = durable.OS().WithHook(func(effect durable.Effect, apply func() error) error {
		if n > k && crash != "no" {
			return durabletest.ErrCrash
		}
		err := power.Hook(effect, apply)
		if n++; n == k+1 {
			reached = true
			err = errors.Join(err, v.now())
		}
		return err
	})
	h.mustStart()
	n = 0
	pass := func() {
		if e := h.entryOf(v); e != nil && !reached {
			v.read = e.Tail.End
		}
		_ = h.hold.Sync(h.t.Context()) // a file that changes meanwhile may end it
	}
	for _, step := range []func(){
		pass,
		func() { h.write(strings.Repeat("what was added\n", 150)) }, pass,
		func() { h.write("the size is not on disk yet\n") }, pass,
		func() { h.rotate(); h.write("the next file\n") }, pass, pass,
	} {
		if step(); n > k && crash != "no" {
			break
		}
	}
	if crash != "no" && reached {
		for _, loss := range durabletest.Losses() {
			if loss.String() == crash {
				if err := power.Crash(loss); err != nil {
					h.t.Fatal(err)
				}
			}
		}
		h.hold = nil // without a Close
	}
	h.fs = quickFS()
	return reached
}

// wantAccounted wants every known byte of a file to be held, or one gap.
func (h *fixture) wantAccounted(v *victim, crashed bool) (lost bool) {
	h.t.Helper()
	known := v.before
	if crashed {
		if err := h.start(); err != nil {
			h.t.Fatal(err)
		}
		known = nil
		if e := h.entryOf(v); e != nil {
			known = v.before[:min(int64(len(v.before)), e.Seen)]
		}
	}
	for range 3 {
		h.sync()
	}
	e := h.entryOf(v)
	if e == nil {
		h.t.Fatalf("no entry of the file: %+v", h.ledger.Entries())
	}
	path := h.hold.Path(e.ID)
	held, err := os.ReadFile(path)
	if err != nil {
		h.t.Fatal(err)
	}
	gaps := 0
	for _, g := range h.ledger.Gaps() {
		if g.Reason != continuity.ReasonTruncated {
			h.t.Errorf("gap %+v", g)
		}
		gaps++
	}
	start, err1 := begins(path, e.Mark)
	end, err2 := ends(path, e.Tail)
	if err := errors.Join(err1, err2); err != nil {
		h.t.Fatal(err)
	}
	if int64(len(held)) < e.Seen || !start && e.Mark.N <= len(held) || !end {
		gaps++ // the shipper makes it
	}
	if e.Finished && e.Cuts == 0 && e.Tail.End < min(e.Seen, int64(len(held))) && end {
		h.t.Errorf("a finished file whose end is not known: %+v", e)
	}
	lost = !bytes.HasPrefix(held, known)
	unread := len(held) >= len(known) && bytes.HasPrefix(held, known[:min(v.read, int64(len(known)))])
	if gaps > 1 || (gaps == 1) != lost && !unread {
		h.t.Errorf("%d gaps, lost %v: %d bytes known, %d held, entry %+v, gaps %+v", gaps, lost, len(known), len(held), e, h.ledger.Gaps())
	}
	return lost
}

// entryOf finds the entry of a file by the number in its ID, which is the inode.
func (h *fixture) entryOf(v *victim) *ledger.Entry {
	for _, e := range h.ledger.Entries() {
		if _, inode, ok := parseLinkName(e.ID); ok && inode == v.inode() {
			return &e
		}
	}
	return nil
}
