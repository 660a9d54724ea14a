package cli

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
)

// stateOf lays out the state that an earlier version left on a node, and returns its directory.
func stateOf(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", version))))
	state := filepath.Join(dir, "audit", ".auditsidecar")
	must(t, os.Rename(filepath.Join(dir, "state"), state))
	must(t, os.Chmod(state, 0o700))
	must(t, os.Mkdir(filepath.Join(state, "held"), 0o700))
	files := map[string]string{"000001000000": "audit-2026-11-30T14-29-53.000.log", "000001000001": "audit-2026-11-30T14-30-02.000.log"}
	ledger := audittest.ReadFile(t, filepath.Join(state, "ledger.json"))
	// These files have other inodes, were created at another time, and this is another machine.
	ledger = regexp.MustCompile(`"born":"[^"]*",`).ReplaceAll(ledger, nil)
	ledger = regexp.MustCompile(`"owner":"[^/]*`).ReplaceAll(ledger, []byte(`"owner":"`+ownMachine(t)))
	for number, name := range files {
		id := string(regexp.MustCompile(number + `-[0-9]+`).Find(ledger))
		path := filepath.Join(dir, "audit", name)
		info, err := os.Stat(path)
		must(t, err)
		ledger = bytes.ReplaceAll(ledger, []byte(id[len(number)+1:]), fmt.Append(nil, info.Sys().(*syscall.Stat_t).Ino))
		if number == "000001000001" { // the cursor is in it
			held := fmt.Sprint(number, "-", info.Sys().(*syscall.Stat_t).Ino)
			must(t, os.Link(path, filepath.Join(state, "held", held)))
			cursor := audittest.ReadFile(t, filepath.Join(state, "cursor.json"))
			put(t, filepath.Join(state, "cursor.json"), bytes.ReplaceAll(cursor, []byte(id), []byte(held)))
		}
	}
	put(t, filepath.Join(state, "ledger.json"), ledger)
	return dir
}

// ownMachine is how the ledger names this machine.
func ownMachine(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "audit", "audit.log"), nil)
	ok(t, runOnce(dir)...)
	owner := regexp.MustCompile(`"owner":"([^/]*)/`).FindSubmatch(audittest.ReadFile(t, site{t, dir}.ledger()))
	return string(owner[1])
}

// The state of v0.1.0-rc.1 is resumed: each line is archived and streamed once, in the same
// epoch, and no gap is recorded.
func TestI4_StateOfVersion1IsResumed(t *testing.T) {
	dir := stateOf(t, "state-1")
	loki := lokitest.New(lokitest.Config{})
	server := httptest.NewServer(loki)
	defer server.Close()
	var lines []string
	for _, name := range []string{"audit-2026-11-30T14-29-53.000.log", "audit-2026-11-30T14-30-02.000.log", "audit.log"} {
		lines = slices.AppendSeq(lines, strings.Lines(string(audittest.ReadFile(t, filepath.Join(dir, "audit", name)))))
	}
	if len(lines) != 11 {
		t.Fatalf("%d lines", len(lines))
	}
	for range 2 { // nothing is left for the second
		ok(t, runOnce(dir, "--cluster", "test", "--loki-url", server.URL, "--loki-max-age", "876000h")...)
		if got, want := strings.Join(loki.Lines(), "\n")+"\n", strings.Join(lines[8:], ""); got != want {
			t.Errorf("streamed\n%s, want\n%s", got, want)
		}
		same(t, "the archive", []byte(ok(t, "restore", filepath.Join(dir, "archive")).stdout), []byte(strings.Join(lines[:9], "")))
	}
	if out := ok(t, "verify", "--deep", filepath.Join(dir, "archive")).stdout; strings.Contains(out, "gap") || strings.Count(out, "epoch ") != 1 {
		t.Errorf("verify reports\n%s", out)
	}
	records := files(t, filepath.Join(dir, "archive", "manifests"))
	if len(records) != 4 {
		t.Errorf("records %q, want one more of a file and one of the version", records)
	}
}

// The state of a later version is refused, with the way back, and left as it is. Of a file
// that is no ledger no version is known: it is set aside.
func TestStateOfALaterVersionIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := site{t, dir}
	line := s.rotated(17)
	s.wantArchived(0, line)
	ledger := audittest.ReadFile(t, s.ledger())
	later := bytes.Replace(ledger, []byte(`{"version":1,`), []byte(`{"version":2,"more":{},`), 1)
	put(t, s.ledger(), later)
	before := files(t, filepath.Dir(s.ledger()))
	second := s.rotated(18)
	call(t, runOnce(dir)...).refused(t, exitUsage, filepath.Dir(s.ledger()), "version 2", "up to 1", "run the newer version again", "docs/upgrade.md")
	serve := slices.DeleteFunc(runOnce(dir), func(arg string) bool { return arg == "--once" })
	call(t, append(serve, "--listen", "127.0.0.1:0")...).refused(t, exitUsage, "version 2")
	same(t, "the ledger", audittest.ReadFile(t, s.ledger()), later)
	if after := files(t, filepath.Dir(s.ledger())); !slices.Equal(after, before) {
		t.Errorf("the directory has %q, had %q", after, before)
	}
	must(t, os.Rename(filepath.Dir(s.ledger()), filepath.Join(dir, "away"))) // the way back
	s.wantArchived(1, line, second)
	put(t, s.ledger(), later[:len(later)/2])
	s.wantArchived(2, line, second)
}

// The rollups of an ended day, which are Parquet too, are not restored, at any depth of a
// directory. A directory above an archive is not searched, as it has some lines twice.
func TestRollupsAreNotRestored(t *testing.T) {
	dir := stateOf(t, "state-1")
	ok(t, runOnce(dir, "--cluster", "test")...)
	if all, err := filepath.Glob(filepath.Join(dir, "archive/rollups/parquet/*/*/*.parquet")); err != nil || len(all) == 0 {
		t.Fatal("no rollup was made: ", err)
	}
	want := ok(t, "restore", filepath.Join(dir, "archive")).stdout
	above := filepath.Join(t.TempDir(), "backup")
	must(t, os.MkdirAll(above, 0o755))
	must(t, os.Rename(filepath.Join(dir, "archive"), filepath.Join(above, "audit-logs")))
	for _, place := range []string{above, filepath.Dir(above)} {
		same(t, place, []byte(ok(t, "restore", place).stdout), []byte(want))
		call(t, "search", place, "-o", "json").refused(t, exitFailed, filepath.Join(above, "audit-logs"), "is an archive")
	}
	for _, place := range []string{"audit-logs", "audit-logs/data"} {
		out := ok(t, "search", filepath.Join(above, place), "-o", "json").stdout
		if strings.Count(out, "\n") != strings.Count(want, "\n") {
			t.Errorf("search %s finds\n%s", place, out)
		}
	}
}
