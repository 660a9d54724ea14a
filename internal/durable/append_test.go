package durable_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/durable/durabletest"
)

// Bytes for which AppendAt has returned stay at any crash; bytes behind them may be
// anything, and the next call replaces it.
func TestAppendAtSurvivesCrashes(t *testing.T) {
	part := func(n int) []byte { return bytes.Repeat([]byte{byte(n + 1)}, 32) }
	for _, loss := range durabletest.Losses() {
		points := int64(0)
		for k, done := int64(0), false; !done; k++ {
			path := filepath.Join(t.TempDir(), "leaves")
			power := durabletest.NewPowerLoss(k, t.TempDir())
			kept, write := 0, durable.OS().WithHook(power.Hook)
			var err error
			for ; kept < 3 && err == nil; kept++ {
				if err = write.AppendAt(path, int64(32*kept), part(kept)); err != nil {
					break
				}
			}
			if done = err == nil; !done && !errors.Is(err, durabletest.ErrCrash) {
				t.Fatal(err)
			}
			if err := power.Crash(loss); err != nil {
				t.Fatal(err)
			}
			for n := kept; n < 3; n++ {
				if err := durable.OS().AppendAt(path, int64(32*n), part(n)); err != nil {
					t.Fatal(err)
				}
			}
			got, err := os.ReadFile(path)
			if want := bytes.Join([][]byte{part(0), part(1), part(2)}, nil); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s is lost after %d effects: %x, %v", loss, k, got, err)
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("mode %v, %v", info.Mode(), err)
			}
			points++
		}
		if points < 8 {
			t.Errorf("only %d crash points", points)
		}
	}
	if err := durable.OS().AppendAt(filepath.Join(t.TempDir(), "no", "leaves"), 0, nil); err == nil {
		t.Error("appended to a file in a directory that is not there")
	}
}
