package durable_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/durable/durabletest"
)

// TestCrashPoints stops each operation after every one of its effects and holds
// the state then on disk against the table of the package documentation.
func TestCrashPoints(t *testing.T) {
	const missing = "(missing)"
	publish := func(f durable.FS, path string) error {
		return f.Publish(path, 0o600, func(w io.Writer) error {
			_, err := io.WriteString(w, "new")
			return err
		})
	}
	for _, c := range []struct {
		name    string
		prepare func(durable.FS, string) error
		run     func(durable.FS, string) error
		before  string
		after   string
	}{
		{"create", nil, func(f durable.FS, p string) error { return f.WriteFile(p, []byte("new"), 0o600) }, missing, "new"},
		{"replace", func(f durable.FS, p string) error { return f.WriteFile(p, []byte("old"), 0o600) },
			func(f durable.FS, p string) error { return f.WriteFile(p, []byte("new"), 0o600) }, "old", "new"},
		{"publish", nil, publish, missing, "new"},
		{"remove", func(f durable.FS, p string) error { return f.WriteFile(p, []byte("old"), 0o600) },
			func(f durable.FS, p string) error { return f.Remove(p) }, "old", missing},
		{"link", func(f durable.FS, p string) error { return f.WriteFile(p+".src", []byte("new"), 0o600) },
			func(f durable.FS, p string) error {
				return errors.Join(f.Link(p+".src", p), f.SyncDir(filepath.Dir(p)))
			}, missing, "new"},
	} {
		t.Run(c.name, func(t *testing.T) {
			done := false
			for k := int64(0); !done; k++ {
				if k > 20 {
					t.Fatal("the operation never finishes")
				}
				path := filepath.Join(t.TempDir(), "f")
				if c.prepare != nil {
					must(t, c.prepare(durable.OS(), path))
				}
				err := c.run(durable.OS().WithHook(durabletest.CrashAfter(k)), path)
				done = err == nil
				if err != nil && !errors.Is(err, durabletest.ErrCrash) {
					t.Fatalf("after %d effects: %v", k, err)
				}
				got := missing
				if b, err := os.ReadFile(path); err == nil {
					got = string(b)
				}
				if got != c.after && (done || got != c.before) {
					t.Errorf("after %d effects (finished: %v) the path holds %q", k, done, got)
				}
				// Recovery: the temporary files go, and the same call succeeds
				// (where the effect was there already: says so).
				must(t, durable.OS().RemoveTemps(filepath.Dir(path)))
				if err := c.run(durable.OS(), path); err != nil && (got != c.after || !errors.Is(err, fs.ErrExist)) {
					t.Errorf("after %d effects the operation cannot be repeated: %v", k, err)
				}
			}
		})
	}
}

func TestCopyAtCrashPoints(t *testing.T) {
	for _, loss := range durabletest.Losses() {
		for k, done := int64(0), false; !done; k++ {
			from := filepath.Join(t.TempDir(), "source")
			must(t, os.WriteFile(from, []byte("text"), 0o600))
			src, err := os.Open(from)
			must(t, err)
			path := filepath.Join(t.TempDir(), "copy")
			power := durabletest.NewPowerLoss(k, t.TempDir())
			done = durable.OS().WithHook(power.Hook).Copy(path, src, 0o600) == nil
			must(t, errors.Join(power.Crash(loss), src.Close()))
			content, err := os.ReadFile(path)
			if string(content) != "text" && (done || !errors.Is(err, fs.ErrNotExist)) {
				t.Errorf("after %d effects, %v lost, finished %v: %q", k, loss, done, content)
			}
		}
	}
}

var must = audittest.Must
