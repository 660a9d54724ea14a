package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/catalog"
	"github.com/auditsidecar/auditsidecar/internal/catalog/catalogtest"
	"github.com/auditsidecar/auditsidecar/parquet"
)

func makeObject(t *testing.T, path string, meta parquet.Meta, content string) string {
	t.Helper()
	return catalogtest.Object(t, path, meta, content)
}

// meta is the metadata of the seq-th file of a node.
func meta(node string, seq int64, name string) parquet.Meta {
	return parquet.Meta{Cluster: "c", Node: node, Epoch: "20261122T120000abcdef", Seq: seq, SourceName: name,
		Rotated: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Converter: "test"}
}

// A directory is restored in the order of the chain, whatever its objects are
// called; hidden files and other files are left alone.
func TestRestoreOrder(t *testing.T) {
	dir := t.TempDir()
	later := meta("a", 1, "x")
	later.Epoch = "20261123T120000000000"
	for name, o := range map[string]parquet.Meta{
		"z.parquet": meta("a", 2, "x"), "y/9.parquet": meta("a", 10, "x"), "y/8.parquet": meta("b", 1, "x"), "a.parquet": later,
	} {
		makeObject(t, filepath.Join(dir, name), o, o.Epoch+" "+o.Node+" "+time.Duration(o.Seq).String()+"\n")
	}
	put(t, filepath.Join(dir, ".auditsidecar-work-1", "2026-11-22.parquet"), []byte("unfinished"))
	put(t, filepath.Join(dir, "y", ".hidden.parquet"), []byte("unfinished"))
	put(t, filepath.Join(dir, "README"), []byte("mine"))
	want := "20261122T120000abcdef a 2ns\n20261122T120000abcdef a 10ns\n20261123T120000000000 a 1ns\n20261122T120000abcdef b 1ns\n"
	if got := ok(t, "restore", dir).stdout; got != want {
		t.Errorf("restored\n%swant\n%s", got, want)
	}
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(dir, link))
	if got := ok(t, "restore", link).stdout; got != want {
		t.Errorf("through a link restored\n%s", got)
	}
	moved := filepath.Join(t.TempDir(), "moved")
	must(t, os.Rename(filepath.Join(dir, "y"), moved))
	if got := ok(t, "restore", dir).stdout; got == want {
		t.Fatal("nothing was moved")
	}
	must(t, os.Symlink(moved, filepath.Join(dir, "y")))
	if got := ok(t, "restore", dir).stdout; got != want {
		t.Errorf("with a directory moved and linked restored\n%s", got)
	}
	must(t, os.Rename(moved, moved+"-away"))
	call(t, "restore", dir).refused(t, exitFailed, "follow a symbolic link", "y: no such file")
}

// With -o each original file is there by its name; where two nodes have files
// they have directories; where one node has a name twice the later one gets
// its place in the chain before it.
func TestRestoreNames(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	makeObject(t, filepath.Join(one, "1.parquet"), meta("a", 1, "audit.log"), "first\n")
	makeObject(t, filepath.Join(one, "2.parquet"), meta("a", 2, "other.log"), "second\n")
	makeObject(t, filepath.Join(one, "3.parquet"), meta("a", 3, "audit.log"), "third\n")
	makeObject(t, filepath.Join(two, "4.parquet"), meta("b", 1, "audit.log"), "fourth\n")
	for _, test := range []struct {
		args []string
		want map[string]string
	}{
		{[]string{one}, map[string]string{
			"audit.log": "first\n", "other.log": "second\n", "20261122T120000abcdef-00000003-audit.log": "third\n"}},
		{[]string{two}, map[string]string{"audit.log": "fourth\n"}},
		{[]string{two, one}, map[string]string{
			"cluster=c/node=a/audit.log": "first\n", "cluster=c/node=a/other.log": "second\n",
			"cluster=c/node=a/20261122T120000abcdef-00000003-audit.log": "third\n", "cluster=c/node=b/audit.log": "fourth\n"}},
	} {
		out := filepath.Join(t.TempDir(), "restored")
		r := ok(t, append([]string{"restore", "--out", out}, test.args...)...)
		got := files(t, out)
		for _, name := range got {
			if content := string(audittest.ReadFile(t, filepath.Join(out, name))); content != test.want[name] {
				t.Errorf("%s holds %q, want %q", name, content, test.want[name])
			}
			if !strings.Contains(r.stderr, filepath.Join(out, name)+"\n") {
				t.Errorf("%s is not reported:\n%s", name, r.stderr)
			}
		}
		if len(got) != len(test.want) || r.stdout != "" {
			t.Errorf("files %q, standard output %q", got, r.stdout)
		}
	}
}

