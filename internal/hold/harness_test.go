package hold

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// fixture is an audit directory with kube-apiserver's moves and a Hold over it.
type fixture struct {
	t      testing.TB
	log    rotate.Log
	fs     durable.FS
	loki   bool
	copy   bool
	clock  time.Time
	notes  []string
	gaps   []ledger.Gap
	budget Budget

	ledger *ledger.Ledger
	hold   *Hold
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	log, err := rotate.ParsePath(filepath.Join(t.TempDir(), "audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	h := &fixture{t: t, log: log, fs: quickFS(), clock: time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)}
	return h
}

// quickFS makes no fsync, which only a power failure would reveal: see
// durabletest.PowerLoss.
func quickFS() durable.FS {
	return durable.OS().WithHook(func(e durable.Effect, apply func() error) error {
		if e.Op == durable.OpSync || e.Op == durable.OpSyncDir {
			return nil
		}
		return apply()
	})
}

func (h *fixture) stateDir() string { return filepath.Join(h.log.Dir, ".auditsidecar") }

// start opens the state as a new process does.
func (h *fixture) start() error {
	if h.hold != nil {
		h.hold.Close() // as the end of the process before does
	}
	if err := h.fs.MkdirAll(h.stateDir(), 0o700); err != nil {
		return err
	}
	var err error
	if h.ledger, _, err = ledger.Open(h.fs, h.stateDir(), "machine", h.clock); err != nil {
		return err
	}
	if lost := h.ledger.Chain().Lost; lost != nil {
		h.gaps = append(h.gaps, *lost)
	}
	h.hold, err = New(Config{
		Log: h.log, StateDir: h.stateDir(), FS: h.fs, Ledger: h.ledger, Loki: h.loki, Copy: h.copy,
		Rescan: time.Hour, Observe: func(error) {},
		Note:     func(event string, e ledger.Entry) { h.notes = append(h.notes, event+": "+e.Name) },
		NoteGap:  func(g ledger.Gap) { h.gaps = append(h.gaps, g) },
		Budget:   h.budget,
		Registry: prometheus.NewRegistry(),
	})
	return err
}

func (h *fixture) mustStart() {
	h.t.Helper()
	if err := h.start(); err != nil {
		h.t.Fatal(err)
	}
}

func (h *fixture) sync() {
	h.t.Helper()
	if err := h.hold.Sync(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

func (h *fixture) write(text string) {
	h.t.Helper()
	f, err := os.OpenFile(h.log.Path(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		h.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		h.t.Fatal(err)
	}
}

// rotate renames and creates, as lumberjack does, and returns the backup.
func (h *fixture) rotate() string {
	h.t.Helper()
	h.clock = h.clock.Add(time.Second)
	backup := filepath.Join(h.log.Dir, h.log.BackupName(h.clock))
	now := time.Now() // the line that would not fit any more; the names' clock is not the disk's
	if err := errors.Join(os.Chtimes(h.log.Path(), now, now), os.Rename(h.log.Path(), backup)); err != nil {
		h.t.Fatal(err)
	}
	h.write("")
	return backup
}

func (h *fixture) remove(path string) {
	h.t.Helper()
	if err := os.Remove(path); err != nil {
		h.t.Fatal(err)
	}
}

// held returns the content of every link that an entry has, in order.
func (h *fixture) held() []string {
	h.t.Helper()
	var texts []string
	for _, e := range h.ledger.Entries() {
		data, err := os.ReadFile(h.hold.Path(e.ID))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			h.t.Fatal(err)
		}
		texts = append(texts, string(data))
	}
	return texts
}

func (h *fixture) wantHeld(want ...string) {
	h.t.Helper()
	if got := h.held(); fmt.Sprint(got) != fmt.Sprint(want) {
		h.t.Errorf("held %q, want %q", got, want)
	}
}

// wantEntries compares "name state finished" of every entry.
func (h *fixture) wantEntries(want ...string) {
	h.t.Helper()
	var got []string
	for _, e := range h.ledger.Entries() {
		text := e.Name + " " + string(e.State)
		if e.Finished {
			text += " finished"
		}
		got = append(got, text)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		h.t.Errorf("entries\n got %q\nwant %q", got, want)
	}
}

// retire is the shipper's last step.
func (h *fixture) retire(i int) ledger.Entry {
	h.t.Helper()
	e := h.ledger.Entries()[i]
	if err := h.ledger.Advance(e.ID, ledger.Held, func(e *ledger.Entry) { e.State = ledger.Retired }); err != nil {
		h.t.Fatal(err)
	}
	return e
}
