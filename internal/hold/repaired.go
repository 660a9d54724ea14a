package hold

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/rotate"
)

// holdRepaired holds compressed files again that were damaged and have been changed
// or replaced since. Such a file keeps its place in the order, and its entry has
// what the archive has of it. The stream has passed it, and does not go back.
func (h *Hold) holdRepaired(l *look) (changed bool, err error) {
	for _, s := range l.listed {
		e := l.entryOf(s)
		if e == nil || !e.Damaged() || s.Inode == e.Inode && s.Size == e.Seen && s.ModTime.Equal(e.Wrote) {
			continue
		}
		err := h.holdAgain(e, s)
		switch {
		case errors.Is(err, errChanged), errors.Is(err, errNoRoom): // the next pass tries again
		case err != nil:
			return changed, err
		default:
			changed = true
		}
	}
	return changed, nil
}

func (h *Hold) holdAgain(old *ledger.Entry, s rotate.Segment) error {
	number, _, ok := parseLinkName(old.ID)
	if !ok {
		return fmt.Errorf("hold %s again: its segment has the strange name %s", s.Path, old.ID)
	}
	if linkName(number, s.Inode) == old.ID {
		if err := h.drop(old.ID); err != nil { // a copy has the bytes as they were
			return err
		}
	}
	e, err := h.hold(s, number)
	if err != nil {
		return err
	}
	e.Loki, e.Joined, e.Before = false, true, old.Source
	if err := h.cfg.FS.SyncDir(h.dir); err != nil {
		return err
	}
	if e.ID == old.ID {
		err = h.cfg.Ledger.Edit(e.ID, func(is *ledger.Entry) { *is = e })
	} else {
		err = errors.Join(h.cfg.Ledger.Add(e), h.forget(old.ID))
	}
	if err != nil {
		return err
	}
	h.cfg.Note("a damaged file was changed: holding it again", e)
	return nil
}

// forget drops a segment of which nobody needs the bytes any more.
func (h *Hold) forget(id string) error {
	if err := h.cfg.Ledger.Edit(id, func(e *ledger.Entry) { e.State, e.Loki = ledger.Retired, false }); err != nil {
		return err
	}
	return errors.Join(h.drop(id), h.cfg.Ledger.Forget(id))
}

// drop removes the link or copy of a segment, if there is one.
func (h *Hold) drop(id string) error {
	path := filepath.Join(h.dir, id) // never Path, which may be kube-apiserver's own
	if !exists(path) {
		return nil
	}
	if err := h.cfg.FS.Remove(path); err != nil {
		return fmt.Errorf("release the held file %s: %w", path, err)
	}
	return nil
}
