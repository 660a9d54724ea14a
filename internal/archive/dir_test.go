package archive

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/durable/durabletest"
)

func dirBucket(fsys durable.FS, dir string) *Bucket {
	return &Bucket{store: &dirStore{fs: fsys, root: dir}, base: "file://" + dir}
}

func putBytes(t *testing.T, b *Bucket, key, content string) error {
	t.Helper()
	return b.Put(t.Context(), key, strings.NewReader(content), int64(len(content)), sha256.Sum256([]byte(content)))
}

func TestModesOfFilesAndDirectories(t *testing.T) {
	root := filepath.Join(t.TempDir(), "archive")
	if err := putBytes(t, dirBucket(durable.OS(), root), "a/b/c", "x"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{"": 0o700, "a": 0o700, "a/b": 0o700, "a/b/c": 0o600} {
		info, err := os.Stat(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%q has mode %v, want %v", path, got, want)
		}
	}
}

// TestI5_CrashDuringPut stops Put after each of its effects; the next Put of the
// same bytes succeeds, and until then the key holds nothing or everything.
func TestI5_CrashDuringPut(t *testing.T) {
	for k := int64(0); ; k++ {
		root := t.TempDir()
		err := putBytes(t, dirBucket(durable.OS().WithHook(durabletest.CrashAfter(k)), root), "a/k", "content")
		if err == nil {
			if k < 8 {
				t.Errorf("Put has only %d effects", k)
			}
			return
		}
		if !errors.Is(err, durabletest.ErrCrash) {
			t.Fatalf("after %d effects: %v", k, err)
		}
		if got, err := os.ReadFile(filepath.Join(root, "a/k")); err == nil && string(got) != "content" {
			t.Errorf("after %d effects the key holds %q", k, got)
		}
		b := dirBucket(durable.OS(), root)
		for info, err := range b.List(t.Context(), "") {
			if err != nil || info.Key != "a/k" || info.Size != 7 {
				t.Errorf("after %d effects List yields %+v, %v", k, info, err)
			}
		}
		if err := putBytes(t, b, "a/k", "content"); err != nil {
			t.Errorf("after %d effects: %v", k, err)
		}
	}
}

func TestStaleTemporaryFilesAreSwept(t *testing.T) {
	root := t.TempDir()
	old, young, foreign := filepath.Join(root, ".k.01.tmp"), filepath.Join(root, ".k.02.tmp"), filepath.Join(root, ".hidden")
	for _, path := range []string{old, young, foreign} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-24*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(young, time.Time{}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := putBytes(t, dirBucket(durable.OS(), root), "k", "x"); err != nil {
		t.Fatal(err)
	}
	var left []string
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if got := strings.Join(left, " "); got != ".hidden .k.02.tmp k" {
		t.Errorf("left %q", got)
	}
}

func TestErrorsOfTheFileSystem(t *testing.T) {
	for _, tt := range []struct {
		op        durable.Op
		cause     error
		reason    Reason
		permanent bool
		text      string
	}{
		{durable.OpMkdir, unix.EACCES, ReasonPermission, true, "write and search"},
		{durable.OpCreate, unix.EROFS, ReasonPermission, true, "writable"},
		{durable.OpWrite, unix.ENOSPC, ReasonFull, false, "free space"},
		{durable.OpSync, unix.EDQUOT, ReasonFull, false, "free space"},
		{durable.OpSync, unix.EIO, ReasonOther, false, ""},
	} {
		fsys := durable.OS().WithHook(func(e durable.Effect, apply func() error) error {
			if e.Op == tt.op {
				return &fs.PathError{Op: string(e.Op), Path: e.Path, Err: tt.cause}
			}
			return apply()
		})
		root := t.TempDir()
		err := putBytes(t, dirBucket(fsys, root), "a/k", "x")
		if ReasonOf(err) != tt.reason || Permanent(err) != tt.permanent || !errors.Is(err, tt.cause) {
			t.Errorf("%v: %v (%s), want reason %s", tt.cause, err, ReasonOf(err), tt.reason)
		}
		if err == nil || !strings.Contains(err.Error(), tt.text) || !strings.Contains(err.Error(), "store file://"+root+"/a/k: ") {
			t.Errorf("%v: %q does not say %q and the address", tt.cause, err, tt.text)
		}
		if durable.IsFatal(err) != (tt.cause == unix.EIO) {
			t.Errorf("%v: IsFatal is %v", tt.cause, durable.IsFatal(err))
		}
	}
}

// Days that were moved to another disk are in the archive still, and a pipe is
// no object.
func TestListFollowsLinks(t *testing.T) {
	root, elsewhere := t.TempDir(), t.TempDir()
	for _, path := range []string{filepath.Join(root, "a"), filepath.Join(elsewhere, "f"), filepath.Join(elsewhere, "g")} {
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	links := map[string]string{"day": elsewhere, "b": filepath.Join(elsewhere, "f")}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(root, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	list := func() (keys []string, err error) {
		for info, err := range dirBucket(durable.OS(), root).List(t.Context(), "") {
			if err != nil {
				return keys, err
			}
			keys = append(keys, info.Key)
		}
		return keys, nil
	}
	if got, err := list(); err != nil || fmt.Sprint(got) != "[a b day/f day/g]" {
		t.Errorf("List yields %v, %v", got, err)
	}
	for _, target := range []string{root, filepath.Join(root, "nothing"), ".", filepath.Dir(root)} {
		link := filepath.Join(root, "c")
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
		if got, err := list(); err == nil || !strings.Contains(err.Error(), "follow a symbolic link") {
			t.Errorf("a link to %s: List yields %v, %v", target, got, err)
		}
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
	}
}

func TestURLOfABucket(t *testing.T) {
	b, err := Open(t.Context(), "file:///a/b c/", S3Config{})
	if err != nil {
		t.Fatal(err)
	}
	if got := b.URL("") + " " + b.URL("k"); got != "file:///a/b%20c file:///a/b%20c/k" {
		t.Errorf("URL = %s", got)
	}
	if b, err = Open(t.Context(), "s3://bucket/p/", S3Config{Region: "r"}); err != nil {
		t.Fatal(err)
	}
	if got := b.URL("") + " " + b.URL("k"); got != "s3://bucket/p s3://bucket/p/k" {
		t.Errorf("URL = %s", got)
	}
}

func TestPutReadsAtOffsetsOnly(t *testing.T) {
	// A body that was read before is stored from its start.
	body := bytes.NewReader([]byte("content"))
	_, _ = body.ReadByte()
	b := dirBucket(durable.OS(), t.TempDir())
	if err := b.Put(t.Context(), "k", body, 7, sha256.Sum256([]byte("content"))); err != nil {
		t.Error(err)
	}
}

func TestReasonOf(t *testing.T) {
	if ReasonOf(nil) != "" || Permanent(nil) || ReasonOf(errors.New("x")) != ReasonOther {
		t.Error("errors of others are misjudged")
	}
	if errors.Is(&Error{Reason: ReasonConflict}, fs.ErrNotExist) || errors.Is(&Error{Reason: ReasonNotFound}, ErrConflict) {
		t.Error("sentinels are mixed up")
	}
}
