package terminal

import (
	"bytes"
	"os"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

const report = `archive    s3://b
OKAY is no verdict
  recorded gap: pruned
note: open
FINDING missing: x
  lost
FAILED: 1 finding
OK: nothing
OK, but for the gaps
`

func TestPaint(t *testing.T) {
	want := "archive    s3://b\nOKAY is no verdict\n  \x1b[33mrecorded gap\x1b[0m: pruned\n\x1b[33mnote\x1b[0m: open\n" +
		"\x1b[31mFINDING\x1b[0m missing: x\n  lost\n\x1b[31mFAILED\x1b[0m: 1 finding\n\x1b[32mOK\x1b[0m: nothing\n\x1b[32mOK\x1b[0m, but for the gaps\n"
	if got := Paint(true).Lines(report); got != want {
		t.Errorf("%q", got)
	}
	if got := Paint(false).Lines(report); got != report {
		t.Errorf("without colours: %q", got)
	}
	if got := Paint(true).Word("ok", "fine"); got != "\x1b[32mfine\x1b[0m" {
		t.Errorf("%q", got)
	}
	if got := Paint(true).Word("verbose", "fine"); got != "fine" {
		t.Errorf("%q", got)
	}
}

func TestPaintOnATerminalOnly(t *testing.T) {
	if NewPaint(new(bytes.Buffer)) {
		t.Error("a buffer is painted")
	}
	file, err := os.Create(t.TempDir() + "/report")
	must(t, err)
	defer file.Close()
	if NewPaint(file) {
		t.Error("a file is painted")
	}
	tty := audittest.Terminal(t)
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	if !NewPaint(tty) {
		t.Error("a terminal is not painted")
	}
	if w := Width(file); w != 0 {
		t.Errorf("a file has the width %d", w)
	}
	t.Setenv("NO_COLOR", "1")
	if NewPaint(tty) {
		t.Error("painted with NO_COLOR")
	}
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "dumb")
	if NewPaint(tty) {
		t.Error("a dumb terminal is painted")
	}
}

var must = audittest.Must
