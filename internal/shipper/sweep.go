package shipper

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
)

// sweep removes work that nobody needs: of a segment that was given up while
// it was on its way, of one that was quarantined just before a crash, and what
// a power failure brought back. It would count in the disk budget for ever.
func (s *Shipper) sweep(context.Context) error {
	dirs, err := os.ReadDir(s.work)
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
