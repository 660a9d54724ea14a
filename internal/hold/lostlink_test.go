package hold

import (
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// A link that was removed from outside is made again from the file that is still listed; one that is
// listed no more is a gap, whether the process runs or was down.
func TestI9_LostLink(t *testing.T) {
	compress := func(text string) func(h *fixture, path string) {
		return func(h *fixture, path string) {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				h.t.Fatal(err)
			}
			gzipFile(h.t, path)
			h.remove(path)
		}
	}
	for name, test := range map[string]struct {
		change func(h *fixture, path string) // of the backup
		held   []string
		lost   bool
	}{
		"listed":                 {change: func(*fixture, string) {}, held: []string{"one\n", ""}},
		"compressed":             {change: compress("one\n"), held: []string{"one\n", ""}},
		"gone":                   {change: (*fixture).remove, held: []string{""}, lost: true},
		"compressed, other text": {change: compress("two\n"), held: []string{"", "two\n"}, lost: true},
		"compressed, cut":        {change: compress("one"), held: []string{"", "one"}, lost: true},
	} {
		for _, down := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", down ", down), func(t *testing.T) {
				h := newFixture(t)
				h.loki = true
				h.write("one\n")
				backup := h.rotate()
				h.mustStart()
				h.sync()
				for _, e := range h.ledger.Entries() {
					h.remove(h.hold.Path(e.ID))
				}
				test.change(h, backup)
				if down {
					h.mustStart()
				}
				h.sync()
				h.sync() // reported once
				if got := h.unpacked(); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", test.held) {
					t.Errorf("held %q, want %q", got, test.held)
				}
				if !test.lost {
					h.wantEntries("audit-2026-11-22T17-00-01.000.log held finished", "audit.log held")
					h.wantGaps()
					return
				}
				h.wantGaps("vanished audit-2026-11-22T17-00-01.000.log")
				if e := h.ledger.Entries()[0]; e.State != ledger.Quarantined || !e.Finished || !e.Loki {
					t.Errorf("%+v: nobody counts the lines that the stream misses", e)
				}
			})
		}
	}
}

// unpacked is the unpacked content of the held files, in order.
func (h *fixture) unpacked() (texts []string) {
	h.t.Helper()
	for _, e := range h.ledger.Entries() {
		if !h.hold.isHeld(e.ID) {
			continue
		}
		r, err := rotate.Open(h.hold.Path(e.ID), e.Gzip)
		if err != nil {
			h.t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err = errors.Join(err, r.Close()); err != nil {
			h.t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return texts
}
