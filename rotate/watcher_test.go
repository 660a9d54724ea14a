package rotate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
)

// watching is a Watcher that runs until the test ends.
type watching struct {
	*Watcher
	writes, names <-chan struct{}
	changes       chan Mode
}

// startWatcher starts w; the new modes come from changes.
func startWatcher(t *testing.T, dir string, cfg WatcherConfig, prepare func(*Watcher)) *watching {
	t.Helper()
	s := &watching{changes: make(chan Mode, 100)}
	cfg.OnChange = func(m Mode, err error) {
		if (err == nil) != (m == ModeWatching) {
			t.Errorf("mode %v with reason %v", m, err)
		}
		s.changes <- m
	}
	var err error
	s.Watcher, err = NewWatcher(dir, cfg)
	must(t, err)
	if prepare != nil {
		prepare(s.Watcher)
	}
	s.writes, s.names = s.Writes(), s.Names()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return s
}

// mode waits for the next change of the mode.
func (s *watching) mode(t *testing.T, want Mode) {
	t.Helper()
	if got := <-s.changes; got != want {
		t.Fatalf("mode %s, want %s", got, want)
	}
}

// settle is how long a test waits for a poke that must not come.
const settle = 3 * writePause

// pokes waits for the wanted pokes and a moment more, and returns those that
// came.
func (s *watching) pokes(want string) string {
	var writes, names bool
	timeout := time.After(2 * time.Minute)
	text := func() string {
		switch {
		case names && writes:
			return "names writes"
		case names:
			return "names"
		case writes:
			return "writes"
		}
		return "-"
	}
	for text() != want {
		select {
		case <-s.writes:
			writes = true
		case <-s.names:
			names = true
		case <-timeout:
			return text()
		}
	}
	for quiet := time.After(settle); ; {
		select {
		case <-s.writes:
			writes = true
		case <-s.names:
			names = true
		case <-quiet:
			return text()
		}
	}
}

// command runs one command of a script in dir.
func command(dir string, words []string) error {
	path := filepath.Join(dir, words[1])
	switch words[0] {
	case "create":
		return os.WriteFile(path, nil, 0o600)
	case "append":
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteString("line\n")
		return errors.Join(err, f.Close())
	case "rename":
		return os.Rename(path, filepath.Join(dir, words[2]))
	case "link":
		return os.Link(path, filepath.Join(dir, words[2]))
	case "remove":
		return os.Remove(path)
	case "rmdir":
		return os.RemoveAll(path)
	case "mkdir":
		return os.Mkdir(path, 0o700)
	case "chmod":
		return os.Chmod(path, 0o640)
	case "truncate":
		return os.Truncate(path, 0)
	case "read":
		_, err := os.ReadFile(path)
		return err
	}
	return fmt.Errorf("no command %q", words[0])
}

func TestWatcherScripts(t *testing.T) {
	scripts, err := filepath.Glob("testdata/watch/*.txt")
	must(t, err)
	if len(scripts) == 0 {
		t.Fatal("no scripts")
	}
	for _, path := range scripts {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			script, err := os.ReadFile(path)
			must(t, err)
			dir := filepath.Join(t.TempDir(), "audit")
			must(t, os.Mkdir(dir, 0o700))
			w := startWatcher(t, dir, WatcherConfig{Rescan: time.Hour}, nil)
			w.mode(t, ModeWatching)
			w.pokes("names writes") // the first look
			for n, line := range strings.Split(strings.TrimSpace(string(script)), "\n") {
				do, want, ok := strings.Cut(line, "=>")
				if strings.HasPrefix(line, "#") || !ok {
					continue
				}
				want = strings.TrimSpace(want)
				if err := command(dir, strings.Fields(do)); err != nil {
					t.Fatalf("line %d: %v", n+1, err)
				}
				if got := w.pokes(want); got != want {
					t.Fatalf("line %d: %s: poked: %s; want %s", n+1, strings.TrimSpace(do), got, want)
				}
			}
		})
	}
}

func TestWatcherMeltsWritesTogether(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "audit.log"))
	must(t, err)
	defer f.Close()
	w := startWatcher(t, dir, WatcherConfig{Rescan: time.Hour}, nil)
	w.mode(t, ModeWatching)
	w.pokes("names writes")
	start := time.Now()
	writes, names := 0, 0
	for range 1500 {
		_, err := f.WriteString("line\n")
		must(t, err)
		time.Sleep(100 * time.Microsecond)
		select {
		case <-w.writes:
			writes++
		case <-w.names:
			names++
		default:
		}
	}
	if most := int(time.Since(start)/writePause) + 1; writes < 2 || writes > most || names > 0 {
		t.Errorf("1500 writes poked writes %d times (at most %d), names %d times (0)", writes, most, names)
	}
}

func TestWatcherDirectoryThatComesLater(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "logs", "audit")
	w := startWatcher(t, dir, WatcherConfig{Rescan: time.Hour}, nil)
	w.mode(t, ModeMissing)
	must(t, os.MkdirAll(dir, 0o700))
	w.mode(t, ModeWatching)
	if got := w.pokes("names writes"); got != "names writes" {
		t.Errorf("poked: %s", got)
	}
	must(t, os.RemoveAll(dir))
	w.mode(t, ModeMissing)
}

