//go:build e2e

package faults

import (
	"context"
	"sync"
	"time"

	"github.com/auditsidecar/auditsidecar/e2e/run/sidecar"
)

// The bounds of the process: at any time, and when everything is
// delivered and it waits. The latter is the same for every scenario, one that
// went through 200 files or hundreds of failed attempts included, so that a
// descriptor or a goroutine that is left behind now and then shows.
const (
	maxMemory         = 64 << 20
	maxMemoryLong     = 80 << 20 // with lines of 9 MB: 58 to 71 MiB were seen, the most on a busy machine
	maxFDs            = 64
	maxGoroutines     = 80
	maxIdleFDs        = 32
	maxIdleGoroutines = 48
)

// limits are the most that the processes of one scenario had.
type limits struct {
	mu         sync.Mutex
	memory     int64
	fds        int
	goroutines int
	samples    int
	done       sync.WaitGroup
}

// watch samples the process until it ends.
func (l *limits) watch(ctx context.Context, p *sidecar.Process) {
	l.done.Go(func() {
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for {
			l.sample(ctx, p)
			select {
			case <-p.Exited():
				return
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
}

// sample notes the present figures of the process. A process that has ended, or does not
// answer yet, has nothing to note.
func (l *limits) sample(ctx context.Context, p *sidecar.Process) (fds, goroutines int) {
	memory, _ := p.PeakMemory()
	m, _ := p.Metrics(ctx)
	fds, goroutines = int(m["process_open_fds"]), int(m["go_goroutines"])
	l.mu.Lock()
	defer l.mu.Unlock()
	l.memory = max(l.memory, memory)
	l.fds, l.goroutines = max(l.fds, fds), max(l.goroutines, goroutines)
	if m != nil {
		l.samples++
	}
	return fds, goroutines
}

// idle returns the figures of a process that waits for something to happen: the
// least of a few samples, because a listing or a push may be on its way.
func (l *limits) idle(ctx context.Context, p *sidecar.Process) (fds, goroutines int) {
	fds, goroutines = maxFDs, maxGoroutines
	for range 5 {
		f, g := l.sample(ctx, p)
		if f > 0 {
			fds, goroutines = min(fds, f), min(goroutines, g)
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fds, goroutines
}

// judge adds the exceeded limits to the row.
func (l *limits) judge(row *outcome, maxMemory int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	row.memory, row.fds, row.goroutines = l.memory, l.fds, l.goroutines
	switch {
	case l.samples == 0 || l.memory == 0:
		row.problem("the process could not be watched")
	case l.memory > maxMemory:
		row.problem("%d MiB of memory, at most %d allowed", l.memory>>20, maxMemory>>20)
	case l.fds > maxFDs || l.goroutines > maxGoroutines:
		row.problem("%d descriptors and %d goroutines, at most %d and %d allowed", l.fds, l.goroutines, maxFDs, maxGoroutines)
	}
}
