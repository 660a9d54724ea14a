package cli

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/convert"
	"github.com/auditsidecar/auditsidecar/parquet"
)

const backup = "audit-2026-11-22T17-00-27.978.log"

// fewLines are the first lines of a real log.
func fewLines(t testing.TB, n int) []byte {
	t.Helper()
	var out []byte
	for line := range audittest.Lines(audittest.Corpus(t, "rotated.log")) {
		if n--; n < 0 {
			break
		}
		out = append(append(out, line...), '\n')
	}
	return out
}

// acrossMidnight is a log of which some lines are of 22 November and some of
// the 23rd.
func acrossMidnight(t testing.TB) []byte {
	t.Helper()
	newest := time.Date(2026, 11, 23, 0, 0, 0, 500e6, time.UTC)
	return audittest.Shift(fewLines(t, 2000), newest)
}

// I3: convert and restore give back the input: every kind of
// damage that a real log had, as a file, from standard input and compressed.
func TestI3_RoundTrip(t *testing.T) {
	inputs := map[string][]byte{
		"empty": nil, "one newline": []byte("\n"), "no newline": []byte("not JSON"), "NULs and returns": []byte("\x00\r\n\r\n\xff"),
	}
	for _, name := range audittest.Names() {
		inputs[name] = audittest.Corpus(t, name)
	}
	for name, content := range inputs {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			object := filepath.Join(dir, "out", "audit.parquet")
			ok(t, "convert", put(t, filepath.Join(dir, "audit.log"), content), "--out", object)
			same(t, "a file", []byte(ok(t, "restore", object).stdout), content)

			if len(content) > 4<<20 || testing.Short() && len(content) > 400<<10 {
				return // it takes seconds under the race detector
			}
			r := callWith(t.Context(), bytes.NewReader(content), "convert", "-", "--out", object)
			must(t, r.err)
			same(t, "standard input", []byte(ok(t, "restore", object).stdout), content)
			if got := files(t, filepath.Dir(object)); !slices.Equal(got, []string{"audit.parquet"}) {
				t.Errorf("left behind: %v", got)
			}
		})
	}
	t.Run("compressed", func(t *testing.T) {
		packed := audittest.GzipFile(t)
		out := t.TempDir()
		ok(t, "convert", packed, "--out", out)
		restored := filepath.Join(t.TempDir(), "restored")
		ok(t, "restore", out, "--out", restored)
		plain := strings.TrimSuffix(filepath.Base(packed), ".gz")
		same(t, plain, audittest.ReadFile(t, filepath.Join(restored, plain)), audittest.Gunzip(t, packed))
	})
}

// A directory gets the layout of the archive: one object for each file and
// day, and a file that crosses midnight has two.
func TestConvertToDirectory(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "archive")
	content := acrossMidnight(t)
	ok(t, "convert", put(t, filepath.Join(dir, backup), content), "--out", out, "--cluster", "production", "--node", "cp-1")
	got := files(t, out)
	form := regexp.MustCompile(`^data/cluster=production/dt=2026-11-2[23]/2026-11-22T17-00-27\.978-cp-1-20261122T1700273d2[0-9a-f]{3}-[0-9]{8}\.parquet$`)
	if len(got) != 2 || !form.MatchString(got[0]) || !form.MatchString(got[1]) || filepath.Base(got[0]) != filepath.Base(got[1]) {
		t.Errorf("objects %q", got)
	}
	same(t, "both objects", []byte(ok(t, "restore", out).stdout), content)
	same(t, "in the other order", []byte(ok(t, "restore", filepath.Join(out, got[1]), filepath.Join(out, got[0])).stdout), content)
	same(t, "as an archive", []byte(ok(t, "restore", "file://"+out).stdout), content)

	before := audittest.ReadFile(t, filepath.Join(out, got[0]))
	ok(t, "convert", filepath.Join(dir, backup), "--out", out, "--cluster", "production", "--node", "cp-1")
	if again := files(t, out); !slices.Equal(again, got) {
		t.Errorf("the same file converted twice is %q", again)
	}
	same(t, "the object of a second conversion", audittest.ReadFile(t, filepath.Join(out, got[0])), before)
}

