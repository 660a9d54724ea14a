// Package witness keeps the lines that a process writes to a rotated log, whatever
// happens in the log's directory: a hard link of its own to every file that was
// ever the open log. It knows nothing of auditsidecar.
package witness

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// interval is how often the directory is looked at. A file would have to come,
// be rotated and be deleted within it to be missed.
const interval = 2 * time.Millisecond

// Witness follows one audit.log.
type Witness struct {
	dir, links string
	seen       map[uint64]bool // inodes: a link keeps each from being used again
	files      []string        // the links, oldest first
	looked     chan struct{}   // can be received between two looks; closed at the end
	cancel     context.CancelFunc
	done       chan error
}

// Start begins to follow audit.log in dir. links is a directory on the same
// file system.
func Start(ctx context.Context, dir, links string) (*Witness, error) {
	if err := os.MkdirAll(links, 0o700); err != nil {
		return nil, fmt.Errorf("make the witness's directory: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &Witness{dir: dir, links: links, seen: make(map[uint64]bool), looked: make(chan struct{}), cancel: cancel, done: make(chan error, 1)}
	go func() { w.done <- w.follow(ctx) }()
	return w, nil
}

func (w *Witness) follow(ctx context.Context) error {
	defer close(w.looked)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if err := w.look(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return w.look()
		case <-tick.C:
		case w.looked <- struct{}{}:
		}
	}
}

// Stop ends the following and returns the bytes of all files in the order in
// which they were written.
func (w *Witness) Stop() ([]byte, error) {
	w.cancel()
	if err := <-w.done; err != nil {
		return nil, err
	}
	return w.content()
}

func (w *Witness) content() ([]byte, error) {
	var all []byte
	for _, f := range w.files {
		content, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("read the written files: %w", err)
		}
		all = append(all, content...)
	}
	return all, nil
}

// Files is the number of files that there were; call it after Stop.
func (w *Witness) Files() int { return len(w.files) }

// look links every file that is new, oldest first: backups by the time in their
// names, then the open log.
func (w *Witness) look() error {
	entries, err := os.ReadDir(w.dir)
	if err != nil {
		return fmt.Errorf("list the audit directory: %w", err)
	}
	var names []string
	open := false
	for _, e := range entries {
		switch name := e.Name(); {
		case name == "audit.log":
			open = true
		case strings.HasPrefix(name, "audit-") && strings.HasSuffix(name, ".log"):
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if open {
		names = append(names, "audit.log")
	}
	for _, name := range names {
		if err := w.link(name); err != nil {
			return err
		}
	}
	return nil
}

// link takes the link first and asks afterwards which file it is: the name may
// move to another file at any time.
func (w *Witness) link(name string) error {
	path := filepath.Join(w.links, fmt.Sprintf("%06d", len(w.files)))
	info, err := os.Lstat(filepath.Join(w.dir, name))
	if err == nil && w.seen[inode(info)] {
		return nil
	}
	if err == nil {
		err = os.Link(filepath.Join(w.dir, name), path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil // renamed just now: the next look finds it by its new name
	}
	if err != nil {
		return fmt.Errorf("link %s: %w", name, err)
	}
	if info, err = os.Lstat(path); err != nil {
		return fmt.Errorf("link %s: %w", name, err)
	}
	if w.seen[inode(info)] {
		return os.Remove(path)
	}
	w.seen[inode(info)] = true
	w.files = append(w.files, path)
	return nil
}

func inode(info fs.FileInfo) uint64 {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return stat.Ino
}

// Size returns how many bytes have been written so far. No process may write
// meanwhile: call it when the process has ended.
func (w *Witness) Size() (int64, error) {
	<-w.looked
	<-w.looked // the look between them began after the end of the process
	links, err := os.ReadDir(w.links)
	if err != nil {
		return 0, fmt.Errorf("add up the written files: %w", err)
	}
	var size int64
	for _, l := range links {
		info, err := l.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // a second link to a known file, removed again
		}
		if err != nil {
			return 0, fmt.Errorf("add up the written files: %w", err)
		}
		size += info.Size()
	}
	return size, nil
}
