package audittest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction(audittest.MillFunction))
}

func newWriter(t *testing.T, cfg audittest.Config) (w *audittest.Writer, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "audit")
	cfg.Path = filepath.Join(dir, "audit.log")
	w, err := audittest.NewWriter(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w, dir
}

// accounted joins the account's files.
func accounted(t *testing.T, w *audittest.Writer) []byte {
	t.Helper()
	var all []byte
	for _, f := range w.Files() {
		content, err := os.ReadFile(f.Path)
		if err != nil {
			t.Fatal(err)
		}
		if int64(len(content)) != f.Bytes || int64(bytes.Count(content, []byte("\n"))) != f.Lines {
			t.Errorf("%s: %d bytes, account says %d bytes, %d lines", f.Name, len(content), f.Bytes, f.Lines)
		}
		all = append(all, content...)
	}
	return all
}

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestWriterRotatesBySizeAndPrunes(t *testing.T) {
	w, dir := newWriter(t, audittest.Config{MaxSizeMB: 1, MaxBackups: 2})
	content := audittest.Corpus(t, "rotated.log")[:5<<20]
	content = content[:bytes.LastIndexByte(content, '\n')+1]
	for line := range audittest.Lines(content) {
		if err := w.WriteLine(line); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(accounted(t, w), content) {
		t.Error("the account differs from what was written")
	}
	files := w.Files()
	if len(files) != 6 {
		t.Errorf("%d files, want 6", len(files))
	}
	backup := regexp.MustCompile(`^audit-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}\.log$`)
	for i, f := range files {
		if last := i == len(files)-1; last != !f.Finished || last != (f.Name == "audit.log") || !last && !backup.MatchString(f.Name) {
			t.Errorf("file %d of %d: %+v", i, len(files), f)
		}
		if f.Bytes > 1<<20 {
			t.Errorf("%s has %d bytes, more than the maximum", f.Name, f.Bytes)
		}
	}
	if w.Bytes() != int64(len(content)) || w.Lines() != int64(bytes.Count(content, []byte("\n"))) {
		t.Errorf("account: %d bytes, %d lines", w.Bytes(), w.Lines())
	}
	want := []string{files[3].Name, files[4].Name, "audit.log"}
	audittest.WaitFor(t, "pruning", func() bool { return slices.Equal(names(t, dir), want) })
}

// Nothing is written into the audit directory after Close.
func TestCloseWaitsForCompression(t *testing.T) {
	w, dir := newWriter(t, audittest.Config{Compress: true})
	content := audittest.Corpus(t, "rotated.log")
	for range 3 {
		if err := w.WriteRaw(content[:1<<20]); err != nil {
			t.Fatal(err)
		}
		if err := w.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range names(t, dir) {
		if name != "audit.log" && !strings.HasSuffix(name, ".gz") {
			t.Errorf("%s is not compressed yet", name)
		}
	}
}

func TestWriterCompresses(t *testing.T) {
	w, dir := newWriter(t, audittest.Config{Compress: true})
	if err := w.WriteLine([]byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := w.Rotate(); err != nil {
		t.Fatal(err)
	}
	name := w.Files()[0].Name
	audittest.WaitFor(t, "compression", func() bool {
		return slices.Equal(names(t, dir), []string{name + ".gz", "audit.log"})
	})
	f, err := os.Open(filepath.Join(dir, name+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if content, err := io.ReadAll(z); err != nil || string(content) != "one\n" {
		t.Errorf("unpacked %q, %v", content, err)
	}
}

func TestWriterNeverOverwritesABackup(t *testing.T) {
	w, dir := newWriter(t, audittest.Config{})
	const rotations = 60
	for range rotations {
		if err := w.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(names(t, dir)); got != rotations+1 {
		t.Errorf("%d files after %d rotations", got, rotations)
	}
}

func TestWriterGoesOnWithAnExistingLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	if err := os.WriteFile(path, []byte("before\ntorn"), 0o640); err != nil {
		t.Fatal(err)
	}
	w, err := audittest.NewWriter(audittest.Config{Path: path, Account: filepath.Join(t.TempDir(), "account")})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.WriteRaw([]byte("glued\nhalf")); err != nil {
		t.Fatal(err)
	}
	if got := string(accounted(t, w)); got != "before\ntornglued\nhalf" || w.Lines() != 2 {
		t.Errorf("account %q, %d lines", got, w.Lines())
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v; want it kept", info.Mode(), err)
	}
}

func TestWriterRefuses(t *testing.T) {
	if _, err := audittest.NewWriter(audittest.Config{}); err == nil {
		t.Error("no path: no error")
	}
	w, dir := newWriter(t, audittest.Config{MaxSizeMB: 1})
	if err := w.WriteLine(make([]byte, 1<<20)); err == nil || !strings.Contains(err.Error(), "exceeds maximum") {
		t.Errorf("a line longer than the maximum: %v", err)
	}
	if got := names(t, dir); len(got) != 1 || w.Bytes() != 0 {
		t.Errorf("a refused line left %q and %d bytes", got, w.Bytes())
	}
	if _, err := audittest.NewWriter(audittest.Config{Path: filepath.Join(dir, "audit.log")}); err == nil {
		t.Error("two writers on one account: no error")
	}
}

// replay does so by a clock of its own. The writer's goroutine, which never ends,
// starts with the line before.
func replay(t *testing.T, limit time.Duration, lines, rate int, every time.Duration) (w *audittest.Writer, took time.Duration, err error) {
	t.Helper()
	w, _ = newWriter(t, audittest.Config{})
	if err := w.WriteLine([]byte("x")); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		start := time.Now()
		err = w.Replay(ctx, audittest.Fresh([]byte("x\n"), lines), rate, every)
		took = time.Since(start)
	})
	return w, took, err
}

func TestReplayPaces(t *testing.T) {
	w, took, err := replay(t, time.Minute, 500, 1000, 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if took != 499*time.Millisecond || w.Lines() != 501 || len(w.Files()) != 3 {
		t.Errorf("500 lines at 1000/s took %v; %d lines in %d files, want 501 in 3", took, w.Lines(), len(w.Files()))
	}
}

func TestReplayStops(t *testing.T) {
	w, took, err := replay(t, 55*time.Millisecond, 1_000_000, 100, 0)
	if !errors.Is(err, context.DeadlineExceeded) || took != 55*time.Millisecond || w.Lines() != 7 {
		t.Errorf("%v after %v and %d lines, want 7", err, took, w.Lines())
	}
}

// A rotation that is due before the first line leaves no backup without a line.
func TestReplayMakesNoEmptyBackup(t *testing.T) {
	w, _ := newWriter(t, audittest.Config{})
	if err := w.WriteLine([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := w.Rotate(); err != nil {
		t.Fatal(err)
	}
	if err := w.Replay(t.Context(), audittest.Fresh([]byte("y\n"), 3), 0, time.Nanosecond); err != nil {
		t.Fatal(err)
	}
	if n := len(w.Files()); n != 4 {
		t.Errorf("%d files, want 4", n)
	}
	for _, f := range w.Files() {
		if f.Bytes == 0 {
			t.Errorf("%s is empty", f.Name)
		}
	}
}
