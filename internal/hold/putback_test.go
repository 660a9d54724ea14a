package hold

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/durable"
)

// slowRotation is longer than kube-apiserver takes for a rotation, so that two files join
// only because both are listed.
const slowRotation = 3 * time.Second

// rotateQuiet rotates slowly, and compresses the backup if compress says so.
func (h *fixture) rotateQuiet(text string, compress bool) {
	h.t.Helper()
	// The name has the time of the last write, and no other file's.
	last := h.clock.Add(time.Millisecond)
	h.clock = time.Now().UTC().Add(-slowRotation)
	if h.clock.Before(last) {
		h.clock = last
	}
	h.clock = h.clock.Add(-time.Second) // which rotate adds
	backup := h.rotateSlowly(slowRotation)
	if compress {
		gzipFile(h.t, backup)
		h.remove(backup)
	}
	h.write(text)
}

// archive retires all finished files, and lets go of them.
func (h *fixture) archive() {
	h.t.Helper()
	for i, e := range h.ledger.Entries() {
		if e.Finished {
			if err := h.release(i); err != nil {
				h.t.Fatal(err)
			}
		}
	}
	h.sync()
}

// putBack ends the process, puts a ledger in place of its own (none if it is nil), and
// begins again.
func (h *fixture) putBack(ledger []byte) {
	h.t.Helper()
	h.hold.Close()
	var err error
	if ledger == nil {
		err = os.Remove(h.ledgerPath())
	} else {
		err = os.WriteFile(h.ledgerPath(), ledger, 0o600)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	h.mustStart()
}

// wantListingOrder wants one entry for each listed file, in the order of the listing.
func (h *fixture) wantListingOrder() {
	h.t.Helper()
	var listed, entries []string
	for _, s := range h.listed() {
		listed = append(listed, s.Name)
	}
	for _, e := range h.ledger.Entries() {
		entries = append(entries, e.Name)
	}
	if fmt.Sprint(entries) != fmt.Sprint(listed) {
		h.t.Errorf("entries\n got %q\nwant %q", entries, listed)
	}
}

// wantNoGapsLater wants no gaps after two more rotations, each with a restart.
func (h *fixture) wantNoGapsLater() {
	h.t.Helper()
	for range 2 {
		h.rotateQuiet("later\n", false)
		h.mustStart()
		h.sync()
		h.wantGaps()
	}
}

// TestI9_LedgerPutBack puts back an older ledger, or none, while all files are still listed:
// those that it does not know are held in the order of rotation, and nothing is missing
// between them.
func TestI9_LedgerPutBack(t *testing.T) {
	for _, lost := range []bool{false, true} {
		for _, compress := range []bool{false, true} {
			for _, copies := range []bool{false, true} {
				for unknown := range 4 {
					name := fmt.Sprintf("lost %v, compressed %v, copies %v, %d unknown", lost, compress, copies, unknown)
					t.Run(name, func(t *testing.T) {
						h := newFixture(t)
						h.clock = time.Now().UTC().Add(-time.Hour)
						h.copy = copies
						h.write("first\n")
						h.mustStart()
						h.sync()
						h.rotateQuiet("second\n", compress)
						h.sync()
						h.archive()
						old, err := os.ReadFile(h.ledgerPath())
						if err != nil {
							t.Fatal(err)
						}
						var want []string
						if lost {
							old, want = nil, []string{"state_lost "}
						}
						for i := range unknown + 1 {
							h.rotateQuiet(fmt.Sprintf("unknown %d\n", i), compress)
							h.sync()
							h.archive()
						}
						h.rotateQuiet("held\n", compress)
						h.sync() // finished and held, but not archived
						h.rotateQuiet("open\n", compress)
						h.sync()
						h.putBack(old)
						h.sync()
						h.wantListingOrder()
						h.wantGaps(want...)
						h.rotateQuiet("later\n", compress)
						h.sync()
						h.mustStart()
						h.sync()
						h.wantListingOrder()
						h.wantGaps(want...)
					})
				}
			}
		}
	}
}

// TestI9_NoRoomBeforeAnAdoptedFile has no number left for the file between two: it is held
// with a later one, and nothing is missing between files that are all listed.
func TestI9_NoRoomBeforeAnAdoptedFile(t *testing.T) {
	h := newFixture(t)
	h.clock = time.Now().UTC().Add(-time.Hour)
	h.write("first\n")
	h.mustStart()
	h.sync()
	old, err := os.ReadFile(h.ledgerPath())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"unknown\n", "open\n"} {
		h.rotateQuiet(text, false)
		h.sync()
		h.archive()
	}
	entries := h.ledger.Entries()
	number, _, _ := parseLinkName(entries[0].ID)
	last := entries[len(entries)-1]
	h.rename(h.hold.Path(last.ID), filepath.Join(h.hold.dir, linkName(number+1, last.Inode)))
	h.putBack(old)
	h.sync()
	h.wantHeld("first\n", "open\n", "unknown\n")
	h.wantNoGapsLater()
}

// TestI9_LateLink has a file that could not be linked when it was first listed, and the one
// after it could: its number is the later one, and nothing is missing between the two.
func TestI9_LateLink(t *testing.T) {
	h := newFixture(t)
	h.clock = time.Now().UTC().Add(-time.Hour)
	h.write("first\n")
	h.mustStart()
	h.sync()
	h.rotateQuiet("second\n", false)
	h.rotateQuiet("third\n", false)
	second, failed := h.listed()[1], false
	h.fs = h.fs.WithHook(func(e durable.Effect, apply func() error) error {
		if e.Op == durable.OpLink && e.From == second.Path && !failed {
			failed = true
			return os.ErrPermission
		}
		return apply()
	})
	h.mustStart()
	if err := h.hold.Sync(t.Context()); err == nil {
		t.Fatal("no error")
	}
	h.sync()
	h.wantHeld("first\n", "third\n", "second\n")
	h.wantNoGapsLater()
}
