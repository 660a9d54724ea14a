package rotate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	defaultRescan = 5 * time.Second
	// pollInterval is how often everybody is poked while there is no watch,
	// retryInterval how often a watch is tried again then.
	pollInterval   = 250 * time.Millisecond
	retryInterval  = time.Minute
	missingRecheck = time.Second
)

// WatcherConfig sets the pace of a Watcher; the zero value is the default.
type WatcherConfig struct {
	// Rescan is how often everybody is poked whatever the kernel reports, and
	// how often the directory is checked for having been replaced; 0 means 5 s.
	Rescan time.Duration
	// OnChange, if not nil, is called by Run at each change of the mode with
	// the reason, nil for ModeWatching. Run waits for it.
	OnChange func(Mode, error)
}

// Watcher turns the kernel's events of one directory into pokes. A poke
// carries no facts: it says that it is worth looking. The directory need not
// exist yet.
type Watcher struct {
	dir  string
	cfg  WatcherConfig
	mode Mode
	// writes and names have room for one poke each.
	writes, names chan struct{}
	poll, retry   time.Duration
	// watch adds a watch for a directory; tests make it fail.
	watch func(dir string) (*fsnotify.Watcher, error)
}

// NewWatcher makes a Watcher for dir. It looks at nothing yet. The error says
// which value is wrong.
func NewWatcher(dir string, cfg WatcherConfig) (*Watcher, error) {
	cfg.Rescan = cmp.Or(cfg.Rescan, defaultRescan)
	err := errors.Join(
		require(dir != "", "directory is empty"),
		require(cfg.Rescan > 0, "Rescan is %v, want a duration above 0", cfg.Rescan),
	)
	if err != nil {
		return nil, fmt.Errorf("make a directory watcher: %w", err)
	}
	return &Watcher{
		dir: filepath.Clean(dir), cfg: cfg, writes: make(chan struct{}, 1), names: make(chan struct{}, 1),
		poll: pollInterval, retry: retryInterval, watch: addWatch,
	}, nil
}

// Writes is the channel of every change: writes to files in the directory and all
// that Names reports. The first write after a pause pokes at once, later writes
// within 50 ms after them, together. The channel has room for one poke, so that
// pokes which come faster than they are taken melt into one too.
func (w *Watcher) Writes() <-chan struct{} { return w.writes }

// Names is the channel of changes of the listing: a file appeared, was renamed or
// went. Writes to a file do not poke it. A change that follows a write within
// 50 ms is seen after them.
func (w *Watcher) Names() <-chan struct{} { return w.names }

// poke fills a channel unless a poke is waiting in it.
func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// pokeAll pokes both channels.
func (w *Watcher) pokeAll() {
	poke(w.names)
	poke(w.writes)
}

// setMode notes the mode and reports a change of it.
func (w *Watcher) setMode(m Mode, reason error) {
	if w.mode != m && w.cfg.OnChange != nil {
		w.cfg.OnChange(m, reason)
	}
	w.mode = m
}

// Run pokes the subscribers until ctx ends, and then returns ctx.Err(). It
// waits for a directory that is not there and continues by the clock if no
// watch is available. Call it once.
func (w *Watcher) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := w.round(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// round watches the directory, polls it or waits for it, until that must be
// tried again. It returns an error only if ctx ended.
func (w *Watcher) round(ctx context.Context) error {
	info, err := os.Stat(w.dir)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("watch %s: it is not a directory", w.dir)
	}
	if err != nil {
		w.setMode(ModeMissing, fmt.Errorf("look for the audit directory: %w", err))
		return sleep(ctx, missingRecheck)
	}
	watch, err := w.watch(w.dir)
	if err != nil {
		w.setMode(ModePolling, fmt.Errorf("watch the audit directory %s: %w", w.dir, err))
		return w.follow(ctx, &fsnotify.Watcher{}, info, w.poll, time.After(w.retry))
	}
	// The watch may have come after a replacement of the directory: the check
	// at each rescan finds that out.
	w.setMode(ModeWatching, nil)
	err = w.follow(ctx, watch, info, w.cfg.Rescan, nil)
	if closeErr := watch.Close(); closeErr != nil {
		// The descriptor is lost, the next one is tried by the next round.
		err = errors.Join(err, sleep(ctx, missingRecheck))
	}
	return err
}

// follow turns events into pokes, and pokes everybody at each rescan, until the
// watch is no good any more or until end.
func (w *Watcher) follow(ctx context.Context, watch *fsnotify.Watcher, dir os.FileInfo, every time.Duration, end <-chan time.Time) error {
	rescan := time.NewTicker(every)
	defer rescan.Stop()
	writes := pacer{poked: w.writes, timer: time.NewTimer(writePause)}
	defer writes.timer.Stop()
	w.pokeAll()
	for {
		events := watch.Events
		if writes.closed {
			events = nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-end:
			return nil
		case event, ok := <-events:
			switch {
			case !ok || w.gone(event):
				w.pokeAll()
				return nil
			case event.Op&nameChange != 0:
				w.pokeAll()
			case event.Op&fsnotify.Write != 0:
				writes.poke()
			}
			// A change of attributes is no news: making a link to a file is one.
		case <-writes.timer.C:
			writes.pause()
		case err := <-watch.Errors:
			w.pokeAll()
			// After an overflow events are missing, and the watch is still good.
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				return sleep(ctx, missingRecheck)
			}
		case <-rescan.C:
			w.pokeAll()
			if !w.same(dir) {
				return nil
			}
		}
	}
}

// nameChange are the events that change the listing.
const nameChange = fsnotify.Create | fsnotify.Remove | fsnotify.Rename

// gone reports whether the event says that the directory was moved or removed.
func (w *Watcher) gone(e fsnotify.Event) bool {
	return e.Op&nameChange != 0 && e.Name == w.dir
}

// same reports whether the directory at the path is still the one in info.
func (w *Watcher) same(info os.FileInfo) bool {
	now, err := os.Stat(w.dir)
	return err == nil && os.SameFile(info, now)
}

// sleep waits for d, or returns ctx.Err() when ctx ends before.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// addWatch is the real Watcher.watch.
func addWatch(dir string) (*fsnotify.Watcher, error) {
	watch, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	if err := watch.Add(dir); err != nil {
		return nil, errors.Join(err, watch.Close())
	}
	return watch, nil
}
