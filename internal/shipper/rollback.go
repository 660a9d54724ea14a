package shipper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// errNewEpoch says that a new epoch has begun during a pass, which starts again.
var errNewEpoch = errors.New("a new epoch has begun")

// lookAhead asks the archive, once in a process and before anything is stored under
// the next number, whether it has been given already: then the ledger is older than
// the archive, because a backup of it was restored.
func (s *sealer) lookAhead(ctx context.Context) error {
	if s.looked {
		return nil
	}
	head := s.cfg.Chain.StoredHead()
	for r, err := range s.cfg.Store.Records(ctx, head.Tree, head.Number+1) {
		if errors.Is(err, ErrUnlisted) {
			break
		}
		if err != nil {
			return fmt.Errorf("ask the archive for later records: %w", err)
		}
		if s.cfg.Chain.Other(r.Entry) {
			return s.putBack(r.Entry)
		}
	}
	s.looked = true
	return nil
}

// notOurs examines a foreign object under a record's key. Another record
// of this tree is proof that its number was given before, and begins a new epoch;
// anything else is damage.
func (s *sealer) notOurs(ctx context.Context, key string) error {
	file := filepath.Join(s.root, "record")
	if err := s.fetch(ctx, key, file); err != nil {
		return err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read what %s holds: %w", key, err)
	}
	if err := s.clearFile(file); err != nil {
		return err
	}
	if e := manifest.Read(data); s.cfg.Chain.Other(e) {
		return s.putBack(e)
	}
	return nil // damaged, or of another writer
}

// putBack begins a new epoch because the archive has another record under a number.
func (s *sealer) putBack(e manifest.Entry) error {
	return s.newEpoch(ledger.BeginRolledBack, fmt.Sprintf("the ledger is older than the archive, which has another record %d: a backup of the state was put back", e.Number))
}

// newEpoch begins one in place of an epoch that cannot continue. Any
// sealed record that is not stored is set aside first: its files and gaps are recorded again.
func (s *sealer) newEpoch(reason ledger.BeginReason, why string) error {
	now := time.Now()
	gap := *ledger.StateLost(why, now)
	if _, err := s.cfg.FS.SetAside(s.cfg.Chain.Dir(), now); err != nil && durable.Exists(s.cfg.Chain.Dir()) {
		return fmt.Errorf("set the sealed records aside: %w", err)
	}
	if err := s.cfg.Ledger.NewEpoch(now, reason, gap); err != nil {
		return err
	}
	chain := s.cfg.Ledger.Chain()
	if err := s.cfg.Chain.Restart(chain.Epoch, BeginsOf(chain)); err != nil {
		return err
	}
	clear(s.uploads.copies)
	s.cfg.Events.Gap(gap)
	return fmt.Errorf("%w: %s", errNewEpoch, gap.Detail)
}

// BeginsOf is the reason of the epoch as the chain takes it.
func BeginsOf(c ledger.Chain) manifest.Begins {
	return manifest.Begins{Reason: manifest.BeginReason(c.Begins.Reason), Detail: c.Begins.Detail}
}
