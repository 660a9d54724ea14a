package hold

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// DirName is the directory of the held links in the state directory.
const DirName = "held"

// Config configures a Hold.
type Config struct {
	// Log is the audit log to hold.
	Log rotate.Log
	// StateDir is the state directory, on the same mount as the log unless
	// Copy is set.
	StateDir string
	// Copy keeps finished files by copies, where they cannot be linked.
	Copy bool
	// FS makes the links, or the copies.
	FS durable.FS
	// Ledger records them.
	Ledger *ledger.Ledger
	// Loki says that there is a Loki to stream to: new segments carry its
	// claim. Without one, claims of an earlier run are released.
	Loki bool
	// Budget bounds the disk that held files may use.
	Budget Budget
	// Poke wakes the loop; the next pass comes after Rescan without it.
	Poke <-chan struct{}
	// Rescan is the longest time between two passes.
	Rescan time.Duration
	// Observe hears how each pass ended.
	Observe func(error)
	// Note receives events of a single file for the operator, as it
	// happens: it was linked, rotated, adopted or lost.
	Note func(event string, e ledger.Entry)
	// NoteGap hears of each break in the log when it is recorded.
	NoteGap func(ledger.Gap)
	// Registry takes the metrics.
	Registry prometheus.Registerer
}

// Hold links the files of an audit log. It is a [rotate.Source] of the held
// links.
type Hold struct {
	*base
	home fs.FileInfo // of dir, as it was at the start
	wake chan struct{}
	news chan struct{} // poked when a pass changed the set of held files

	pass     sync.Mutex // one pass at a time
	recovery *recovery
	linker   *linker
	finisher *finisher
	watcher  *watcher
	judge    *continuityJudge
	budget   *budgeter
}

// New prepares the directory of the links, adopts links that the ledger does
// not know and returns a Hold whose first pass has not run yet.
func New(cfg Config) (*Hold, error) {
	b := &base{
		cfg: cfg, dir: filepath.Join(cfg.StateDir, DirName), metrics: newMetrics(cfg.Registry),
		next: firstNumber, sizes: map[string]sizeSeen{}, adopted: map[string]bool{}, baseline: len(cfg.Ledger.Entries()) == 0,
	}
	budget, judge := &budgeter{base: b}, &continuityJudge{base: b}
	b.keep = &links{fs: cfg.FS, dir: b.dir}
	if cfg.Copy {
		b.keep = newCopies(cfg.FS, b.dir, budget.roomFor)
	}
	h := &Hold{
		base: b, wake: make(chan struct{}, 1), news: make(chan struct{}, 1), recovery: &recovery{b}, judge: judge, budget: budget,
		linker:   &linker{base: b, judge: judge, waiting: map[string]waiting{}},
		finisher: &finisher{base: b}, watcher: &watcher{base: b, judge: judge},
	}
	if err := cfg.FS.MkdirPrivate(h.dir); err != nil {
		return nil, fmt.Errorf("make the directory of held files: %w", err)
	}
	var err error
	if h.home, err = os.Lstat(h.dir); err != nil {
		return nil, fmt.Errorf("look at the directory of held files: %w", err)
	}
	return h, h.recovery.recover()
}

// Changed is the channel that is poked when a pass changed the set of held files.
func (h *Hold) Changed() <-chan struct{} { return h.news }

// Wake has the next pass made soon: a sink has released a segment.
func (h *Hold) Wake() { poke(h.wake) }

func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run makes passes until ctx is done. It returns nil then, and an error only
// when continuing could lose data: the disk lost writes (EIO on fsync) or the
// state directory is gone.
func (h *Hold) Run(ctx context.Context) error {
	tick := time.NewTicker(h.cfg.Rescan)
	defer tick.Stop()
	sampling := time.NewTicker(sampleInterval)
	defer sampling.Stop()
	for due := true; ctx.Err() == nil; {
		if due {
			err := h.Sync(ctx)
			if ctx.Err() != nil {
				break
			}
			h.cfg.Observe(err)
			if durable.IsFatal(err) || errors.Is(err, ErrStateGone) {
				return err
			}
		}
		due = true
		select {
		case <-ctx.Done():
		case <-h.cfg.Poke:
		case <-h.wake:
		case <-tick.C:
		case <-sampling.C:
			due = h.sample()
		}
	}
	return nil
}

// sampleInterval is how often the open file is looked at between passes: bytes
// cut off it and written over within this time leave no trace.
const sampleInterval = time.Second

// sample looks at the growth of the open file, and at nothing else. It says that
// a pass is due: to report a fault, or to settle an open decision of the last one.
func (h *Hold) sample() bool {
	h.pass.Lock()
	defer h.pass.Unlock()
	return h.watcher.watchOpen(&look{entries: h.cfg.Ledger.Entries()}) != nil || h.finisher.undecided
}

// Close notes how much was seen of the open file and closes the open files. Nothing may be
// called after it.
func (h *Hold) Close() {
	for _, e := range h.cfg.Ledger.Entries() {
		seen := h.seen(&e)
		if e.Finished || seen == e.Seen {
			continue
		}
		if err := h.noteSize(&e, seen); err != nil {
			h.cfg.Observe(err)
		}
	}
	if k, ok := h.keep.(*copies); ok {
		if err := h.finisher.watchLeft(&look{entries: h.cfg.Ledger.Entries()}, true); err != nil {
			h.cfg.Observe(err)
		}
		k.close()
	}
}

// Held returns the held segments that Loki has a claim on, in the order
// of rotation; the open file, if there is one, is last. It implements
// [rotate.Source].
func (h *Hold) Held() ([]rotate.Segment, error) {
	var segments []rotate.Segment
	for _, e := range h.cfg.Ledger.Entries() {
		if !e.Loki {
			continue
		}
		p, ok := h.keep.location(e.ID)
		if !ok {
			continue // its link was removed from outside; the next start says so
		}
		segments = append(segments, segmentAt(&e, p))
	}
	return segments, nil
}

// segmentAt describes a segment as it is at a path. If another file has
// taken the path, or it is gone, the inode shows it to the reader, which looks
// again: the next pass knows where the bytes are now.
func segmentAt(e *ledger.Entry, p location) rotate.Segment {
	s := rotate.Segment{
		ID: e.ID, Name: e.Name, Path: p.path, Rotated: e.Rotated,
		Gzip: e.Gzip, Finished: e.Finished || p.rotated, Inode: e.Inode, Size: e.Seen,
	}
	info, err := os.Stat(p.path)
	if err != nil || p.inode != 0 && inodeIn(info) != p.inode {
		return s
	}
	s.Size, s.ModTime = info.Size(), info.ModTime()
	s.Device, s.Inode = rotate.FileID(info)
	return s
}
