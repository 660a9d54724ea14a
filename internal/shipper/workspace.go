package shipper

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// workspace is shared by the parts of a Shipper: the settings, the metrics and
// the directory of unfinished work, with one directory for each segment.
type workspace struct {
	cfg     Config
	root    string
	metrics *metrics

	answered time.Time // when the archive last did
}

func (s *workspace) dir(id string) string            { return filepath.Join(s.root, id) }
func (s *workspace) workFile(id, name string) string { return filepath.Join(s.dir(id), name) }

// begin empties the work directory of a segment.
func (s *workspace) begin(id string) error {
	if err := s.clear(id); err != nil {
		return err
	}
	if err := s.cfg.FS.MkdirAll(s.dir(id), 0o700); err != nil {
		return fmt.Errorf("make a work directory: %w", err)
	}
	return nil
}

func (s *workspace) clear(id string) error {
	if err := os.RemoveAll(s.dir(id)); err != nil {
		return fmt.Errorf("remove finished work: %w", err)
	}
	return nil
}

func (s *workspace) clearFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove unfinished work: %w", err)
	}
	return nil
}

// sweep removes work that is not needed: of a segment that was given up while
// it was on its way, of one that was quarantined just before a crash, and files that
// a power failure brought back. It would count in the disk budget for ever.
func (s *workspace) sweep(context.Context) error {
	dirs, err := os.ReadDir(s.root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the next conversion makes it
	}
	if err != nil {
		return fmt.Errorf("look for needless work: %w", err)
	}
	for _, d := range dirs {
		e, ok := s.cfg.Ledger.Get(d.Name())
		if ok && e.State != ledger.Retired && e.State != ledger.Quarantined {
			continue
		}
		if err := s.clear(d.Name()); err != nil {
			return err
		}
	}
	return nil
}

// openGrowing opens an open segment. It returns nil without one: the
// file has been given up, or its path is another file's by now.
func (s *workspace) openGrowing(e ledger.Entry) (*growing, error) {
	f, err := os.Open(s.cfg.Held.Path(e.ID))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && e.Inode != 0 && stat.Ino != e.Inode {
		return nil, f.Close()
	}
	return &growing{f, info.Size()}, nil
}

// fetch writes the object under a key to a file, in place of an earlier one.
func (s *workspace) fetch(ctx context.Context, key, file string) error {
	if err := s.clearFile(file); err != nil {
		return err
	}
	if err := s.cfg.Store.Fetch(ctx, key, file); err != nil {
		return fmt.Errorf("read what %s holds: %w", key, err)
	}
	return nil
}

// origin gives the objects of a numbered segment their number.
func (s *workspace) origin(e ledger.Entry) ledger.Origin {
	if e.Origin != nil {
		return *e.Origin
	}
	return ledger.Origin{Epoch: s.cfg.Ledger.Chain().Epoch, Seq: e.Seq}
}

// isSum says whether a record is of a file with this SHA-256.
func (s *workspace) isSum(m *manifest.Source, sum string) bool {
	if m.HMAC != "" {
		return s.cfg.Blind != nil && s.cfg.Blind(sum) == m.HMAC
	}
	return m.SHA256 == sum
}
