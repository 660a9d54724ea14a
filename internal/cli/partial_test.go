package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/catalog/catalogtest"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

const (
	epochOne = catalogtest.EpochOne
	epochTwo = catalogtest.EpochTwo
)

func logLine(id, day string) string { return catalogtest.Line(id, day) }

// shelf is an archive in a directory.
type shelf struct {
	t   *testing.T
	dir string
}

func (s shelf) shelf() catalogtest.Shelf { return catalogtest.Shelf{T: s.t, Dir: s.dir} }

func (s shelf) parts(epoch string, seq int64, text string, ends ...int) {
	s.shelf().Parts(epoch, seq, text, ends...)
}

func (s shelf) file(epoch string, seq int64, rotated, text string, without ...string) {
	s.shelf().File(epoch, seq, rotated, text, without...)
}

func (s shelf) recordOf(epoch string, seq int64, r manifest.Record, objects ...archive.Key) {
	s.shelf().Record(epoch, seq, r, objects...)
}

func fileRecord(name string) manifest.Record { return catalogtest.FileRecord(name) }

// record stores the record of a number.
func (s shelf) record(kind manifest.Kind, seq int64) {
	r := catalogtest.FileRecord("")
	if kind != manifest.KindFile {
		r = catalogtest.GapRecord()
	}
	s.recordOf(epochOne, seq, r)
}

// No line comes twice and none is missing, whatever there is of a file beside
// its increments.
func TestI1_RestoreWithIncrements(t *testing.T) {
	a, b, c, d := logLine("a", "21"), logLine("b", "21"), logLine("c", "22"), logLine("d", "22")
	before, all := a, b+c+d // the file before, and the one with increments
	one, two := len(b), len(b+c)
	const rotated = "2026-11-22T13-00-00.000"
	for name, test := range map[string]struct {
		make func(s shelf)
		want string   // to standard output
		errs []string // texts of the error
	}{
		"lost node": {func(s shelf) { s.parts(epochOne, 2, all, 0, one, two) }, b + c, nil},
		"whole file": {func(s shelf) {
			s.parts(epochOne, 2, all, 0, one, two)
			s.file(epochOne, 2, rotated, all)
			s.record(manifest.KindFile, 2)
		}, all, nil},
		"no record yet": {func(s shelf) { s.parts(epochOne, 2, all, 0, one); s.file(epochOne, 2, rotated, all) }, all, nil},
		"half stored":   {func(s shelf) { s.parts(epochOne, 2, all, 0, one, two); s.file(epochOne, 2, rotated, all, "2026-11-22") }, b + c, nil},
		"half lost": {func(s shelf) {
			s.parts(epochOne, 2, all, 0, one, two)
			s.file(epochOne, 2, rotated, all, "2026-11-22")
			s.record(manifest.KindFile, 2)
		}, "", []string{"missing the object of 2026-11-22"}},
		"all lost":              {func(s shelf) { s.parts(epochOne, 2, all, 0, one, two); s.record(manifest.KindFile, 2) }, "", []string{"was archived", "none of its objects"}},
		"given up":              {func(s shelf) { s.parts(epochOne, 2, all, 0, one, two); s.record(manifest.KindGap, 2) }, b + c, nil},
		"made longer":           {func(s shelf) { s.parts(epochOne, 2, all, 0, one); s.parts(epochOne, 2, all, 0, two, len(all)) }, all, nil},
		"hole":                  {func(s shelf) { s.parts(epochOne, 2, all, 0, one); s.parts(epochOne, 2, all, two, len(all)) }, b, []string{"bytes 269 to 538 of the file are missing"}},
		"hole at the beginning": {func(s shelf) { s.parts(epochOne, 2, all, one, two) }, "", []string{"bytes 0 to 269 of the file are missing"}},
		"state lost": {func(s shelf) {
			s.parts(epochOne, 2, all, 0, one, two)
			s.file(epochTwo, 1, rotated, all)
			s.recordOf(epochTwo, 1, fileRecord(""))
		}, all, nil},
		"state lost, another log": {func(s shelf) {
			s.parts(epochOne, 2, all, 0, one, two)
			s.file(epochTwo, 1, rotated, d)
			s.recordOf(epochTwo, 1, fileRecord(""))
		}, b + c + d, nil},
		"state lost, still open":     {func(s shelf) { s.parts(epochOne, 2, all, 0, one); s.parts(epochTwo, 1, all, 0, two, len(all)) }, all, nil},
		"state lost, not caught up":  {func(s shelf) { s.parts(epochOne, 2, all, 0, two); s.parts(epochTwo, 1, all, 0, one) }, b + c, nil},
		"state lost, just caught up": {func(s shelf) { s.parts(epochOne, 2, all, 0, one, two); s.parts(epochTwo, 1, all, 0, two) }, b + c, nil},
		"state lost twice": {func(s shelf) {
			s.parts(epochOne, 2, all, 0, one)
			s.parts(epochTwo, 1, all, 0, two)
			s.file("20261122T130000cccccc", 1, rotated, all)
			s.recordOf("20261122T130000cccccc", 1, fileRecord(""))
		}, all, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := shelf{t, filepath.Join(t.TempDir(), "archive")}
			s.file(epochOne, 1, "2026-11-21T13-00-00.000", before)
			s.record(manifest.KindFile, 1)
			test.make(s)
			for _, arg := range []string{s.dir, "file://" + s.dir} {
				r := call(t, "restore", arg, "--unrecorded")
				if r.stdout != before+test.want {
					t.Errorf("%s: restored %q, want %q", arg, auditIDs(r.stdout), auditIDs(before+test.want))
				}
				if len(test.errs) > 0 {
					r.refused(t, exitFailed, append(test.errs, "node n, "+epochOne+"/2")...)
				} else {
					must(t, r.err)
				}
			}
		})
	}
}