// An object can say anything of itself. It cannot make restore write outside
// the directory, and does not keep the others from being restored.
func TestRestoreRefusesNames(t *testing.T) {
	for _, name := range []string{"", ".", "..", "/etc/passwd", "../x", "a/b", "a/", "a\x00b"} {
		dir := t.TempDir()
		makeObject(t, filepath.Join(dir, "in", "1.parquet"), meta("a", 1, name), "evil\n")
		makeObject(t, filepath.Join(dir, "in", "2.parquet"), meta("a", 2, "good.log"), "good\n")
		r := call(t, "restore", filepath.Join(dir, "in"), "--out", filepath.Join(dir, "out"))
		r.refused(t, exitFailed, "not a file name", "node a, 20261122T120000abcdef/1")
		if got := files(t, dir); !slices.Equal(got, []string{"in/1.parquet", "in/2.parquet", "out/good.log"}) {
			t.Errorf("%q: files %q", name, got)
		}
		if got := ok(t, "restore", filepath.Join(dir, "in")).stdout; got != "evil\ngood\n" {
			t.Errorf("%q: to standard output %q", name, got)
		}
	}
	for what, spoil := range map[string]func(*parquet.Meta){
		"cluster": func(m *parquet.Meta) { m.Cluster = "../.." },
		"node":    func(m *parquet.Meta) { m.Node = "x/../../.." },
		"epoch":   func(m *parquet.Meta) { m.Epoch = "../../x" },
	} {
		dir := t.TempDir()
		evil := meta("b", 1, "audit.log")
		spoil(&evil)
		makeObject(t, filepath.Join(dir, "in", "1.parquet"), evil, "evil\n")
		makeObject(t, filepath.Join(dir, "in", "2.parquet"), meta("b", 1, "audit.log"), "good\n")
		r := call(t, "restore", filepath.Join(dir, "in"), "--out", filepath.Join(dir, "a", "out"))
		if what == "epoch" { // the first of its name needs no epoch
			must(t, r.err)
		} else {
			r.refused(t, exitFailed, what)
		}
		for _, name := range files(t, dir) {
			if !strings.HasPrefix(name, "in/") && !strings.HasPrefix(name, "a/out/") {
				t.Errorf("%s: wrote %s", what, name)
			}
		}
	}
}

// I7: no file is ever replaced, not even where -o is the audit directory.
func TestI7_RestoreReplacesNothing(t *testing.T) {
	dir := t.TempDir()
	object := makeObject(t, filepath.Join(dir, "1.parquet"), meta("a", 1, "audit.log"), "old\n")
	log := put(t, filepath.Join(dir, "audit", "audit.log"), []byte("new\n"))
	call(t, "restore", object, "--out", filepath.Dir(log)).refused(t, exitFailed, log+" already exists", "choose another path")
	if got := string(audittest.ReadFile(t, log)); got != "new\n" {
		t.Errorf("%s holds %q", log, got)
	}
	if got := files(t, filepath.Dir(log)); !slices.Equal(got, []string{"audit.log"}) {
		t.Errorf("left behind: %q", got)
	}
}

