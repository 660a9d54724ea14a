package durabletest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/internal/durable"
)

// disk is a directory under a PowerLoss that does not stop by itself.
func disk(t *testing.T) (dir string, power *PowerLoss, fsys durable.FS) {
	t.Helper()
	power = NewPowerLoss(1<<30, t.TempDir())
	return t.TempDir(), power, durable.OS().WithHook(power.Hook)
}

func TestPowerLossKeepsWhatWasSynced(t *testing.T) {
	for _, loss := range Losses() {
		dir, power, fsys := disk(t)
		in := func(name string) string { return filepath.Join(dir, name) }
		must(t, fsys.MkdirAll(in("sub"), 0o700))
		must(t, fsys.WriteFile(in("sub/a"), []byte("old"), 0o600))
		must(t, fsys.WriteFile(in("sub/a"), []byte("new"), 0o600))
		must(t, fsys.Link(in("sub/a"), in("b")))
		must(t, fsys.SyncDir(dir))
		must(t, fsys.WriteFile(in("gone"), nil, 0o600))
		must(t, fsys.Remove(in("gone")))
		must(t, fsys.Rename(in("sub/a"), in("sub/c")))
		must(t, power.Crash(loss))
		if got := names(t, dir) + "|" + names(t, in("sub")); got != "b sub|c" {
			t.Errorf("lose %v: names %q", loss, got)
		}
		if got := read(t, in("b")); got != "new" {
			t.Errorf("lose %v: content %q", loss, got)
		}
	}
}

func TestPowerLossTakesWhatWasNotSynced(t *testing.T) {
	for _, c := range []struct {
		loss Loss
		want string // names, and the content of new
	}{
		{LoseNothing, "moved new removed-not sub|bytes"},
		{LoseNames, "from removed removed-not|"},
		{LoseData, "moved new removed-not sub|\x00\x00\x00\x00\x00"},
		{LoseAll, "from removed removed-not|"},
	} {
		dir, power, _ := disk(t)
		in := func(name string) string { return filepath.Join(dir, name) }
		for _, name := range []string{"from", "removed", "removed-not"} {
			must(t, os.WriteFile(in(name), []byte(name), 0o600))
		}
		// The same calls without their fsync.
		lazy := durable.OS().WithHook(func(e durable.Effect, apply func() error) error {
			if e.Op == durable.OpSync || e.Op == durable.OpSyncDir {
				return nil
			}
			return power.Hook(e, apply)
		})
		must(t, lazy.WriteFile(in("new"), []byte("bytes"), 0o600))
		must(t, lazy.Remove(in("removed")))
		must(t, lazy.Rename(in("from"), in("moved")))
		must(t, lazy.MkdirAll(in("sub"), 0o700))
		must(t, power.Crash(c.loss))
		content, _ := os.ReadFile(in("new"))
		if got := names(t, dir) + "|" + string(content); got != c.want {
			t.Errorf("lose %v: %q, want %q", c.loss, got, c.want)
		}
	}
}

func TestPowerLossUndoesAReplacement(t *testing.T) {
	dir, power, fsys := disk(t)
	path := filepath.Join(dir, "f")
	must(t, fsys.WriteFile(path, []byte("old"), 0o600))
	count := power.seen
	must(t, fsys.WriteFile(path, []byte("new"), 0o600))
	last := power.seen - count

	for k := range last {
		again := NewPowerLoss(k, t.TempDir())
		must(t, os.WriteFile(path, []byte("old"), 0o600))
		err := durable.OS().WithHook(again.Hook).WriteFile(path, []byte("new"), 0o600)
		if !errors.Is(err, ErrCrash) || !again.Crashed() {
			t.Fatalf("after %d effects: %v", k, err)
		}
		must(t, again.Crash(LoseAll))
		if got := read(t, path); got != "old" {
			t.Errorf("after %d effects and the loss of all that was not synced: %q", k, got)
		}
		must(t, durable.OS().RemoveTemps(dir))
	}
}

// TestPowerLossAtCrashPoints stops each operation after every effect, with
// every kind of loss: the path has the old content or the new one.
func TestPowerLossAtCrashPoints(t *testing.T) {
	for _, loss := range Losses() {
		for k, done := int64(0), false; !done; k++ {
			dir := t.TempDir()
			path := filepath.Join(dir, "f")
			must(t, os.WriteFile(path, []byte("old"), 0o600))
			power := NewPowerLoss(k, t.TempDir())
			done = durable.OS().WithHook(power.Hook).WriteFile(path, []byte("new"), 0o600) == nil
			must(t, power.Crash(loss))
			if got := read(t, path); (got != "old" || done) && got != "new" {
				t.Errorf("after %d effects, %v lost, finished %v: %q", k, loss, done, got)
			}
		}
	}
}

func TestLossNames(t *testing.T) {
	var all []string
	for _, l := range Losses() {
		all = append(all, l.String())
	}
	if got := strings.Join(all, ", "); got != "nothing, names, data, everything unsynced" {
		t.Error(got)
	}
}

var must = audittest.Must

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return strings.Join(out, " ")
}