// Increments that reach further than the finished file are restored: it was cut before it was archived.
func TestI10_IncrementsReachFurther(t *testing.T) {
	b, c, d := logLine("b", "21"), logLine("c", "22"), logLine("d", "22")
	for name, test := range map[string]struct{ file, want string }{
		"cut":                     {b, b + c},
		"emptied":                 {"", b + c},
		"cut within a line":       {b + c[:9], b + c},
		"cut and begun again":     {d, b + c + d},
		"as long as they are":     {b + c, b + c},
		"longer, as it should be": {b + c + d, b + c + d},
		"cut and changed":         {b[:9] + "\n", b + c + b[:9] + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := shelf{t, filepath.Join(t.TempDir(), "archive")}
			s.parts(epochOne, 2, b+c, 0, len(b), len(b+c))
			s.file(epochOne, 2, "2026-11-22T13-00-00.000", test.file)
			for _, arg := range []string{s.dir, "file://" + s.dir} {
				r := ok(t, "restore", arg)
				if r.stdout != test.want {
					t.Errorf("%s: restored %q, want %q", arg, auditIDs(r.stdout), auditIDs(test.want))
				}
				if said := strings.Contains(r.stderr, "was cut before it was archived"); said != (len(test.file) < len(b+c)) {
					t.Errorf("standard error says %q", r.stderr)
				}
			}
			out := filepath.Join(t.TempDir(), "restored")
			ok(t, "restore", "file://"+s.dir, "--out", out)
			if got := string(audittest.ReadFile(t, filepath.Join(out, "audit-2026-11-22T13-00-00.000.log"))); got != test.want {
				t.Errorf("-o: restored %q", auditIDs(got))
			}
		})
	}
}

// auditIDs shows which lines a text has.
func auditIDs(text string) (ids string) {
	for line := range strings.Lines(text) {
		_, rest, _ := strings.Cut(line, `"auditID":"`)
		id, _, _ := strings.Cut(rest, `"`)
		ids += id + " "
	}
	return ids
}

// With -o such a file has a name that says it, and standard error says how far
// it goes. The part before a hole is kept.
func TestRestorePartialFiles(t *testing.T) {
	a, b, c := logLine("a", "22"), logLine("b", "22"), logLine("c", "22")
	all := a + b + c
	for name, test := range map[string]struct {
		make func(s shelf)
		want string
		errs []string
	}{
		"lost node":             {func(s shelf) { s.parts(epochOne, 2, all, 0, len(a), len(a+b)) }, a + b, nil},
		"hole":                  {func(s shelf) { s.parts(epochOne, 2, all, 0, len(a)); s.parts(epochOne, 2, all, len(a+b), len(all)) }, a, []string{"are missing"}},
		"hole at the beginning": {func(s shelf) { s.parts(epochOne, 2, all, len(a), len(a+b)) }, "", []string{"are missing"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := shelf{t, filepath.Join(t.TempDir(), "archive")}
			test.make(s)
			out := filepath.Join(t.TempDir(), "restored")
			r := call(t, "restore", "file://"+s.dir, "--out", out)
			if len(test.errs) > 0 {
				r.refused(t, exitFailed, test.errs...)
			} else {
				must(t, r.err)
			}
			path := filepath.Join(out, "audit.log.partial")
			if test.want == "" {
				if got := files(t, out); len(got) > 0 {
					t.Errorf("left behind: %q", got)
				}
				return
			}
			if got := string(audittest.ReadFile(t, path)); got != test.want {
				t.Errorf("restored %q", auditIDs(got))
			}
			if !strings.Contains(r.stderr, "never archived as a whole") || !strings.Contains(r.stderr, path+"\n") {
				t.Errorf("standard error says\n%s", r.stderr)
			}
			call(t, "restore", "file://"+s.dir, "--out", out).refused(t, exitFailed, path+" already exists")
		})
	}
}

// An increment under another key, or with damaged bytes, is refused.
func TestRestoreRefusesForeignIncrements(t *testing.T) {
	a, b := logLine("a", "22"), logLine("b", "22")
	for name, spoil := range map[string]func(t *testing.T, first, second string){
		"other bytes of the file": func(t *testing.T, first, second string) { put(t, second, audittest.ReadFile(t, first)) },
		"damage": func(t *testing.T, _, second string) {
			content := audittest.ReadFile(t, second)
			for i := 4; i < len(content)/3; i++ {
				content[i] ^= 0xff
			}
			put(t, second, content)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := shelf{t, filepath.Join(t.TempDir(), "archive")}
			s.parts(epochOne, 2, a+b, 0, len(a), len(a+b))
			key := func(from, to int) string {
				return filepath.Join(s.dir, archive.OpenKey("c", "2026-11-22", "n", epochOne, 2, int64(from), int64(to)))
			}
			must(t, os.Chmod(key(len(a), len(a+b)), 0o600))
			spoil(t, key(0, len(a)), key(len(a), len(a+b)))
			r := call(t, "restore", "file://"+s.dir)
			r.refused(t, exitFailed, key(len(a), len(a+b)))
			if r.stdout != a {
				t.Errorf("restored %q, want only the first line", auditIDs(r.stdout))
			}
		})
	}
}