// A set without one day's object is refused, and says which; nothing is written.
func TestRestoreIncomplete(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "archive")
	ok(t, "convert", put(t, filepath.Join(dir, backup), acrossMidnight(t)), "--out", out)
	objects := files(t, out)
	if len(objects) != 2 {
		t.Fatalf("objects %q", objects)
	}
	for i, day := range []string{"2026-11-22", "2026-11-23"} {
		gone, aside := filepath.Join(out, objects[i]), filepath.Join(dir, "aside")
		must(t, os.Rename(gone, aside))
		for _, arg := range []string{out, "file://" + out, filepath.Join(out, objects[1-i])} {
			r := call(t, "restore", arg)
			r.refused(t, exitFailed, "incomplete", "missing the object of "+day, backup)
			restored := filepath.Join(dir, "restored")
			call(t, "restore", arg, "--out", restored).refused(t, exitFailed, "missing the object of "+day)
			if left := files(t, restored); r.stdout != "" || len(left) > 0 {
				t.Errorf("wrote %d bytes, and the files %q", len(r.stdout), left)
			}
		}
		must(t, os.Rename(aside, gone))
	}
}

func TestRestoreFailures(t *testing.T) {
	dir := t.TempDir()
	junk := put(t, filepath.Join(dir, "junk.parquet"), []byte("PAR1 no PAR1"))
	empty := filepath.Join(dir, "empty")
	must(t, os.Mkdir(empty, 0o700))
	whole := audittest.ReadFile(t, makeObject(t, filepath.Join(dir, "x.parquet"), meta("a", 1, "audit.log"), "line\n"))
	torn := put(t, filepath.Join(dir, "torn.parquet"), whole[:len(whole)-9])
	twice := put(t, filepath.Join(dir, "twice.parquet"), whole)
	other := makeObject(t, filepath.Join(dir, "other.parquet"), meta("a", 1, "audit.log"), "another line\n")
	for _, test := range []struct {
		name  string
		args  []string
		code  int
		wants []string
	}{
		{"missing", []string{filepath.Join(dir, "none.parquet")}, exitFailed, []string{"none.parquet", "no such file"}},
		{"no Parquet", []string{junk}, exitFailed, []string{"junk.parquet", "not an object of auditsidecar"}},
		{"torn", []string{torn}, exitFailed, []string{"torn.parquet", "not an object of auditsidecar"}},
		{"nothing there", []string{empty}, exitFailed, []string{empty + ": no Parquet objects there"}},
		{"an empty archive", []string{"file://" + empty}, exitFailed, []string{"no Parquet objects there"}},
		{"no archive", []string{"ftp://host/x"}, exitUsage, []string{"ftp", "s3://bucket/prefix"}},
		{"one object twice", []string{filepath.Join(dir, "x.parquet"), twice}, exitFailed, []string{"x.parquet", "twice.parquet"}},
		{"two files with one number", []string{filepath.Join(dir, "x.parquet"), other}, exitFailed, []string{"x.parquet", "other.parquet", "differs"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := call(t, append([]string{"restore"}, test.args...)...)
			r.refused(t, test.code, test.wants...)
			if r.stdout != "" {
				t.Errorf("wrote %q", r.stdout)
			}
		})
	}
}

// The objects of an archive are not read before their turn: the keys name their
// files. A key is compared with its object then.
func TestRestoreArchiveByKeys(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "archive")
	first := fewLines(t, 5)
	ok(t, "convert", put(t, filepath.Join(dir, "audit-2026-11-22T17-00-00.000.log"), first), "--out", out)
	object := filepath.Join(out, files(t, out)[0])
	later := strings.TrimSuffix(object, ".parquet") + "0.parquet" // ten times the number
	put(t, later, audittest.ReadFile(t, object))                  // a copy under a key that is another file's
	put(t, filepath.Join(filepath.Dir(object), "notes.parquet"), []byte("not a key of ours"))

	r := call(t, "restore", "file://"+out)
	r.refused(t, exitFailed, later, "was it copied to another name?")
	same(t, "what came before", []byte(r.stdout), first)

	put(t, later, []byte("junk"))
	r = call(t, "restore", "file://"+out)
	r.refused(t, exitFailed, later, "not an object of auditsidecar")
	same(t, "what came before", []byte(r.stdout), first)

	restored := filepath.Join(dir, "restored")
	call(t, "restore", "file://"+out, "--out", restored).refused(t, exitFailed, later)
	if got := files(t, restored); !slices.Equal(got, []string{"audit-2026-11-22T17-00-00.000.log"}) {
		t.Errorf("files %q", got)
	}
}

