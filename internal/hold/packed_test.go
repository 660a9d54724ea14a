package hold

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/durable"
)

// The open file is rotated, compressed and removed between two passes, or
// while the process is stopped: one segment, not two.
func TestI1_CompressedBetweenPasses(t *testing.T) {
	for _, restart := range []bool{false, true} {
		for _, copies := range []bool{false, true} {
			h := newFixture(t)
			h.copy, h.clock = copies, time.Now().UTC() // a .gz has no other time than that in its name
			h.write("one\n")
			h.mustStart()
			h.sync()
			h.write("two\n")
			backup := h.rotate()
			gzipFile(t, backup)
			h.remove(backup)
			h.write("three\n")
			if restart {
				h.mustStart()
			}
			h.sync()
			if got := fmt.Sprintf("%q", h.unpacked()); got != `["one\ntwo\n" "three\n"]` {
				t.Errorf("restart %v, copies %v: held %s", restart, copies, got)
			}
			h.wantEntries(filepath.Base(backup)+" held finished", "audit.log held")
			h.wantGaps()
			h.retire(0)
			h.sync()
			h.wantEntries(filepath.Base(backup)+" retired finished", "audit.log held")
		}
	}
}

// TestI9_CompressedBeforeItIsLinked has the open file rotated and compressed after it was
// listed and before it is linked. It is the file after the newest backup; without that
// one, or without the .gz, another may have been between them.
func TestI9_CompressedBeforeItIsLinked(t *testing.T) {
	for _, c := range []struct {
		name         string
		backup, next bool // the backup before it stays, a .gz follows
		gaps         []string
	}{
		{name: "compressed", backup: true, next: true},
		{name: "deleted", backup: true, gaps: []string{"vanished audit.log"}},
		{name: "the backup before it is deleted", next: true, gaps: []string{"vanished audit.log"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newFixture(t)
			h.write("one\n")
			before := h.rotate()
			h.write("two\n")
			rotated := false
			h.fs = h.fs.WithHook(func(e durable.Effect, apply func() error) error {
				if e.Op == durable.OpLink && e.From == h.log.Path() && !rotated {
					rotated = true
					backup := h.rotate()
					if c.next {
						gzipFile(t, backup)
					}
					h.remove(backup)
					if !c.backup {
						h.remove(before)
					}
				}
				return apply()
			})
			h.mustStart()
			h.sync()
			h.wantGaps(c.gaps...)
		})
	}
}
