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

// Config is what a Hold needs.
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
	// claim. Where there is none, claims of an earlier run are released.
	Loki bool
	// Budget bounds the disk that held files may use.
	Budget Budget
	// Poke wakes the loop; the next pass comes after Rescan without it.
	Poke <-chan struct{}
	// Rescan is the longest time between two passes.
	Rescan time.Duration
	// Observe hears how each pass ended.
	Observe func(error)
	// Note hears what an operator should know of a single file, as it
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
	cfg     Config
	dir     string
	home    fs.FileInfo // of dir, as it was at the start
	keep    keeper
	metrics *metrics

	wake chan struct{}

	pass sync.Mutex // one pass at a time
	next int64      // number of the next link

	// What passes remember, besides the ledger.
	sizes     map[string]sizeSeen // of unfinished segments
	vanishing []rotate.Segment    // listed, but gone when they were to be linked
	unwritten []ledger.Entry      // linked, but the ledger could not be written
	waiting   map[string]wait     // listed, but there is no room to copy them; by name
	noRoom    error               // of this pass
	seenAt    time.Time           // when a size was last put on disk
	newest    newest              // of the last complete listing
	undecided bool                // whether a file without a name is finished
	orphan    bool                // the alarm for a deleted file is on
	huge      bool                // the alarm for a file without rotation is on
	tight     bool                // the budget is nearly used up
	baseline  bool                // nothing was known before the first pass

	mu   sync.Mutex
	subs []chan struct{}
}

// New prepares the directory of the links, adopts links that the ledger does
// not know and returns a Hold whose first pass has not run yet.
func New(cfg Config) (*Hold, error) {
	h := &Hold{cfg: cfg, dir: filepath.Join(cfg.StateDir, DirName), metrics: newMetrics(cfg.Registry), wake: make(chan struct{}, 1), sizes: map[string]sizeSeen{}, waiting: map[string]wait{}}
	h.keep = &links{fs: cfg.FS, dir: h.dir}
	if cfg.Copy {
		h.keep = newCopies(cfg.FS, h.dir, h.roomFor)
	}
	if err := cfg.FS.MkdirPrivate(h.dir); err != nil {
		return nil, fmt.Errorf("make the directory of held files: %w", err)
	}
	var err error
	if h.home, err = os.Lstat(h.dir); err != nil {
		return nil, fmt.Errorf("look at the directory of held files: %w", err)
	}
	h.baseline = len(cfg.Ledger.Entries()) == 0
	h.next = firstNumber
	return h, h.recover()
}

// Changed returns a channel that is poked when a pass changed what is held.
// Subscribe before Run.
func (h *Hold) Changed() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := make(chan struct{}, 1)
	h.subs = append(h.subs, c)
	return c
}

func (h *Hold) poke() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.subs {
		poke(c)
	}
}

// Wake has the next pass made soon: a sink has released a segment.
func (h *Hold) Wake() { poke(h.wake) }

func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run makes passes until ctx is done. It returns nil then, and an error only
// when going on could lose data: the disk lost writes (EIO on fsync) or the
// state directory is gone.
func (h *Hold) Run(ctx context.Context) error {
	tick := time.NewTicker(h.cfg.Rescan)
	defer tick.Stop()
	glance := time.NewTicker(glanceInterval)
	defer glance.Stop()
	for {
		err := h.Sync(ctx)
		if ctx.Err() != nil {
			return nil
		}
		h.cfg.Observe(err)
		if durable.IsFatal(err) || errors.Is(err, ErrStateGone) {
			return err
		}
		if h.await(ctx, tick.C, glance.C); ctx.Err() != nil {
			return nil
		}
	}
}

// await returns when the next pass is due or ctx is done, and looks at the
// open file meanwhile.
func (h *Hold) await(ctx context.Context, tick, glance <-chan time.Time) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.cfg.Poke:
			return
		case <-h.wake:
			return
		case <-tick:
			return
		case <-glance:
			if h.glance() {
				return
			}
		}
	}
}

// glanceInterval is how often the open file is looked at between passes: what
// is cut off it and written over within this time leaves no trace.
const glanceInterval = time.Second

// glance looks at the growth of the open file, and at nothing else. It says that
// a pass is due: to tell what is wrong, or to decide what the last one could not.
func (h *Hold) glance() bool {
	h.pass.Lock()
	defer h.pass.Unlock()
	return h.watchOpen(&look{entries: h.cfg.Ledger.Entries()}) != nil || h.undecided
}

// ErrStateGone is returned by [Hold.Sync] when the state directory was
// removed or replaced under the process, usually with the whole audit directory.
var ErrStateGone = errors.New("the state directory is gone; was the audit directory removed or mounted anew? A restart begins again in the new one")

// Sync makes one pass. What it could not do is in the error; the next pass
// tries again.
func (h *Hold) Sync(ctx context.Context) error {
	h.pass.Lock()
	defer h.pass.Unlock()
	info, err := os.Lstat(h.dir)
	if err != nil {
		return fmt.Errorf("%w (%w)", ErrStateGone, err)
	}
	if !os.SameFile(info, h.home) {
		return fmt.Errorf("%w (%s is another directory now)", ErrStateGone, h.dir)
	}
	listed, changed, err := h.scan(ctx)
	released, releaseErr := h.release(listed)
	h.metrics.observe(h.cfg.Ledger.Entries(), h.bytesOf)
	if changed || released {
		h.poke()
	}
	return errors.Join(err, h.noRoom, releaseErr)
}

// Close notes how much was seen of the open file and gives back what is open. Nothing may be
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
		k.close()
	}
}

// Path returns where the bytes of a held segment are. What is there ceases to
// be theirs only where a segment is not finished and copies are made.
func (h *Hold) Path(id string) string {
	if path := h.at(id); path != "" {
		return path
	}
	return filepath.Join(h.dir, id)
}

// at is Path, empty where the bytes cannot be read at any path.
func (h *Hold) at(id string) string {
	p, ok := h.keep.place(id)
	if !ok || p.inode != 0 && !isLink(p.path, p.inode) {
		return ""
	}
	return p.path
}

// Segments returns the held segments that Loki has a claim on, in the order
// of rotation; the open file, if there is one, is last. It implements
// [rotate.Source].
func (h *Hold) Segments() ([]rotate.Segment, error) {
	var segments []rotate.Segment
	for _, e := range h.cfg.Ledger.Entries() {
		if !e.Loki {
			continue
		}
		p, ok := h.keep.place(e.ID)
		if !ok {
			continue // its link was removed from outside; the next start says so
		}
		segments = append(segments, segmentAt(&e, p))
	}
	return segments, nil
}

// segmentAt describes a segment as it is at a place. Where another file has
// taken the place, or none is there, the inode tells the reader, which looks
// again: the next pass knows where the bytes are now.
func segmentAt(e *ledger.Entry, p place) rotate.Segment {
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