// The standard output of restore gets few large writes, not one a line.
func TestRestoreBuffers(t *testing.T) {
	dir := t.TempDir()
	content := fewLines(t, 2000)
	object := filepath.Join(dir, "x.parquet")
	ok(t, "convert", put(t, filepath.Join(dir, backup), content), "--out", object)
	out := new(countingWriter)
	root := NewRoot("")
	root.SetArgs([]string{"restore", object})
	root.SetOut(out)
	must(t, root.ExecuteContext(t.Context()))
	same(t, "restored", out.Bytes(), content)
	if most := len(content)/(64<<10) + 2; out.writes > most {
		t.Errorf("%d writes for %d bytes", out.writes, len(content))
	}
}

type countingWriter struct {
	bytes.Buffer
	writes int
}

func (c *countingWriter) Write(p []byte) (int, error) {
	c.writes++
	return c.Buffer.Write(p)
}

// appearing is an object during whose reading a file comes into being.
type appearing struct {
	*strings.Reader
	appear func()
}

func (a *appearing) ReadAt(p []byte, off int64) (int, error) {
	a.appear()
	return a.Reader.ReadAt(p, off)
}

// I7: nor is one replaced that comes while restore is at work.
func TestI7_RestoreReplacesNothingThatComes(t *testing.T) {
	dir := t.TempDir()
	object := string(audittest.ReadFile(t, makeObject(t, filepath.Join(dir, "1.parquet"), meta("a", 1, "audit.log"), "old\n")))
	log := filepath.Join(dir, "audit", "audit.log")
	r := &appearing{strings.NewReader(object), func() { put(t, log, []byte("new\n")) }}
	in := []parquet.Input{{Name: "o", ReaderAt: r, Size: int64(len(object))}}
	o := catalog.Original{Name: "audit.log", Write: func(ctx context.Context, work string, w io.Writer) error {
		return parquet.RestoreIn(ctx, work, in, w)
	}}
	_, err := restoreFile(t.Context(), o, log, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("restore: %v", err)
	}
	if got := string(audittest.ReadFile(t, log)); got != "new\n" {
		t.Errorf("%s holds %q", log, got)
	}
}

// Flags choose whole files; the list of them writes nothing.
func TestRestoreSomeFiles(t *testing.T) {
	s := shelf{t, t.TempDir()}
	a, b, c := logLine("a", "21"), logLine("b", "22"), logLine("c", "23")
	for i, text := range []string{a, b, c} {
		s.file(epochOne, int64(i)+1, fmt.Sprintf("2026-11-%dT13-00-00.000", 21+i), text)
		s.recordOf(epochOne, int64(i)+1, fileRecord(fmt.Sprintf("audit-2026-11-%dT13-00-00.000.log", 21+i)))
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, a + b + c},
		{[]string{"--node", "n", "--cluster", "c"}, a + b + c},
		{[]string{"--from", "2026-11-22"}, b + c},
		{[]string{"--to", "2026-11-22"}, a},
		{[]string{"--since", "2026-11-22", "--to", "2026-11-23"}, b},
		{[]string{"--file", "audit-2026-11-22T13-00-00.000.log"}, b},
	} {
		if got := ok(t, append([]string{"restore", s.dir}, test.args...)...).stdout; got != test.want {
			t.Errorf("%q: %q, want %q", test.args, auditIDs(got), auditIDs(test.want))
		}
	}
	for _, args := range [][]string{{"--node", "other"}, {"--cluster", "other"}, {"--from", "2026-11-25"}, {"--file", "audit-2026-11-25T13-00-00.000.log"}} {
		call(t, append([]string{"restore", s.dir}, args...)...).refused(t, exitFailed, "no file of the archive is of these flags")
	}
	call(t, "restore", s.dir, "--file", "other-2026-11-22T13-00-00.000.log").refused(t, exitFailed, "no file is called other-2026")
	out := filepath.Join(s.dir, "..", "restored")
	if list := ok(t, "restore", s.dir, "--dry-run", "--out", out).stdout; !strings.Contains(list, "audit-2026-11-22T13-00-00.000.log") || !strings.HasSuffix(list, "3 files; those with a record: 0 lines, 0.00 MB\n") {
		t.Errorf("the list: %q", list)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("--dry-run wrote")
	}
}

