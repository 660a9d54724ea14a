package hold

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/durable"
)

// A start waits for the disk as often with a thousand backups as with one:
// fsync is nearly all of the time that holding takes.
func TestI8_StartWithManyBackupsSyncsNoMore(t *testing.T) {
	start := func(backups int) (syncs int) {
		h := newFixture(t)
		for i := range backups {
			path := filepath.Join(h.log.Dir, h.log.BackupName(h.clock.Add(time.Duration(i)*time.Second)))
			if err := os.WriteFile(path, fmt.Appendf(nil, "%d\n", i), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		h.write("open\n")
		h.fs = durable.OS().WithHook(func(e durable.Effect, apply func() error) error {
			if e.Op == durable.OpSync || e.Op == durable.OpSyncDir {
				syncs++
				return nil
			}
			return apply()
		})
		h.mustStart()
		h.sync()
		if n := len(h.held()); n != backups+1 {
			t.Errorf("%d files held, want %d", n, backups+1)
		}
		return syncs
	}
	if one, many := start(1), start(1000); one == 0 || many != one {
		t.Errorf("%d fsyncs with one backup, %d with a thousand", one, many)
	}
}