// Another file of the same name and rotation time (of a second node, say) must
// not replace the first one's objects.
func TestConvertReplacesNoOtherFile(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "archive")
	first := put(t, filepath.Join(dir, "cp1", backup), fewLines(t, 3))
	second := put(t, filepath.Join(dir, "cp2", backup), fewLines(t, 4))
	call(t, "convert", first, second, "--out", out).refused(t, exitFailed, second, "already exists and belongs to another file", "--node")
	same(t, "what is there", []byte(ok(t, "restore", out).stdout), fewLines(t, 3))
	object := filepath.Join(out, files(t, out)[0])
	ok(t, "convert", second, "--out", out, "--node", "cp2")
	if got := files(t, out); len(got) != 2 {
		t.Errorf("objects %q", got)
	}
	put(t, object, []byte("junk"))
	call(t, "convert", first, "--out", out).refused(t, exitFailed, "is in the way", "not an object of auditsidecar")
	same(t, "what was in the way", audittest.ReadFile(t, object), []byte("junk"))
}

// Its objects are another file's, too, where they are of other days: together
// they would be one that cannot be restored.
func TestConvertReplacesNoOtherDay(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "archive")
	line := string(fewLines(t, 1))
	first := put(t, filepath.Join(dir, "a", backup), []byte(line))
	second := put(t, filepath.Join(dir, "b", backup), []byte(strings.ReplaceAll(line, "2026-11-22T", "2026-11-20T")))
	ok(t, "convert", first, "--out", out)
	put(t, filepath.Join(out, "data", "cluster=local", "README"), []byte("mine"))
	call(t, "convert", second, "--out", out).refused(t, exitFailed, "already exists and belongs to another file")
	same(t, "what is there", []byte(ok(t, "restore", out).stdout), []byte(line))
}

// A name given as -o is no more replaced than a file in a directory.
func TestConvertReplacesNoOtherObject(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "x.parquet")
	first, second := put(t, filepath.Join(dir, "a.log"), []byte("one\n")), put(t, filepath.Join(dir, "b.log"), []byte("two\n"))
	for range 2 { // of the same file it is the same object
		ok(t, "convert", first, "--out", out)
	}
	call(t, "convert", second, "--out", out).refused(t, exitFailed, "already exists and belongs to another file", "remove it")
	same(t, "what is there", []byte(ok(t, "restore", out).stdout), []byte("one\n"))
	put(t, out, []byte("precious"))
	call(t, "convert", first, "--out", out).refused(t, exitFailed, "is in the way")
	same(t, "what was in the way", audittest.ReadFile(t, out), []byte("precious"))
}

// A compressed file may be given by a link, as any other.
func TestConvertLinkedGzip(t *testing.T) {
	dir := t.TempDir()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write([]byte("one\n"))
	must(t, errors.Join(err, z.Close()))
	link := filepath.Join(dir, "link.log.gz")
	must(t, os.Symlink(put(t, filepath.Join(dir, "elsewhere", backup+".gz"), packed.Bytes()), link))
	out := filepath.Join(dir, "x.parquet")
	ok(t, "convert", link, "--out", out)
	same(t, "restored", []byte(ok(t, "restore", out).stdout), []byte("one\n"))
}

// The rest of a killed conversion is removed a day later.
func TestConvertSweepsOldWork(t *testing.T) {
	dir := t.TempDir()
	old, young := filepath.Join(dir, ".auditsidecar-work-1"), filepath.Join(dir, ".auditsidecar-work-2")
	put(t, filepath.Join(old, "object.parquet"), []byte("unfinished"))
	put(t, filepath.Join(young, "object.parquet"), []byte("unfinished"))
	must(t, os.Chtimes(old, time.Time{}, time.Now().Add(-25*time.Hour)))
	ok(t, "convert", put(t, filepath.Join(dir, "a.log"), []byte("one\n")), "--out", filepath.Join(dir, "x.parquet"))
	_, oldErr := os.Stat(old)
	_, youngErr := os.Stat(young)
	if oldErr == nil || youngErr != nil {
		t.Errorf("old work: %v, young: %v", oldErr, youngErr)
	}
}

