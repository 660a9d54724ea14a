package shipper

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// errNewEpoch says that a new epoch has begun during a pass, which starts again.
var errNewEpoch = errors.New("a new epoch has begun")

// lookAhead asks the archive, once in a process and before anything is stored under
// the next number, whether it has been given already: then the ledger is older than
// the archive, because somebody put a backup of it back.
func (s *sealer) lookAhead(ctx context.Context) error {
	if s.next == 0 {
		return nil
	}
	r, err := s.cfg.Store.Later(ctx, s.cfg.Ledger.Chain().Epoch, s.next)
	if err != nil {
		return fmt.Errorf("ask the archive for later records: %w", err)
	}
	if r != nil && s.cfg.Chain.Made(*r) {
		return s.newEpoch(r.Seq)
	}
	s.next = 0
	return nil
}

// notOurs looks at what a record's key holds instead of the record. Another record
// of this chain is proof that its number was given before, and begins a new epoch;
// anything else is damage.
func (s *sealer) notOurs(ctx context.Context, epoch, key string) error {
	if epoch != s.cfg.Ledger.Chain().Epoch {
		return nil
	}
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
	r, err := manifest.Decode(data)
	if err != nil || !s.cfg.Chain.Made(r) || !s.madeLater(r) {
		return nil //nolint:nilerr // damaged, or somebody else's
	}
	return s.newEpoch(r.Seq)
}

// madeLater tells a record that a later life of this ledger made from one of ours
// with a damaged byte. A signature shows that. Without one, damage changes one field,
// while a record of other content has another time, too.
func (s *sealer) madeLater(r manifest.Record) bool {
	if s.cfg.Key != nil {
		return true
	}
	data, err := s.cfg.Chain.Bytes(r.Seq)
	if err != nil {
		return false
	}
	ours, err := manifest.Decode(data)
	if err != nil || ours.Time.Equal(r.Time.Time) {
		return false
	}
	r.Time = ours.Time
	same, err := manifest.Encode(r)
	return err == nil && !bytes.Equal(same, data)
}

// newEpoch begins one in the place of an epoch whose numbers were given before. What
// is sealed and not stored is set aside first: its files and gaps are recorded anew.
func (s *sealer) newEpoch(seq int64) error {
	now := time.Now()
	gap := *ledger.StateLost(fmt.Sprintf("the ledger is older than the archive, which has another record %d of the epoch %s: a backup of the state was put back",
		seq, s.cfg.Ledger.Chain().Epoch), now)
	if _, err := s.cfg.FS.SetAside(s.cfg.Chain.Dir(), now); err != nil && !s.gone(s.cfg.Chain.Dir()) {
		return fmt.Errorf("set the sealed records aside: %w", err)
	}
	if err := s.cfg.Ledger.NewEpoch(now, gap); err != nil {
		return err
	}
	chain := s.cfg.Ledger.Chain()
	if err := s.cfg.Chain.Restart(chain.Epoch); err != nil {
		return err
	}
	s.next = 0
	clear(s.uploads.copies)
	s.metrics.head(chain.Epoch, chain.Head)
	s.cfg.Events.Gap(gap)
	return fmt.Errorf("%w: %s", errNewEpoch, gap.Detail)
}
