package hold

import (
	"path/filepath"
	"testing"
)

// The open file is rotated, compressed and removed between two passes, or
// while the process is away: one segment, not two.
func TestI1_CompressedBetweenPasses(t *testing.T) {
	for _, restart := range []bool{false, true} {
		for _, copies := range []bool{false, true} {
			if restart && copies {
				continue // nothing keeps the plain bytes then; the .gz is new
			}
			h := newFixture(t)
			h.copy = copies
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
			h.wantHeld("one\ntwo\n", "three\n")
			h.wantEntries(filepath.Base(backup)+" held finished", "audit.log held")
			h.wantGaps()
			h.retire(0)
			h.sync()
			h.wantEntries(filepath.Base(backup)+" retired finished", "audit.log held")
		}
	}
}
