package hold

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// newCopyFixture is a fixture where nothing can be linked.
func newCopyFixture(t testing.TB) *fixture {
	h := newFixture(t)
	h.copy = true
	h.fs = durable.OS().WithHook(func(e durable.Effect, apply func() error) error {
		if e.Op == durable.OpLink && filepath.Dir(e.From) == h.log.Dir {
			return &os.LinkError{Op: "link", Old: e.From, New: e.Path, Err: syscall.EXDEV}
		}
		if e.Op == durable.OpSync || e.Op == durable.OpSyncDir {
			return nil
		}
		return apply()
	})
	return h
}

// copies is the content of every copy, in order.
func (h *fixture) copies() string {
	h.t.Helper()
	var texts []string
	for _, e := range h.ledger.Entries() {
		if data, err := os.ReadFile(filepath.Join(h.stateDir(), DirName, e.ID)); err == nil {
			texts = append(texts, string(data))
		}
	}
	return strings.Join(texts, "|")
}

func (h *fixture) wantCopies(want string) {
	h.t.Helper()
	if got := h.copies(); got != want {
		h.t.Errorf("copies %q, want %q", got, want)
	}
}

func TestI1_CopyOfFinishedFiles(t *testing.T) {
	h := newCopyFixture(t)
	h.write("zero\n")
	h.rotate()
	h.write("one\n")
	h.mustStart()
	h.sync()
	h.wantCopies("zero\n")
	h.wantHeld("zero\n", "one\n")
	h.rotate()
	h.write("two\n")
	h.sync()
	h.wantCopies("zero\n|one\n")
	h.wantHeld("zero\n", "one\n", "two\n")
	h.wantEntries("audit-2026-11-22T17-00-01.000.log held finished", "audit-2026-11-22T17-00-02.000.log held finished", "audit.log held")
	h.mustStart()
	h.sync()
	h.wantHeld("zero\n", "one\n", "two\n")
	h.retire(0)
	h.sync()
	h.wantCopies("one\n")
	h.wantGaps()
}

func TestI1_CopyOfWhatWasPrunedWhileItWasOpenHere(t *testing.T) {
	h := newCopyFixture(t)
	h.write("one\n")
	h.mustStart()
	h.sync()
	h.remove(h.rotate())
	h.write("two\n")
	h.sync()
	h.wantHeld("one\n", "two\n")
	h.wantCopies("one\n")
	h.wantGaps()
}

func TestI9_CopyModeRecordsWhatItLost(t *testing.T) {
	h := newCopyFixture(t)
	h.write("zero\n")
	h.rotate()
	h.write("one\n")
	h.mustStart()
	h.sync()
	h.hold.Close() // the process ends
	h.remove(h.rotate())
	h.write("two\n")
	h.mustStart()
	h.sync()
	h.sync()
	h.wantHeld("zero\n", "two\n")
	h.wantGaps("vanished audit.log")
	if g := h.ledger.Gaps()[0]; g.Bytes != 4 || g.To.Before(g.From) || !strings.Contains(g.Detail, "before it could be copied") {
		t.Errorf("gap %+v", g)
	}
}

