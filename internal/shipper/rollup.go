package shipper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// rollupRetry is how long a rollup that could not be made waits.
const rollupRetry = 10 * time.Minute

// rollupWork is the name of its work directory.
const rollupWork = "rollup"

// roller makes the rollups of the days that are over. All that it knows is in the
// archive: a crash loses nothing, and the same records give the same bytes.
type roller struct {
	*workspace
	records *sealer
	uploads *uploader

	tree    int    // whose rollups were looked for
	done    int64  // the last record that is in one
	day     string // of the record after it; empty: not known
	until   time.Time
	failing bool
}

// roll makes the rollup of the oldest day that is over and has none. A failure is
// reported once and holds up nothing else.
func (s *roller) roll(ctx context.Context) error {
	now := time.Now()
	if now.Before(s.until) {
		return nil
	}
	err := s.rollDay(ctx, s.cfg.Chain.StoredHead())
	if ctx.Err() != nil || durable.IsFatal(err) {
		return err
	}
	if err != nil {
		s.until = now.Add(rollupRetry)
		if !s.failing {
			s.cfg.Events.File("the rollup of a day cannot be made: trying again", ledger.Entry{Name: s.day, Reason: err.Error()})
		}
	}
	s.failing = err != nil
	return nil
}

func (s *roller) rollDay(ctx context.Context, head manifest.Head) error {
	if s.tree != head.Tree {
		if err := s.find(ctx, head); err != nil {
			return err
		}
	}
	if head.Number <= s.done || s.day != "" && manifest.DayOf(head.Time) <= s.day {
		return nil
	}
	r, err := s.sumUp(ctx, head)
	if r == nil || err != nil {
		return err
	}
	return s.store(ctx, r)
}

// find looks for the last rollup of the tree that this node, or an earlier life of its
// state, has made.
func (s *roller) find(ctx context.Context, head manifest.Head) error {
	keys, err := s.cfg.Store.Rollups(ctx, head.Tree)
	done := int64(0)
	for i := len(keys) - 1; i >= 0 && err == nil && done == 0; i-- {
		done, err = s.lastOf(ctx, keys[i], head)
	}
	if err != nil {
		return fmt.Errorf("look for the last rollup: %w", err)
	}
	s.tree, s.done, s.day = head.Tree, done, ""
	return nil
}

// lastOf returns the last record of a rollup of the archive; 0 if it does not count.
func (s *roller) lastOf(ctx context.Context, key string, head manifest.Head) (int64, error) {
	if err := s.begin(rollupWork); err != nil {
		return 0, err
	}
	file := s.workFile(rollupWork, "found")
	err := s.fetch(ctx, key, file)
	if errors.Is(err, ErrTaken) || errors.Is(err, ErrUnreadable) {
		return 0, nil // damaged: that of another day counts
	}
	if err != nil {
		return 0, err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	treeOf := func(records int64) (manifest.Tree, error) { return s.cfg.Chain.KeptTree(head, records) }
	last, err := manifest.LastOf(data, treeOf, s.cfg.Key)
	return last, errors.Join(err, s.clear(rollupWork))
}

// sumUp makes the rollup of the records after the last one; nil if their day is not over.
func (s *roller) sumUp(ctx context.Context, head manifest.Head) (*manifest.Rollup, error) {
	before, err := s.cfg.Chain.KeptTree(head, s.done)
	if err != nil {
		return nil, err
	}
	r := manifest.NewRollup(s.cfg.Cluster, s.cfg.Node, head.Tree, before)
	for e, err := range s.cfg.Store.Records(ctx, head.Tree, s.done+1) {
		switch {
		case err != nil:
			return nil, fmt.Errorf("read the records of a day: %w", err)
		case e.Number > head.Number || e.Number > r.To+1:
			return nil, fmt.Errorf("read the records of a day: the archive has no record %d", r.To+1)
		case e.Number <= r.To || e.Err != nil:
			continue // a copy, or damaged, and a copy comes next
		}
		switch leaf, err := s.cfg.Chain.Leaf(e.Number); {
		case err != nil:
			return nil, err
		case e.Leaf != leaf:
			continue
		case r.Day != "" && manifest.DayOf(e.Time) > r.Day:
			return r, nil
		}
		r.Add(&e.Entry)
		if s.day = r.Day; manifest.DayOf(head.Time) <= s.day {
			return nil, nil //nolint:nilnil // the day of the first is not over
		}
	}
	if r.To < head.Number {
		return nil, fmt.Errorf("read the records of a day: the archive has no record %d", r.To+1)
	}
	return nil, nil //nolint:nilnil // the head is of the day, by a clock that was set back
}

// store stores both forms; with the JSON form the rollup is made.
func (s *roller) store(ctx context.Context, r *manifest.Rollup) error {
	key := s.cfg.Key
	if s.records.replaced {
		key = nil
	}
	asJSON, asParquet, err := r.Seal(key)
	if err == nil {
		err = s.begin(rollupWork)
	}
	if err != nil {
		return err
	}
	for _, form := range []struct {
		ext  string
		data []byte
	}{{"parquet", asParquet}, {"json", asJSON}} {
		file := s.workFile(rollupWork, form.ext)
		if err := s.cfg.FS.WriteFile(file, form.data, 0o600); err != nil {
			return err
		}
		at := s.cfg.Keys.Rollup(int(r.Tree), r.Day, form.ext)
		if _, err := s.uploads.put(ctx, "a rollup", at, file, int64(len(form.data)), manifest.Sum(form.data), nil); err != nil {
			return fmt.Errorf("archive the rollup of %s: %w", r.Day, err)
		}
	}
	s.done, s.day = r.To, ""
	return s.clear(rollupWork)
}