func TestConvertReport(t *testing.T) {
	dir := t.TempDir()
	content := fewLines(t, 10)
	content = append(content, "broken\n"...)
	in := put(t, filepath.Join(dir, backup), content)
	r := ok(t, "convert", in, "--out", dir, "--output", "json")
	var c convert.Result
	must(t, json.Unmarshal([]byte(r.stdout), &c))
	if c.File != in || c.Lines != 11 || c.Bytes != int64(len(content)) || c.Rows != 11 || c.Undecodable != 1 ||
		c.Salvaged != 0 || c.RawLines < 1 || !c.Checked || len(c.SHA256) != 64 || len(c.Objects) != 1 {
		t.Errorf("%s", r.stdout)
	}
	var size int64
	for _, o := range c.Objects {
		size += int64(len(audittest.ReadFile(t, o)))
	}
	if size != c.ObjectBytes {
		t.Errorf("objects of %d bytes, said were %d", size, c.ObjectBytes)
	}
	r = ok(t, "convert", in, "--out", dir, "--output", "json", "--no-check")
	must(t, json.Unmarshal([]byte(r.stdout), &c))
	if c.Checked {
		t.Error("says that it checked what it did not")
	}
	r = ok(t, "convert", in, "--out", dir)
	if want := in + ": 11 lines, 0.0"; !strings.HasPrefix(r.stdout, want) || !strings.Contains(r.stdout, "in 1 object; 1 broken line, 0 with") {
		t.Errorf("%q", r.stdout)
	}
	r = ok(t, "convert", put(t, filepath.Join(dir, "empty.log"), nil), "--out", dir)
	if !strings.Contains(r.stdout, ": 0 lines, 0.00 MB -> ") || strings.Contains(r.stdout, "%") {
		t.Errorf("%q", r.stdout)
	}
}

func TestConvertUsage(t *testing.T) {
	dir := t.TempDir()
	file := put(t, filepath.Join(dir, "audit.log"), nil)
	other := put(t, filepath.Join(dir, "other.log"), nil)
	taken := filepath.Join(dir, "taken.parquet")
	must(t, os.Mkdir(taken, 0o700))
	for _, test := range []struct {
		name  string
		args  []string
		wants []string
	}{
		{"no output", []string{file}, []string{"--out is required"}},
		{"two inputs, one object", []string{file, other, "--out", "x.parquet"}, []string{"x.parquet takes one input, not 2"}},
		{"an input twice", []string{file, file, "--out", dir}, []string{file + " is given twice"}},
		{"an unknown format", []string{file, "--out", dir, "--output", "yaml"}, []string{`--output "yaml"`, "text, json or wide"}},
		{"a bad name", []string{file, "--out", dir, "--node", "a/b"}, []string{`--node "a/b"`}},
		{"a directory called .parquet", []string{file, "--out", taken}, []string{"--out " + taken}},
		{"a file as directory", []string{file, "--out", other}, []string{"--out " + other}},
		{"all at once", []string{file, file, "--output", "yaml", "--cluster", "a b"}, []string{"--out is required", "given twice", "--output", "--cluster"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			call(t, append([]string{"convert"}, test.args...)...).refused(t, exitUsage, test.wants...)
		})
	}
}