func TestI9_CopyOfAnUnlinkedFile(t *testing.T) {
	for _, restart := range []bool{false, true} {
		h := newCopyFixture(t)
		h.write("one\n")
		h.mustStart()
		h.sync()
		writer, err := os.OpenFile(h.log.Path(), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer writer.Close()
		h.remove(h.log.Path())
		h.sync()
		h.sync()
		if text := fmt.Sprint(h.notes); !strings.Contains(text, "alarm") {
			t.Errorf("no alarm: %s", text)
		}
		if _, err := writer.WriteString("more\n"); err != nil {
			t.Fatal(err)
		}
		if restart {
			h.mustStart()
			h.sync()
			h.wantGaps("vanished audit.log")
		}
		h.write("two\n") // kube-apiserver was restarted
		h.sync()
		h.sync()
		if restart {
			h.wantHeld("two\n")
			continue
		}
		h.wantHeld("one\nmore\n", "two\n")
		h.wantGaps()
	}
}

func TestI7_NothingOfKubeAPIServerIsRemoved(t *testing.T) {
	h := newCopyFixture(t)
	h.write("one\n")
	h.rotate()
	h.write("two\n")
	before := snapshot(t, h.log.Dir)
	h.mustStart()
	h.sync()
	// Whatever the ledger says of a file that is not copied.
	for i := range h.ledger.Entries() {
		if err := h.release(i); err != nil {
			t.Fatal(err)
		}
	}
	h.sync()
	h.sync()
	if after := snapshot(t, h.log.Dir); before != after {
		t.Errorf("the audit directory changed:\n%s\n%s", before, after)
	}
}

func TestI8_CopiesWaitForRoom(t *testing.T) {
	h := newCopyFixture(t)
	h.loki = true
	h.budget = Budget{MaxBytes: 25, MinFree: 1}
	h.write("")
	h.mustStart()
	h.sync()
	var backups []string
	for range 4 {
		h.write("0123456789")
		backups = append(backups, h.rotate())
		_ = h.hold.Sync(t.Context())
	}
	if err := h.hold.Sync(t.Context()); err == nil || !strings.Contains(err.Error(), "--held-max-bytes") {
		t.Errorf("error %v", err)
	}
	h.wantCopies("0123456789|0123456789")
	segments, err := h.hold.Held()
	if err != nil || len(segments) != 5 {
		t.Fatalf("%d segments, %v", len(segments), err)
	}
	for i, s := range segments { // Loki does not wait for the room
		if s.Finished != (i < 4) || s.Size != int64([]int{10, 10, 10, 10, 0}[i]) {
			t.Errorf("segment %d: %+v", i, s)
		}
	}
	h.wantGaps() // kube-apiserver has them all
	// Loki's claim on an archived file gives way first.
	h.retire(0)
	_ = h.hold.Sync(t.Context())
	h.sync2()
	h.wantCopies("0123456789|0123456789")
	// A file pruned while it waits is copied at once: it is open here.
	h.remove(backups[3])
	h.retire(1)
	h.retire(2)
	h.sync2()
	h.wantGaps()
	if text := h.copies(); strings.Count(text, "0123456789") < 1 {
		t.Errorf("copies %q", text)
	}
}

// sync2 makes two passes: a segment given up in the first is gone in the second.
func (h *fixture) sync2() {
	h.t.Helper()
	_ = h.hold.Sync(h.t.Context())
	_ = h.hold.Sync(h.t.Context())
}

func TestI9_BackupsThatWaitedForRoomAndWerePruned(t *testing.T) {
	h := newCopyFixture(t)
	h.budget = Budget{MaxBytes: 15, MinFree: 1}
	var backups []string
	for range 3 {
		h.write("0123456789")
		backups = append(backups, h.rotate())
	}
	h.mustStart()
	if err := h.hold.Sync(t.Context()); err == nil {
		t.Error("no error without room")
	}
	h.wantHeld("0123456789", "") // the open file is held before its turn
	h.remove(backups[1])
	h.retire(0)
	h.sync2()
	h.wantGaps("vanished " + filepath.Base(backups[1]))
	h.wantCopies("0123456789")
	h.wantEntries(filepath.Base(backups[0])+" retired finished", filepath.Base(backups[2])+" held finished", "audit.log held")
}

func TestCopiesSurviveALostLedger(t *testing.T) {
	h := newCopyFixture(t)
	h.write("zero\n")
	pruned := h.rotate()
	h.write("one\n")
	h.rotate()
	h.write("two\n")
	h.mustStart()
	h.sync()
	h.remove(pruned)
	h.remove(h.ledgerPath())
	h.mustStart()
	h.sync()
	h.wantHeld("zero\n", "one\n", "two\n")
	if e := h.ledger.Entries()[1]; e.Name != "audit-2026-11-22T17-00-02.000.log" || !e.Finished {
		t.Errorf("entry %+v", e)
	}
	h.wantGaps("state_lost ")
}

func TestBetweenLinksAndCopies(t *testing.T) {
	for _, first := range []bool{false, true} {
		h := newFixture(t)
		h.copy = first
		h.write("zero\n")
		h.rotate()
		h.write("one\n")
		h.mustStart()
		h.sync()
		h.copy = !first
		h.rotate()
		h.write("two\n")
		h.mustStart()
		h.sync()
		h.wantHeld("zero\n", "one\n", "two\n")
		h.copy = first
		h.rotate()
		h.write("three\n")
		h.mustStart()
		h.sync()
		h.wantHeld("zero\n", "one\n", "two\n", "three\n")
		h.wantGaps()
		for _, e := range h.ledger.Entries() {
			if e.State != ledger.Held {
				t.Errorf("first copies %v: %s is %s (%s)", first, e.Name, e.State, e.Reason)
			}
		}
	}
}

// An inode number that comes back with another file is not the old segment.
func TestCopyModeTellsReusedInodes(t *testing.T) {
	h := newCopyFixture(t)
	h.write("one\n")
	h.mustStart()
	h.sync()
	h.rotate()
	h.write("two\n")
	h.sync()
	inode := h.ledger.Entries()[1].Inode
	if err := h.ledger.Edit(h.ledger.Entries()[0].ID, func(e *ledger.Entry) { e.Inode = inode }); err != nil {
		t.Fatal(err)
	}
	e := h.ledger.Entries()[1]
	if err := h.ledger.Edit(e.ID, func(e *ledger.Entry) { e.Born = e.Born.Add(-time.Hour) }); err != nil {
		t.Fatal(err)
	}
	h.mustStart() // audit.log has the inode of both entries, and is neither
	h.sync()
	h.sync()
	h.wantGaps("vanished audit.log")
	h.wantHeld("one\n", "two\n")
	if last := h.ledger.Entries()[1]; last.ID == e.ID || last.Name != "audit.log" {
		t.Errorf("entry %+v", last)
	}
}

func TestCheckCopyExplains(t *testing.T) {
	h := newCopyFixture(t)
	if err := CheckCopy(h.log); err != nil {
		t.Errorf("an empty audit directory: %v", err)
	}
	h.write("one\n")
	if err := CheckCopy(h.log); err != nil {
		t.Error(err)
	}
	if err := explainOpen(&os.PathError{Op: "open", Path: "x", Err: syscall.EACCES}); !strings.Contains(err.Error(), "chgrp") {
		t.Errorf("no remedy in %v", err)
	}
}

// Between listing and open a user puts a symbolic link or a pipe in
// the place of a file: neither is followed, nor waited for.
func TestOpenListedFollowsNothing(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, put := range map[string]func(path string) error{
		"symbolic link": func(path string) error { return os.Symlink(secret, path) },
		"pipe":          func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"other file":    func(path string) error { return os.WriteFile(path, []byte("other"), 0o600) },
		"nothing":       func(string) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			h := newCopyFixture(t)
			h.write("one\n")
			listed, err := h.log.Segments()
			if err != nil || len(listed) != 1 {
				t.Fatalf("%d files, %v", len(listed), err)
			}
			path := h.log.Path()
			if err := errors.Join(os.Rename(path, path+".away"), put(path)); err != nil {
				t.Fatal(err)
			}
			if f, err := openListed(listed[0]); !errors.Is(err, errChanged) {
				t.Errorf("%v, error %v, want errChanged", f, err)
			}
		})
	}
}
