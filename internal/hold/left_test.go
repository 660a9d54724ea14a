package hold

import (
	"os"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
	"github.com/auditsidecar/auditsidecar/internal/durable"
)

// openWriter opens audit.log as kube-apiserver has it open.
func (h *fixture) openWriter() *os.File {
	h.t.Helper()
	writer, err := os.OpenFile(h.log.Path(), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { writer.Close() })
	return writer
}

func (h *fixture) writeTo(writer *os.File, text string) {
	h.t.Helper()
	if _, err := writer.WriteString(text); err != nil {
		h.t.Fatal(err)
	}
}

// TestI9_WrittenAfterItWasCopied replaces audit.log where files are copied: the old one is
// copied at once, and later writes are a gap with its bytes, until it
// moves to a later file.
func TestI9_WrittenAfterItWasCopied(t *testing.T) {
	h := newCopyFixture(t)
	h.write("one\n")
	h.mustStart()
	h.sync()
	writer := h.openWriter()
	h.renameOver(0)
	h.sync()
	h.sync()
	h.wantCopies("one\n")
	h.wantGaps()
	if !h.hold.sample() {
		t.Error("no pass is due while the writer may continue in the old file")
	}

	h.writeTo(writer, "two\n")
	h.sync()
	h.sync() // reported once
	h.wantGaps("replaced audit.log")
	if g := h.ledger.Gaps()[0]; g.Bytes != 4 || g.To.Before(g.From) || !strings.Contains(g.Detail, "after it was copied") {
		t.Errorf("gap %+v", g)
	}

	h.writeTo(writer, "three\n")
	h.sync() // not within a minute
	h.wantGaps("replaced audit.log")
	h.mustStart() // at the end of the process
	h.sync()
	h.wantGaps("replaced audit.log", "replaced audit.log")
	if g := h.ledger.Gaps()[1]; g.Bytes != 6 {
		t.Errorf("gap %+v", g)
	}
	h.wantCopies("one\n")
}

// TestDescriptorsOfCopiedFilesAreClosed has no descriptor open any more when the writer has
// moved, and never more than maxPins.
func TestDescriptorsOfCopiedFilesAreClosed(t *testing.T) {
	h := newCopyFixture(t)
	h.write("one\n")
	h.mustStart()
	h.sync()
	left := h.hold.keep.(*copies)
	for range 2 * maxPins {
		h.renameOver(0)
		h.sync()
		h.sync()
		if n := len(left.left); n == 0 || n > maxPins {
			t.Fatalf("%d descriptors", n)
		}
	}
	h.wrote(h.log.Path(), -2*continuity.SettleTime) // kube-apiserver was restarted
	h.sync()
	if n := len(left.left); n != 0 || h.hold.sample() {
		t.Errorf("%d descriptors of files that are not written to any more", n)
	}
	h.wantGaps()
}

// TestI1_WrittenWhileItIsCopied has the writer of a replaced file add to it while it is
// copied: the other steps of the pass are made, and it is copied when it is quiet.
func TestI1_WrittenWhileItIsCopied(t *testing.T) {
	h := newCopyFixture(t)
	h.write("one\n")
	h.mustStart()
	h.sync()
	writer, busy := h.openWriter(), true
	h.fs = h.fs.WithHook(func(e durable.Effect, apply func() error) error {
		if e.Op == durable.OpWrite && busy && strings.Contains(e.Path, DirName) {
			h.writeTo(writer, "more\n")
		}
		return apply()
	})
	h.mustStart()
	h.sync()
	h.renameOver(0)
	h.sync()
	h.sync()
	h.wantCopies("")
	busy = false
	h.sync()
	if got := h.copies(); !strings.HasPrefix(got, "one\nmore\n") {
		t.Errorf("copies %q", got)
	}
	h.wantGaps()
}
