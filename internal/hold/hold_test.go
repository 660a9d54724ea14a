package hold

import (
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

func TestI1_OpenFileIsHeldAtFirstSight(t *testing.T) {
	h := newFixture(t)
	h.write("one\n")
	h.mustStart()
	h.sync()
	h.write("two\n")
	h.remove(h.log.Path())
	h.sync()
	h.wantHeld("one\ntwo\n")
	h.wantEntries("audit.log held") // it may still be written to
}

func TestI1_RotatedAndPruned(t *testing.T) {
	h := newFixture(t)
	h.write("one\n")
	h.mustStart()
	h.sync()
	backup := h.rotate()
	h.write("two\n")
	h.sync()
	h.remove(backup)
	h.sync()
	h.wantHeld("one\n", "two\n")
	h.wantEntries("audit-2026-11-22T17-00-01.000.log held finished", "audit.log held")
}

func TestI1_TwoRotationsBetweenPasses(t *testing.T) {
	h := newFixture(t)
	h.write("one\n")
	h.mustStart()
	h.sync()
	h.rotate()
	h.write("two\n")
	h.rotate()
	h.write("three\n")
	h.sync()
	h.wantHeld("one\n", "two\n", "three\n")
}

func TestI1_RotatedAndPrunedBetweenPasses(t *testing.T) {
	h := newFixture(t)
	h.write("one\n")
	h.mustStart()
	h.sync()
	written := time.Date(2026, 11, 22, 16, 59, 59, 123456789, time.UTC)
	backup := h.rotate()
	if err := os.Chtimes(backup, written, written); err != nil {
		t.Fatal(err)
	}
	h.remove(backup)
	h.sync()
	h.writeLater("two\n")
	h.sync()
	h.wantHeld("one\n", "two\n")
	h.wantEntries("audit-2026-11-22T16-59-59.123.log held finished", "audit.log held")
}

func TestUnseenNameDoesNotTakeAnother(t *testing.T) {
	h := newFixture(t)
	h.write("one\n")
	h.mustStart()
	h.sync()
	backup := h.rotate()
	at := h.clock.Add(time.Second) // the time of the next backup
	if err := os.Chtimes(backup, at, at); err != nil {
		t.Fatal(err)
	}
	h.remove(backup)
	h.write("two\n")
	h.rotate()
	h.sync()
	h.wantHeld("one\n", "two\n", "")
	h.wantEntries("audit-2026-11-22T17-00-02.001.log held finished", "audit-2026-11-22T17-00-02.000.log held finished", "audit.log held")
}

func TestBackupsWaitingAtStartInOrder(t *testing.T) {
	h := newFixture(t)
	var want []string
	for _, text := range []string{"a\n", "b\n", "c\n"} {
		h.write(text)
		h.rotate()
		want = append(want, text)
	}
	h.mustStart()
	h.sync()
	h.wantHeld(append(want, "")...)
}

func TestReleasedWhileListedIsNotHeldAgain(t *testing.T) {
	h := newFixture(t)
	h.write("one\n")
	backup := h.rotate()
	h.mustStart()
	h.sync()
	e := h.retire(0)
	h.sync()
	if _, err := os.Lstat(h.hold.Path(e.ID)); !os.IsNotExist(err) {
		t.Errorf("the link of a retired segment is still there: %v", err)
	}
	h.mustStart() // a restart must not see it as new either
	h.sync()
	h.wantEntries("audit-2026-11-22T17-00-01.000.log retired finished", "audit.log held")
	gzipFile(t, backup)
	h.remove(backup)
	h.sync()
	h.wantEntries("audit-2026-11-22T17-00-01.000.log retired finished", "audit.log held")
	h.remove(backup + ".gz")
	h.sync()
	h.wantEntries("audit.log held")
}

func gzipFile(t testing.TB, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(path + ".gz")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	z := gzip.NewWriter(out)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestCompressedBackup(t *testing.T) {
	h := newFixture(t)
	h.write("one\n")
	backup := h.rotate()
	gzipFile(t, backup)
	h.mustStart()
	h.sync() // the .log is still there: the .gz may be unfinished
	h.wantEntries("audit-2026-11-22T17-00-01.000.log held finished", "audit.log held")
	if h.ledger.Entries()[0].Gzip {
		t.Error("held the .gz while its .log was there")
	}
	h.remove(backup)
	h.sync()
	h.wantHeld("one\n", "")

	other := newFixture(t) // the same without ever having seen the .log
	other.write("one\n")
	backup = other.rotate()
	gzipFile(t, backup)
	other.remove(backup)
	other.mustStart()
	other.sync()
	other.wantEntries("audit-2026-11-22T17-00-01.000.log held finished", "audit.log held")
	if !other.ledger.Entries()[0].Gzip {
		t.Error("a compressed backup is not marked as one")
	}
}

func TestRotatedAndCompressedBetweenPasses(t *testing.T) {
	for _, restart := range []bool{false, true} {
		h := newFixture(t)
		h.write("one\n")
		h.mustStart()
		h.sync()
		h.write("two\n")
		for _, text := range []string{"three\n", "four\n"} {
			backup := h.rotate()
			gzipFile(t, backup)
			h.remove(backup)
			h.write(text)
		}
		if restart {
			h.mustStart()
		}
		h.sync()
		h.sync()
		h.wantEntries("audit-2026-11-22T17-00-01.000.log held finished", "audit-2026-11-22T17-00-02.000.log held finished", "audit.log held")
		entries := h.ledger.Entries()
		if entries[0].Gzip || !entries[1].Gzip {
			t.Errorf("the first is held as it was written, the second compressed: %+v", entries)
		}
	}
}

func TestLokiClaimKeepsTheLink(t *testing.T) {
	h := newFixture(t)
	h.loki = true
	h.write("one\n")
	h.rotate()
	h.mustStart()
	h.sync()
	e := h.retire(0)
	h.sync()
	h.wantHeld("one\n", "")
	segments, err := h.hold.Held()
	if err != nil || len(segments) != 2 || segments[0].ID != e.ID || !segments[0].Finished || segments[1].Finished {
		t.Errorf("segments %+v, %v", segments, err)
	}
	h.loki = false // the next start has no Loki
	h.mustStart()
	h.sync()
	h.wantHeld("")
}

func TestI7_FilesAreNotTouched(t *testing.T) {
	h := newFixture(t)
	h.write("one\n")
	h.rotate()
	h.write("two\n")
	before := snapshot(t, h.log.Dir)
	h.mustStart()
	h.sync()
	h.retire(0)
	h.sync()
	after := snapshot(t, h.log.Dir)
	if before != after {
		t.Errorf("the audit directory changed:\n%s\n%s", before, after)
	}
}

// snapshot describes the audit log's own files, except for the link count.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if !info.IsDir() {
			out.WriteString(info.Name() + " " + info.Mode().String() + " " + info.ModTime().String() + "\n")
		}
	}
	return out.String()
}

