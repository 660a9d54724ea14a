package rotate

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// While kube-apiserver compresses, it writes to two files by turns: such events
// do not melt together, and a rename behind them must not wait for a pause each.
func TestWatcherSeesARenameBehindManyWrites(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var files [2]*os.File
	for i, name := range []string{"audit.log", "audit-2026-01-02T15-04-05.000.log.gz"} {
		f, err := os.Create(filepath.Join(dir, name))
		must(t, err)
		defer f.Close()
		files[i] = f
	}
	w := startWatcher(t, dir, WatcherConfig{Rescan: time.Hour}, nil)
	w.mode(t, ModeWatching)
	w.pokes("names writes")
	for range 1000 { // a queue has room for 16,384
		for _, f := range files {
			_, err := f.WriteString("line\n")
			must(t, err)
		}
	}
	must(t, os.Rename(files[0].Name(), filepath.Join(dir, "audit-2026-01-02T15-05-05.000.log")))
	if got := w.pokes("names writes"); got != "names writes" {
		t.Errorf("2,000 writes and a rename poked: %s", got)
	}
}

// A pacer leaves events in the kernel's queue, but for those that are there at
// the end of a pause.
func TestPacer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		poked := make(chan struct{}, 1)
		p := pacer{poked: poked, timer: time.NewTimer(time.Hour)}
		steps := []struct {
			do            string
			after         time.Duration
			closed, pokes bool
		}{
			{"write", time.Second, true, true},
			{"end of the pause", writePause, false, false},
			{"write", backlog / 2, false, true},
			{"write", 0, false, false},
			{"write", backlog, true, false},
			{"end of the pause", writePause - backlog, false, true},
			{"end of the pause", writePause, false, false},
			{"write", time.Second, true, true},
		}
		for i, step := range steps {
			time.Sleep(step.after)
			if step.do == "write" {
				p.poke()
			} else {
				<-p.timer.C
				p.pause()
			}
			pokes := false
			select {
			case <-poked:
				pokes = true
			default:
			}
			if p.closed != step.closed || pokes != step.pokes {
				t.Errorf("step %d, %s: closed %v, want %v; poked %v, want %v", i+1, step.do, p.closed, step.closed, pokes, step.pokes)
			}
		}
	})
}
