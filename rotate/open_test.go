package rotate

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// packed returns content as gzip.
func packed(t testing.TB, content string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(content))
	must(t, err)
	must(t, z.Close())
	return b.String()
}

// readAll opens and reads a segment.
func readAll(path string, gzip bool) (string, error) {
	f, err := Open(path, gzip)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(f)
	return string(b), errors.Join(err, f.Close())
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, c := range []struct {
		name, content, want string
		gzip                bool
	}{
		{"plain", "a\nb\n", "a\nb\n", false},
		{"empty", "", "", false},
		{"packed", packed(t, "a\nb\n"), "a\nb\n", true},
		{"packed nothing", packed(t, ""), "", true},
		{"two members", packed(t, "a\n") + packed(t, "b\n"), "a\nb\n", true},
		{"an empty member first", packed(t, "") + packed(t, "b\n"), "b\n", true},
		{"a zero at the end", packed(t, "a\n") + "\x00", "a\n", true},
		{"trailing bytes", packed(t, "a\n") + "garbage behind the end", "a\n", true},
		{"a trailing byte", packed(t, "a\n") + "x", "a\n", true},
		{"trailing bytes that end like a header", packed(t, "a\n") + "x\x1f\x8b\x08", "a\n", true},
		{"zeros between members", packed(t, "a\n") + "\x00\x00" + packed(t, "b\n"), "a\nb\n", true},
		{"zeros and trailing bytes", packed(t, "a\n") + strings.Repeat("\x00", 200_000) + "x", "a\n", true},
		{"many zeros", packed(t, "a\n") + packed(t, "b\n") + strings.Repeat("\x00", 200_000), "a\nb\n", true},
	} {
		must(t, os.WriteFile(path, []byte(c.content), 0o600))
		if got, err := readAll(path, c.gzip); got != c.want || err != nil {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
	}
}

func TestOpenWhatKubeAPIServerCompressed(t *testing.T) {
	got, err := readAll(audittest.GzipFile(t), true)
	if err != nil || strings.Count(got, "\n") != 3638 {
		t.Errorf("%d lines, error %v; want 3638 lines", strings.Count(got, "\n"), err)
	}
}

func TestOpenCutShort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit-2026-11-22T17-12-15.746.log.gz")
	whole := packed(t, strings.Repeat("some lines\n", 50))
	for n := range len(whole) {
		must(t, os.WriteFile(path, []byte(whole[:n]), 0o600))
		_, err := readAll(path, true)
		if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), path) {
			t.Errorf("cut to %d of %d bytes: error %v", n, len(whole), err)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	flipped := []byte(packed(t, "some text"))
	flipped[len(flipped)-8] ^= 1 // in the checksum
	for name, content := range map[string]string{
		"nogzip":        "plain text, 20 bytes",
		"flipped":       string(flipped),
		"leading":       "\x00" + packed(t, "a\n"),
		"second header": packed(t, "a\n") + "x" + packed(t, "b\n")[1:],
	} {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, []byte(content), 0o600))
		if _, err := readAll(path, true); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	missing := filepath.Join(dir, "missing")
	if _, err := Open(missing, false); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("missing: error %v", err)
	}
}

// A file that ends within a member is cut short, in its header too.
func TestOpenCutShortInTheSecondMember(t *testing.T) {
	path := filepath.Join(t.TempDir(), "two.gz")
	first, second := packed(t, "a\n"), packed(t, "b\n")
	for n := 1; n < len(second); n++ {
		must(t, os.WriteFile(path, []byte(first+second[:n]), 0o600))
		got, err := readAll(path, true)
		if !strings.HasPrefix(got, "a\n") || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes of the second member: %q, %v", n, got, err)
		}
	}
}

// FuzzOpen unpacks files changed in any way: the same bytes, however
// the pieces are cut, and of two whole members all.
func FuzzOpen(f *testing.F) {
	a, b := packed(f, strings.Repeat("some lines\n", 50)), packed(f, "b\n")
	f.Add([]byte(a+b), uint16(7))
	f.Add([]byte(a+"\x00\x00"+b+"trailing"), uint16(100))
	f.Add([]byte(a[:len(a)/2]), uint16(1))
	f.Add([]byte(a+b[:7]), uint16(3))
	f.Add([]byte(a[:20]+"x"+a[21:]+b), uint16(9))
	path := filepath.Join(f.TempDir(), "f.gz")
	f.Fuzz(func(t *testing.T, file []byte, size uint16) {
		must(t, os.WriteFile(path, file, 0o600))
		const most = 1 << 20
		r, err := Open(path, true)
		if err != nil {
			return
		}
		whole, wholeErr := io.ReadAll(io.LimitReader(r, most))
		_ = r.Close() // with the damage once more
		r, err = Open(path, true)
		must(t, err)
		var pieces bytes.Buffer
		buf := make([]byte, int(size)+1)
		for err = nil; err == nil && pieces.Len() < most; {
			var n int
			n, err = r.Read(buf)
			pieces.Write(buf[:n])
		}
		_ = r.Close()
		if n := min(pieces.Len(), most); len(whole) != n || !bytes.Equal(whole, pieces.Bytes()[:n]) {
			t.Errorf("%d bytes at once, %d in pieces", len(whole), n)
		}
		if len(whole) < most && (wholeErr == nil) != (err == io.EOF) {
			t.Errorf("errors %v at once, %v in pieces", wholeErr, err)
		}
	})
}

// asNobody runs f in a thread that has no rights on root's files.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Getuid() != 0 {
		f()
		return
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread ends with its identity
		_, err := unix.SetfsuidRetUid(65534)
		if err == nil {
			f()
		}
		done <- err
	}()
	must(t, <-done)
}

func TestOpenUnreadableNamesTheRemedy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	must(t, os.WriteFile(path, []byte("x\n"), 0o600))
	must(t, os.Chmod(path, 0))
	asNobody(t, func() {
		_, err := Open(path, false)
		if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "0640") {
			t.Errorf("error %v", err)
		}
	})
}

// Nothing but a regular file is opened: a link could lead to any file of the
// machine, and a pipe would be waited for.
func TestOpenFollowsNothing(t *testing.T) {
	dir := t.TempDir()
	file, link, pipe := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	must(t, os.WriteFile(file, []byte("x"), 0o600))
	must(t, os.Symlink(file, link))
	must(t, unix.Mkfifo(pipe, 0o600))
	for _, path := range []string{link, pipe, dir} {
		for _, gzip := range []bool{false, true} {
			if got, err := readAll(path, gzip); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %q, error %v", path, got, err)
			}
		}
	}
}
