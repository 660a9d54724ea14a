package live

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/lokitest"
)

// TestI8_FullDiskDoesNotStopTheStream streams while the cursor cannot be
// written: lines go out, and the cursor follows when there is room again.
func TestI8_FullDiskDoesNotStopTheStream(t *testing.T) {
	var full atomic.Bool
	s := newStage(t, lokitest.Config{})
	s.edit = func(cfg *Config) {
		cfg.CursorFile = ledger.NewCursorFile(durable.OS().WithHook(func(_ durable.Effect, do func() error) error {
			if full.Load() {
				return unix.ENOSPC
			}
			return do()
		}), s.dir)
	}
	s.add("0", "a\n")
	s.start()
	s.sync()
	full.Store(true)
	lines := events(300, 10<<10, 10*time.Minute) // two days: more than may wait for the cursor
	s.append("0", strings.Join(lines, "\n")+"\n")
	if err := s.live.Sync(t.Context()); err == nil {
		t.Error("a cursor that cannot be written is no error")
	}
	if err := s.loki.WaitDistinct(t.Context(), 1+len(lines)); err != nil {
		t.Error(err)
	}
	if c := s.cursor(); c.Line != 1 {
		t.Errorf("the cursor is at %+v", c)
	}
	full.Store(false)
	s.sync()
	if c := s.cursor(); c.Line != int64(1+len(lines)) {
		t.Errorf("the cursor is at %+v in the end", c)
	}
}