// TestWatcherFileIsNotADirectory expects no change of the mode for a file, and that the directory
// which replaces it is found.
func TestWatcherFileIsNotADirectory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "audit")
		must(t, os.WriteFile(dir, nil, 0o600))
		w := startWatcher(t, dir, WatcherConfig{Rescan: time.Hour}, func(w *Watcher) {
			w.poll = time.Hour
			w.watch = func(string) (*fsnotify.Watcher, error) { return nil, errors.New("no watch") }
		})
		w.mode(t, ModeMissing)
		time.Sleep(10 * missingRecheck)
		synctest.Wait()
		if len(w.changes) > 0 {
			t.Errorf("mode %s for a file", <-w.changes)
		}
		must(t, os.Remove(dir))
		must(t, os.Mkdir(dir, 0o700))
		w.mode(t, ModePolling)
	})
}

// A move of the directory's parent makes no event: the rescan finds it.
func TestWatcherParentReplaced(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	dir := filepath.Join(root, "logs", "audit")
	must(t, os.MkdirAll(dir, 0o700))
	watches := make(chan struct{}, 100)
	w := startWatcher(t, dir, WatcherConfig{Rescan: 50 * time.Millisecond}, func(w *Watcher) {
		w.watch = func(dir string) (*fsnotify.Watcher, error) {
			watches <- struct{}{}
			return addWatch(dir)
		}
	})
	w.mode(t, ModeWatching)
	<-watches
	must(t, os.Rename(filepath.Join(root, "logs"), filepath.Join(root, "away")))
	must(t, os.MkdirAll(dir, 0o700))
	<-watches // of the new directory
}

func TestWatcherSurvivesOverflowAndBrokenWatch(t *testing.T) {
	t.Parallel()
	watches := make(chan *fsnotify.Watcher, 100)
	w := startWatcher(t, t.TempDir(), WatcherConfig{Rescan: time.Hour}, func(w *Watcher) {
		w.watch = func(dir string) (*fsnotify.Watcher, error) {
			watch, err := addWatch(dir)
			watches <- watch
			return watch, err
		}
	})
	first := <-watches
	w.mode(t, ModeWatching)
	w.pokes("names writes")
	first.Errors <- fmt.Errorf("queue: %w", fsnotify.ErrEventOverflow)
	if got := w.pokes("names writes"); got != "names writes" {
		t.Errorf("overflow poked: %s", got)
	}
	if len(watches) > 0 {
		t.Error("a new watch after an overflow")
	}
	first.Errors <- errors.New("read: input/output error")
	<-watches // a new one
	if got := w.pokes("names writes"); got != "names writes" {
		t.Errorf("the new watch poked: %s", got)
	}
}

func TestWatcherPollsWithoutAWatch(t *testing.T) {
	for _, cause := range []error{syscall.EMFILE, syscall.ENOSPC} {
		synctest.Test(t, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "audit")
			must(t, os.Mkdir(dir, 0o700))
			var tries atomic.Int32
			w := startWatcher(t, dir, WatcherConfig{}, func(w *Watcher) {
				w.poll, w.retry = 200*time.Millisecond, 30*time.Second
				w.watch = func(string) (*fsnotify.Watcher, error) { tries.Add(1); return nil, cause }
				report := w.cfg.OnChange
				w.cfg.OnChange = func(m Mode, err error) {
					if m == ModePolling && !errors.Is(err, cause) || m == ModeMissing && !errors.Is(err, fs.ErrNotExist) {
						t.Errorf("%v because of %v", m, err)
					}
					report(m, err)
				}
			})
			w.mode(t, ModePolling)
			start := time.Now()
			for range 10 {
				<-w.names
				<-w.writes
			}
			if d := time.Since(start); d != 9*200*time.Millisecond {
				t.Errorf("10 pokes took %v", d)
			}
			time.Sleep(59*time.Second - time.Since(start))
			synctest.Wait()
			if n := tries.Load(); n != 2 {
				t.Errorf("%d tries of a watch in 59 s, want 2", n)
			}
			must(t, os.Remove(dir))
			w.mode(t, ModeMissing)
			must(t, os.Mkdir(dir, 0o700))
			start = time.Now()
			w.mode(t, ModePolling)
			if d := time.Since(start); d > missingRecheck {
				t.Errorf("came back after %v", d)
			}
			if len(w.changes) > 0 {
				t.Errorf("one change was reported more than once: %s", <-w.changes)
			}
		})
	}
}

func TestWatcherRescansWhateverHappens(t *testing.T) {
	t.Parallel()
	w := startWatcher(t, t.TempDir(), WatcherConfig{Rescan: 30 * time.Millisecond}, nil)
	for range 5 {
		<-w.names
		<-w.writes
	}
}

func TestNewWatcherRefuses(t *testing.T) {
	_, err := NewWatcher("", WatcherConfig{Rescan: -1})
	if err == nil {
		t.Fatal("no error")
	}
	for _, word := range []string{"directory", "Rescan"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not speak of %q", err, word)
		}
	}
	if _, err = NewWatcher("x", WatcherConfig{}); err != nil {
		t.Errorf("defaults: %v", err)
	}
}