// Times within a day choose the files that were open then, and those that were begun less than a
// minute later.
func TestRestoreSomeHours(t *testing.T) {
	s := shelf{t, t.TempDir()}
	var lines []string
	for i, hour := range []string{"13", "14", "15", "16"} {
		lines = append(lines, logLine(hour, "21"))
		s.file(epochOne, 2*int64(i)+1, "2026-11-21T"+hour+"-00-00.000", lines[i])
	}
	for times, want := range map[string][]string{
		"2026-11-21T14:10:00Z 2026-11-21T14:50:00Z": lines[2:3],
		"2026-11-21T14:00:00Z 2026-11-21T14:00:01Z": lines[1:3],
		"2026-11-21T12:59:00Z 2026-11-21T12:59:30Z": lines[:2],
		"2026-11-21T12:00:00Z 2026-11-21T12:59:00Z": lines[:1],
		"2026-11-21T15:30:00Z 2026-11-23":           lines[3:],
	} {
		from, to, _ := strings.Cut(times, " ")
		if got := ok(t, "restore", s.dir, "--from", from, "--to", to).stdout; got != strings.Join(want, "") {
			t.Errorf("%s: %q, want %q", times, auditIDs(got), auditIDs(strings.Join(want, "")))
		}
	}
}

// After a clock that was set back, the file before says nothing of when a file was begun.
func TestRestoreClockSetBack(t *testing.T) {
	s := shelf{t, t.TempDir()}
	lines := []string{logLine("16", "21"), logLine("14", "21")}
	s.file(epochOne, 1, "2026-11-21T16-00-00.000", lines[0])
	s.file(epochOne, 3, "2026-11-21T15-00-00.000", lines[1])
	if got := ok(t, "restore", s.dir, "--from", "2026-11-21T14:00:00Z", "--to", "2026-11-21T14:50:00Z").stdout; got != strings.Join(lines, "") {
		t.Errorf("%q", auditIDs(got))
	}
}

// A file whose record has another checksum is an error that names it, and is not written.
func TestTamperWithTheObjectsOfARecord(t *testing.T) {
	s := shelf{t, t.TempDir()}
	a, b := logLine("a", "22"), logLine("b", "22")
	s.file(epochOne, 1, "2026-11-22T13-00-00.000", a)
	r := fileRecord("audit-2026-11-22T13-00-00.000.log")
	r.Source.SHA256 = strings.Repeat("c", 64)
	s.recordOf(epochOne, 1, r)
	s.file(epochOne, 2, "2026-11-22T14-00-00.000", b)
	s.recordOf(epochOne, 2, fileRecord("audit-2026-11-22T14-00-00.000.log"))
	out := filepath.Join(t.TempDir(), "restored")
	call(t, "restore", s.dir, "--out", out).refused(t, exitFailed, "audit-2026-11-22T13-00-00.000.log", "not the file of its record", strings.Repeat("c", 64))
	if got := string(audittest.ReadFile(t, filepath.Join(out, "audit-2026-11-22T14-00-00.000.log"))); got != b {
		t.Errorf("the other file: %q", got)
	}
	if _, err := os.Stat(filepath.Join(out, "audit-2026-11-22T13-00-00.000.log")); err == nil {
		t.Error("the file was written")
	}
}
