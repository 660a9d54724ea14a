package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

var errStop = errors.New("stop")

// Ctrl-C ends a conversion that waits for standard input, at once, and nothing
// of its work stays.
func TestConvertInterrupted(t *testing.T) {
	dir := t.TempDir()
	cmd, stderr := program(t, "convert", "-", "--out", filepath.Join(dir, "x.parquet"))
	stdin, err := cmd.StdinPipe() // stays open: the read blocks
	must(t, err)
	must(t, cmd.Start())
	_, err = stdin.Write(fewLines(t, 3))
	must(t, err)
	audittest.WaitFor(t, "the work directory", func() bool { return len(files(t, dir)) > 0 })
	must(t, cmd.Process.Signal(os.Interrupt))
	var code int
	if cmd.Wait() != nil {
		code = cmd.ProcessState.ExitCode()
	}
	if code != exitFailed || !strings.Contains(stderr.String(), "context canceled") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if left := files(t, dir); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// cancelAfter ends a context when n bytes were read of it.
type cancelAfter struct {
	io.Reader
	left   int
	cancel context.CancelFunc
}

func (c *cancelAfter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if c.left -= n; c.left <= 0 {
		c.cancel()
	}
	return n, err
}

// An end in the middle of the work leaves nothing, whichever part it meets.
func TestStoppedVerbsLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	content := audittest.Corpus(t, "rotated.log")
	in := put(t, filepath.Join(dir, backup), content)
	object := filepath.Join(dir, "x.parquet")
	ok(t, "convert", in, "--out", object)
	packed := audittest.GzipFile(t)
	for _, args := range [][]string{
		{"convert", in, "--out", "OUT"}, {"convert", packed, "--out", "OUT"}, {"convert", "-", "--out", "OUT"}, {"restore", object, "--out", "OUT"},
	} {
		for _, after := range []time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond} {
			out := filepath.Join(t.TempDir(), "out")
			args[3] = out
			ctx, cancel := context.WithTimeout(t.Context(), after)
			stdin := &cancelAfter{Reader: bytes.NewReader(content), left: len(content) / 2, cancel: cancel}
			r := callWith(ctx, stdin, args...)
			cancel()
			if r.err == nil {
				continue // it was faster
			}
			if left := files(t, out); r.code != exitFailed || len(left) > 0 {
				t.Errorf("%q after %v: exit %d, left behind %q: %v", args, after, r.code, left, r.err)
			}
		}
	}
}

// brokenPipe is standard output after the reader has gone.
type brokenPipe struct{ wrote int }

func (b *brokenPipe) Write(p []byte) (int, error) {
	b.wrote++
	return 0, &os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}
}

// `restore ... | head` is not a failure: no reader is left.
func TestRestoreIntoABrokenPipe(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "archive")
	content := bytes.Repeat(fewLines(t, 500), 4) // more than a pipe and the buffers hold
	ok(t, "convert", put(t, filepath.Join(dir, backup), content), put(t, filepath.Join(dir, "audit.log"), content), "--out", out)
	var gone brokenPipe
	root := NewRoot("")
	root.SetArgs([]string{"restore", out})
	root.SetOut(&gone)
	if err := root.ExecuteContext(t.Context()); err != nil || gone.wrote != 1 {
		t.Errorf("%d writes, %v", gone.wrote, err)
	}

	cmd, stderr := program(t, "restore", out)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	first := make([]byte, 100)
	_, err = io.ReadFull(stdout, first)
	must(t, err)
	must(t, stdout.Close())
	_ = cmd.Wait() // SIGPIPE, as with any other program in a pipe
	same(t, "the first bytes", first, content[:100])
	if want := "note: " + out + " has no records: nothing vouches for its lines\n"; stderr.String() != want {
		t.Errorf("standard error: %s, want %s", stderr, want)
	}
}
