package durabletest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/auditsidecar/auditsidecar/internal/durable"
)

// Loss says which unsynced effects a power failure takes
// away. A real disk may lose any subset of them; these are the corners.
type Loss uint8

// The kinds of loss.
const (
	// LoseNothing is the crash of the process alone: the kernel keeps running.
	LoseNothing Loss = iota
	// LoseNames undoes names that appeared, moved or went without a fsync of
	// their directory.
	LoseNames
	// LoseData turns bytes that were written without a fsync of the file into
	// NULs: the size was stored, the content was not.
	LoseData
	// LoseAll undoes both; files have the size that they had at their fsync.
	LoseAll
)

// Losses returns every kind of loss, for tests that enumerate them.
func Losses() []Loss { return []Loss{LoseNothing, LoseNames, LoseData, LoseAll} }

// String returns the name of the kind, for messages of tests.
func (l Loss) String() string {
	return [...]string{"nothing", "names", "data", "everything unsynced"}[l]
}

// PowerLoss is the model of a disk that stops after a number of effects and
// forgets unsynced effects. It exists for tests: run the code under test
// with [PowerLoss.Hook] until it answers [ErrCrash], call [PowerLoss.Crash],
// and begin again as a new process does.
//
// It sees only effects of a [durable.FS]. Earlier files count as
// synced, and so do effects of others. A fsync is noted and not made: the
// machine that runs the test does not fail, and tests are quicker for it.
type PowerLoss struct {
	after int64
	grave string // keeps removed and replaced files, for its resurrection

	mu      sync.Mutex
	seen    int64
	graves  int
	pending []unsynced // in the order in which they were applied
}

// unsynced is an effect that a power failure may take away.
type unsynced struct {
	data bool            // bytes of the file path; else names
	path string          // follows the file when it is renamed
	from int64           // the size before, for data
	dirs map[string]bool // those whose fsync is outstanding, for names
	undo func() error    // for names
}

// NewPowerLoss returns a disk that stops after n effects. grave is an empty
// directory of the test on the same file system, outside the tested tree.
func NewPowerLoss(n int64, grave string) *PowerLoss { return &PowerLoss{after: n, grave: grave} }

// Hook is the [durable.Hook] of the disk. It is safe for concurrent use.
func (p *PowerLoss) Hook(e durable.Effect, apply func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen++
	if p.seen > p.after {
		return ErrCrash
	}
	if e.Op == durable.OpSync || e.Op == durable.OpSyncDir {
		p.synced(e)
		return nil
	}
	u, err := p.prepare(e)
	if err != nil {
		return err
	}
	if err := apply(); err != nil {
		return err
	}
	if e.Op == durable.OpRename {
		p.renamed(e)
	}
	p.pending = append(p.pending, u)
	return nil
}

// prepare notes how an effect that is about to be applied is undone.
func (p *PowerLoss) prepare(e durable.Effect) (unsynced, error) {
	u := unsynced{path: e.Path, dirs: map[string]bool{filepath.Dir(e.Path): true}}
	switch e.Op {
	case durable.OpWrite:
		info, err := os.Stat(e.Path)
		if err != nil {
			return u, fmt.Errorf("power loss: %w", err)
		}
		u.data, u.from = true, info.Size()
	case durable.OpCreate, durable.OpLink:
		u.undo = func() error { return os.Remove(e.Path) }
	case durable.OpMkdir:
		u.undo = func() error { return os.RemoveAll(e.Path) }
	case durable.OpRemove:
		restore, err := p.bury(e.Path)
		if err != nil {
			return u, err
		}
		u.undo = restore
	case durable.OpRename:
		restore, err := p.bury(e.Path)
		if err != nil {
			return u, err
		}
		u.dirs[filepath.Dir(e.From)] = true
		u.undo = func() error { return errors.Join(os.Rename(e.Path, e.From), restore()) }
	}
	return u, nil
}

// bury keeps the file or empty directory at path and returns a function that brings it
// back; without one, that does nothing.
func (p *PowerLoss) bury(path string) (restore func() error, err error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return func() error { return nil }, nil
	}
	if err != nil {
		return nil, fmt.Errorf("power loss: %w", err)
	}
	if info.IsDir() {
		return func() error { return os.MkdirAll(path, info.Mode().Perm()) }, nil
	}
	p.graves++
	kept := filepath.Join(p.grave, fmt.Sprint(p.graves))
	if err := os.Link(path, kept); err != nil {
		return nil, fmt.Errorf("power loss: %w", err)
	}
	return func() error { return os.Rename(kept, path) }, nil
}

// renamed has the bytes that wait for a fsync follow their file.
func (p *PowerLoss) renamed(e durable.Effect) {
	for i := range p.pending {
		if u := &p.pending[i]; u.data && u.path == e.From {
			u.path = e.Path
		}
	}
}

// synced forgets the effects that the fsync of a file or a directory made durable.
func (p *PowerLoss) synced(e durable.Effect) {
	left := p.pending[:0]
	for _, u := range p.pending {
		switch {
		case u.data && e.Op == durable.OpSync && u.path == e.Path:
			continue
		case !u.data && e.Op == durable.OpSyncDir:
			delete(u.dirs, e.Path)
			if len(u.dirs) == 0 {
				continue
			}
		}
		left = append(left, u)
	}
	p.pending = left
}

// Crashed says whether an effect was refused.
func (p *PowerLoss) Crashed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen > p.after
}

// Crash brings the directory tree to its state after the failure. Its error is
// one of the test, not of the tested code.
func (p *PowerLoss) Crash(loss Loss) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	pending := p.pending
	p.pending = nil
	var errs []error
	for i := len(pending) - 1; i >= 0; i-- { // bytes first, at the names of now
		if u := pending[i]; u.data && (loss == LoseData || loss == LoseAll) {
			errs = append(errs, loseBytes(u, loss))
		}
	}
	for i := len(pending) - 1; i >= 0; i-- {
		if u := pending[i]; !u.data && (loss == LoseNames || loss == LoseAll) {
			errs = append(errs, u.undo())
		}
	}
	return errors.Join(errs...)
}

// loseBytes takes back the bytes of one write; a file that went since has
// nothing to lose, unless it comes back, and then its bytes do not matter.
func loseBytes(u unsynced, loss Loss) error {
	info, err := os.Stat(u.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	err = os.Truncate(u.path, u.from)
	if err == nil && loss == LoseData {
		err = os.Truncate(u.path, info.Size()) // a hole reads as NULs
	}
	return err
}
