package hold

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// Files that kube-apiserver does not write are named once each, counted, and named beside a gap; none is held.
func TestUnknownFilesAreNamed(t *testing.T) {
	h := newFixture(t)
	h.write("1\n")
	h.mustStart()
	put := func(name string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(h.log.Dir, name), []byte("x\n"), 0o000); err != nil {
			t.Fatal(err)
		}
	}
	noted := func() int {
		n := 0
		for _, note := range h.notes {
			if strings.HasPrefix(note, "unknown file: ") {
				n++
			}
		}
		return n
	}
	put("audit.log.1")
	h.sync()
	h.sync()
	if got := testutil.ToFloat64(h.hold.metrics.unknown); got != 1 || noted() != 1 || !slices.Contains(h.notes, "unknown file: audit.log.1") {
		t.Errorf("%v files, notes %q", got, h.notes)
	}
	put("audit-2026-11-22T17-00-27.978.log.bak")
	for _, name := range []string{"audit.log.2", "audit.log.3"} {
		put(name)
	}
	h.sync()
	if got := testutil.ToFloat64(h.hold.metrics.unknown); got != 4 || noted() != 4 || len(h.ledger.Entries()) != 1 {
		t.Errorf("%v files, notes %q, %d held", got, h.notes, len(h.ledger.Entries()))
	}
	if err := os.WriteFile(h.log.Path(), nil, 0o600); err != nil { // cut
		t.Fatal(err)
	}
	h.sync()
	if len(h.gaps) != 1 || !strings.Contains(h.gaps[0].Detail, `; 4 unknown files beside the log may have the lines: ["audit-2026-11-22T17-00-27.978.log.bak" "audit.log.1" "audit.log.2"]`) {
		t.Errorf("gaps %+v", h.gaps)
	}
	for _, name := range h.hold.unknown {
		if err := os.Remove(filepath.Join(h.log.Dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	h.sync()
	put("audit.log.1")
	h.sync()
	if got := testutil.ToFloat64(h.hold.metrics.unknown); got != 1 || noted() != 5 {
		t.Errorf("%v files, notes %q", got, h.notes)
	}
}