// A failure names the file and the reason, once, and leaves nothing behind: no
// object, no work, not even the directory.
func TestConvertFailures(t *testing.T) {
	dir := t.TempDir()
	packed := audittest.ReadFile(t, audittest.GzipFile(t))
	cut := put(t, filepath.Join(dir, "cut.log.gz"), packed[:len(packed)/2])
	noGzip := put(t, filepath.Join(dir, "plain.log.gz"), fewLines(t, 1))
	missing := filepath.Join(dir, "missing.log")
	secret := put(t, filepath.Join(dir, "secret.log"), nil)
	must(t, os.Chmod(secret, 0))
	for _, test := range []struct {
		name, arg string
		wants     []string
	}{
		{"missing", missing, []string{missing + ": look at the file: no such file or directory"}},
		{"a directory", dir, []string{dir + ": not a regular file", "name the log files themselves"}},
		{"a device", "/dev/null", []string{"/dev/null: not a regular file", "- for standard input"}},
		{"cut short", cut, []string{cut + ": unpack the file: it is cut short", "unexpected EOF"}},
		{"not compressed", noGzip, []string{noGzip + ": unpack ", "gzip: invalid header"}},
		{"unreadable", secret, []string{secret + ": open the file: permission denied"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.arg == secret && os.Getuid() == 0 {
				t.Skip("root may read it")
			}
			for _, out := range []string{filepath.Join(t.TempDir(), "out"), filepath.Join(t.TempDir(), "out", "x.parquet")} {
				r := call(t, "convert", test.arg, "--out", out)
				r.refused(t, exitFailed, test.wants...)
				if strings.Count(r.err.Error(), test.arg) > 2 {
					t.Errorf("%v", r.err)
				}
				if left := files(t, filepath.Dir(out)); len(left) > 0 {
					t.Errorf("left behind: %q", left)
				}
			}
		})
	}
}

// One input that fails does not keep the others from being converted.
func TestConvertGoesOn(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "archive")
	good := put(t, filepath.Join(dir, backup), fewLines(t, 5))
	call(t, "convert", filepath.Join(dir, "none.log"), good, "--out", out).refused(t, exitFailed, "none.log")
	same(t, "the other one", []byte(ok(t, "restore", out).stdout), fewLines(t, 5))
}

// Files that were rotated within one second come back in the order in which
// they were.
func TestOrderWithinASecond(t *testing.T) {
	dir := t.TempDir()
	args := []string{"convert", "--out", filepath.Join(dir, "archive")}
	var want []byte
	for n := range 8 {
		name := fmt.Sprintf("audit-2026-11-22T17-00-27.%03d.log", n*111)
		line := fmt.Appendf(nil, "line %d\n", n)
		want = append(want, line...)
		args = slices.Insert(args, 1, put(t, filepath.Join(dir, name), line))
	}
	ok(t, args...)
	same(t, "restored", []byte(ok(t, "restore", filepath.Join(dir, "archive")).stdout), want)
}

// Events that a cloud delivered come out as they were, and the object says who delivered them.
func TestConvertDelivered(t *testing.T) {
	want, err := os.ReadFile("../convert/testdata/events.log")
	if err != nil {
		t.Fatal(err)
	}
	for file, from := range map[string]string{"eks-firehose.json": "eks", "aks-storage.jsonl": "aks"} {
		object := filepath.Join(t.TempDir(), "o.parquet")
		var done convert.Result
		if err := json.Unmarshal([]byte(ok(t, "convert", "../convert/testdata/"+file, "--from", from, "--out", object, "-o", "json").stdout), &done); err != nil {
			t.Fatal(err)
		}
		if string(done.DeliveredBy) != from || done.Lines != 3 || done.Skipped == 0 || !done.Checked {
			t.Errorf("%s: %+v", file, done)
		}
		same(t, file, []byte(ok(t, "restore", object).stdout), want)
		o, err := os.Open(object)
		if err != nil {
			t.Fatal(err)
		}
		defer o.Close()
		info, err := o.Stat()
		if err != nil {
			t.Fatal(err)
		}
		if meta, err := parquet.ReadMeta(o, info.Size()); err != nil || meta.DeliveredBy != from {
			t.Errorf("%s: delivered by %q, %v", file, meta.DeliveredBy, err)
		}
	}
	if r := call(t, "convert", "../convert/testdata/events.log", "--from", "gke", "--out", "x"); r.code != 2 || !strings.Contains(r.err.Error(), "GKE") {
		t.Errorf("gke: %v", r.err)
	}
	if r := call(t, "convert", "../convert/testdata/events.log", "--from", "eks", "--out", filepath.Join(t.TempDir(), "x")); r.code != 1 || !strings.Contains(r.err.Error(), "no entry of eks") {
		t.Errorf("a log without envelopes: %v", r.err)
	}
}