func TestOneBadFileDoesNotStopTheOthers(t *testing.T) {
	h := newFixture(t)
	h.write("bad\n")
	bad := h.rotate()
	h.write("good\n")
	h.fs = h.fs.WithHook(func(e durable.Effect, apply func() error) error {
		if e.Op == durable.OpLink && e.From == bad {
			return &os.LinkError{Op: "link", Old: e.From, New: e.Path, Err: syscall.EPERM}
		}
		return apply()
	})
	h.mustStart()
	err := h.hold.Sync(t.Context())
	if !errors.Is(err, syscall.EPERM) || !strings.Contains(err.Error(), bad) || !strings.Contains(err.Error(), "CAP_FOWNER") {
		t.Errorf("error %v does not name the file and the remedy", err)
	}
	h.wantHeld("good\n")
}

func TestCheckLinkExplains(t *testing.T) {
	for cause, remedy := range map[syscall.Errno]string{
		syscall.EXDEV: "two mounts", syscall.EPERM: "CAP_FOWNER", syscall.EROFS: "read-only",
	} {
		h := newFixture(t)
		h.write("one\n")
		h.mustStart()
		failing := durable.OS().WithHook(func(e durable.Effect, apply func() error) error {
			if e.Op == durable.OpLink {
				return &os.LinkError{Op: "link", Old: e.From, New: e.Path, Err: cause}
			}
			return apply()
		})
		err := CheckLink(failing, h.log, h.stateDir())
		if !errors.Is(err, cause) || !strings.Contains(err.Error(), remedy) {
			t.Errorf("%v: error %v lacks %q", cause, err, remedy)
		}
	}
	h := newFixture(t)
	h.mustStart()
	if err := CheckLink(h.fs, h.log, h.stateDir()); err != nil {
		t.Errorf("an empty audit directory: %v", err)
	}
}

