package hold

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestI8_DescriptorsStayBounded rotates many times, with every fourth backup
// pruned at once, while no sink takes anything and, for copies, there is no
// room for most. It is not parallel: others would open files meanwhile.
func TestI8_DescriptorsStayBounded(t *testing.T) {
	for _, c := range []struct {
		name   string
		make   func(testing.TB) *fixture
		budget int64
		atMost int
	}{
		{"links", newFixture, 1 << 20, 0},
		{"copies", newCopyFixture, 1 << 20, 2},                   // the open file, and one that was copied without a name
		{"copies without room", newCopyFixture, 25, maxPins + 1}, // and the waiting ones
	} {
		t.Run(c.name, func(t *testing.T) {
			h := c.make(t)
			h.budget = Budget{MaxBytes: c.budget, MinFree: 1}
			h.write("")
			h.mustStart()
			h.sync()
			before := audittest.Descriptors(t)
			if h.copy {
				before-- // the open file is open already
			}
			most, rotations := 0, 60
			if testing.Short() {
				rotations = 4 * maxPins
			}
			for i := range rotations {
				h.write("0123456789")
				backup := h.rotate()
				if i%4 == 0 {
					h.remove(backup)
				}
				_ = h.hold.Sync(t.Context()) // that there is no room is an error
				most = max(most, audittest.Descriptors(t)-before)
			}
			if most > c.atMost {
				t.Errorf("%d descriptors, at most %d", most, c.atMost)
			}
			if h.hold.Close(); audittest.Descriptors(t) > before {
				t.Errorf("%d descriptors are left open", audittest.Descriptors(t)-before)
			}
		})
	}
}

// Backups that are there at the first start are not all open at once.
func TestI8_ManyBackupsAtStart(t *testing.T) {
	h := newCopyFixture(t)
	for range 100 {
		h.write("0123456789")
		h.rotate()
	}
	h.mustStart()
	before := audittest.Descriptors(t)
	h.sync()
	if n := audittest.Descriptors(t) - before; n != 1 {
		t.Errorf("%d files are open, want the open one only", n)
	}
	if links, err := os.ReadDir(filepath.Join(h.stateDir(), DirName)); err != nil || len(links) != 100 {
		t.Errorf("%d copies, %v", len(links), err)
	}
}

// Run ends with its context and leaves no goroutine; TestMain looks.
func TestRunEnds(t *testing.T) {
	h := newFixture(t)
	h.write("one\n")
	h.mustStart()
	passes := 0
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	h.hold.cfg.Observe = func(err error) {
		if passes++; err != nil || passes == 3 {
			cancel()
		}
	}
	poked := make(chan struct{}, 2)
	poked <- struct{}{}
	poked <- struct{}{}
	h.hold.cfg.Poke = poked
	if err := h.hold.Run(ctx); err != nil || passes != 3 {
		t.Errorf("%d passes, %v", passes, err)
	}
}
