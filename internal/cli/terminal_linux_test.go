package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/auditsidecar/auditsidecar/internal/config"
)

// newTerminal returns a terminal, and its output by the time that it is
// closed.
func newTerminal(t *testing.T) (tty *os.File, shown func() string) {
	t.Helper()
	pty, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	must(t, err)
	must(t, unix.IoctlSetPointerInt(int(pty.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(pty.Fd()), unix.TIOCGPTN)
	must(t, err)
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	must(t, err)
	var out bytes.Buffer
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(&out, pty) // ends with EIO when the terminal is closed
	}()
	return tty, func() string {
		must(t, tty.Close())
		<-done
		must(t, pty.Close())
		return out.String()
	}
}

// restore shows how far it is where people look, and leaves only the lines that
// it says anything in.
func TestRestoreShowsProgress(t *testing.T) {
	dir := t.TempDir()
	objects, out := dir+"/objects", dir+"/out"
	makeObject(t, objects+"/1.parquet", meta("n", 1, "audit-1.log"), "one\n")
	makeObject(t, objects+"/2.parquet", meta("n", 2, "audit-2.log"), "two\n")
	sources, err := openCatalog(t.Context(), []string{objects}, config.Archive{}, false, io.Discard)
	must(t, err)

	tty, shown := newTerminal(t)
	var lines bytes.Buffer
	must(t, restoreTo(t.Context(), sources, 2, &lines, tty))
	if got := shown(); !strings.Contains(got, "] 1/2 files") || !strings.HasSuffix(got, "\r\x1b[K") {
		t.Errorf("restore shows %q", got)
	}
	if lines.String() != "one\ntwo\n" {
		t.Errorf("restored %q", lines.String())
	}

	tty, shown = newTerminal(t)
	must(t, restoreFiles(t.Context(), sources, 2, out, tty))
	got := shown()
	for _, want := range []string{"] 1/2 files", "\r\x1b[K" + out + "/audit-1.log\r\n", "\r\x1b[K" + out + "/audit-2.log\r\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("restore -o shows %q, want %q in it", got, want)
		}
	}
}