func TestStateGone(t *testing.T) {
	h := newFixture(t)
	h.write("one\n")
	h.mustStart()
	if err := os.RemoveAll(h.stateDir()); err != nil {
		t.Fatal(err)
	}
	if err := h.hold.Sync(t.Context()); !errors.Is(err, ErrStateGone) {
		t.Errorf("error %v, want ErrStateGone", err)
	}
}

// Another directory takes the place of ours.
func TestStateReplaced(t *testing.T) {
	h := newFixture(t)
	h.write("one\n")
	h.mustStart()
	held := filepath.Join(h.stateDir(), DirName)
	if err := errors.Join(os.Rename(held, held+".away"), os.Symlink(held+".away", held)); err != nil {
		t.Fatal(err)
	}
	if err := h.hold.Sync(t.Context()); !errors.Is(err, ErrStateGone) {
		t.Errorf("a symbolic link to the same: %v, want ErrStateGone", err)
	}
	if err := errors.Join(os.Remove(held), os.Mkdir(held, 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := h.hold.Sync(t.Context()); !errors.Is(err, ErrStateGone) {
		t.Errorf("another directory: %v, want ErrStateGone", err)
	}
	if err := errors.Join(os.Remove(held), os.Rename(held+".away", held)); err != nil {
		t.Fatal(err)
	}
	h.sync()
	h.wantHeld("one\n")
}

func TestMetricsAndPokes(t *testing.T) {
	h := newFixture(t)
	h.write("one\n")
	h.rotate()
	h.mustStart()
	changed := h.hold.Changed()
	h.sync()
	select {
	case <-changed:
	default:
		t.Error("no poke although two files were linked")
	}
	if files := testutil.ToFloat64(h.hold.metrics.files); files != 2 {
		t.Errorf("held_files %v, want 2", files)
	}
	if bytes := testutil.ToFloat64(h.hold.metrics.bytes); bytes != 4 {
		t.Errorf("held_bytes %v, want 4", bytes)
	}
	h.sync()
	select {
	case <-changed:
		t.Error("a poke although nothing changed")
	default:
	}
}

func TestLinkName(t *testing.T) {
	n, inode, ok := parseLinkName(linkName(7, 1234567890123))
	if !ok || n != 7 || inode != 1234567890123 {
		t.Errorf("round trip gave %d %d %v", n, inode, ok)
	}
	for _, bad := range []string{"", "lost+found", "7-1", "000000000007", "000000000007-x", "-00000000007-1"} {
		if _, _, ok := parseLinkName(bad); ok {
			t.Errorf("%q was taken for a link of ours", bad)
		}
	}
}

func TestForeignFilesAreLeftAlone(t *testing.T) {
	h := newFixture(t)
	h.write("one\n")
	h.mustStart()
	foreign := filepath.Join(h.stateDir(), DirName, "notes.txt")
	if err := os.WriteFile(foreign, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.mustStart()
	h.sync()
	if _, err := os.Stat(foreign); err != nil {
		t.Error(err)
	}
	if n := len(h.ledger.Entries()); n != 1 || h.ledger.Entries()[0].State != ledger.Held {
		t.Errorf("%d entries", n)
	}
}
