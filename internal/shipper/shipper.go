package shipper

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/grafana/dskit/backoff"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// Shipper archives finished segments.
type Shipper struct {
	*workspace
	evidence   *examiner
	records    *sealer
	pulse      *heart
	uploads    *uploader
	increments *opener
	earlier    *reconciler
	adoption   *adopter
	refused    *quarantiner
	rollups    *roller
}

// New prepares the work directory.
func New(cfg Config) (*Shipper, error) {
	w := &workspace{cfg: cfg, root: filepath.Join(cfg.StateDir, DirName), metrics: newMetrics(cfg.Registry)}
	if err := cfg.FS.MkdirPrivate(w.root); err != nil {
		return nil, fmt.Errorf("make the work directory: %w", err)
	}
	w.metrics.pending(cfg.Ledger.Entries())
	chain := cfg.Ledger.Chain()
	w.showHead(chain.Head)
	uploads := &uploader{workspace: w, copies: map[string]*copies{}}
	evidence := &examiner{workspace: w}
	refused := &quarantiner{w}
	records := &sealer{workspace: w, uploads: uploads}
	return &Shipper{
		workspace: w, evidence: evidence, records: records, rollups: &roller{workspace: w, records: records, uploads: uploads}, pulse: &heart{workspace: w}, uploads: uploads,
		increments: &opener{workspace: w, evidence: evidence, uploads: uploads, most: maxIncrement},
		earlier:    &reconciler{w, refused, map[string]bool{}}, adoption: &adopter{w}, refused: refused,
	}, nil
}

// Run makes passes until ctx is done, slower and slower while they fail. It
// returns nil then, and an error only when the disk lost writes.
func (s *Shipper) Run(ctx context.Context) error {
	retry := backoff.New(ctx, backoff.Config{MinBackoff: time.Second, MaxBackoff: time.Minute})
	tick := time.NewTicker(s.interval())
	defer tick.Stop()
	for {
		err := s.Sync(ctx)
		if ctx.Err() != nil {
			return nil
		}
		s.cfg.Events.Pass(err)
		if durable.IsFatal(err) {
			return err
		}
		if err != nil {
			retry.Wait()
			continue
		}
		retry.Reset()
		select {
		case <-ctx.Done():
			return nil
		case <-s.cfg.Poke:
		case <-tick.C:
		}
	}
}

// Sync archives the sealed records, the gaps, and every finished
// segment, oldest first, then an increment of the open file if one is due. It
// returns at the first that the disk or the archive refuses.
func (s *Shipper) Sync(ctx context.Context) error {
	err := s.pass(ctx)
	if errors.Is(err, errNewEpoch) {
		err = s.pass(ctx)
	}
	return err
}

func (s *Shipper) pass(ctx context.Context) error {
	defer func() { s.metrics.pending(s.cfg.Ledger.Entries()) }()
	for _, step := range []func(context.Context) error{s.evidence.examine, s.pulse.describe, s.pulse.heartbeat, s.records.join, s.records.announce, s.records.sealNotices, s.sweep, s.records.lookAhead, s.records.storeLeftovers, s.records.flush, s.earlier.reconcile, s.records.sealGaps} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	for _, e := range s.cfg.Ledger.Entries() {
		if !e.Finished {
			break // numbers follow the rotation
		}
		if err := s.ship(ctx, e.ID); err != nil {
			return err
		}
	}
	if err := s.records.sealGaps(ctx); err != nil { // found on the way
		return err
	}
	if err := s.increments.shipOpen(ctx); err != nil {
		return err
	}
	if err := s.rollups.roll(ctx); err != nil {
		return err
	}
	return s.probe(ctx)
}

// probeAfter is how long an archive may take nothing before it is asked.
const probeAfter = 5 * time.Minute

// probe fails if the archive has not answered of late and does not now.
func (s *Shipper) probe(ctx context.Context) error {
	if time.Since(s.answered) < probeAfter {
		return nil
	}
	if _, err := s.cfg.Store.Tree(ctx); err != nil && !errors.Is(err, ErrUnlisted) {
		return fmt.Errorf("ask whether the archive is there: %w", err)
	}
	s.answered = time.Now()
	return nil
}

// ship takes one segment as far as it goes.
func (s *Shipper) ship(ctx context.Context, id string) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		e, ok := s.cfg.Ledger.Get(id)
		if !ok {
			return nil
		}
		s.metrics.pending(s.cfg.Ledger.Entries())
		var err error
		switch e.State {
		case ledger.Held:
			err = s.convert(ctx, e)
		case ledger.Converted:
			err = s.store(ctx, e)
		case ledger.Stored:
			err = s.retire(e)
		default:
			return s.records.sealGaps(ctx) // of one that was quarantined just now
		}
		if errors.Is(err, ledger.ErrStale) {
			continue // it was given up meanwhile
		}
		if err != nil {
			return err
		}
	}
}

// convert makes the objects of a segment in its work directory, proves that
// the segment can be rebuilt from them, and writes them into the ledger.
func (s *Shipper) convert(ctx context.Context, e ledger.Entry) error {
	if cut, err := s.evidence.cutOff(e); cut || err != nil {
		return err // begin again with the rest
	}
	if asked, err := s.earlier.late(ctx, e); asked || err != nil {
		return err // begin again with the archived objects
	}
	if err := s.begin(e.ID); err != nil {
		return err
	}
	src, err := s.open(ctx, e)
	if err != nil {
		return s.refused.refuse(e, err)
	}
	defer src.Close()
	if done, err := s.sameAsBefore(ctx, e, src); done || err != nil {
		return err
	}
	if !e.Gzip && src.from+src.size < e.Least() {
		return nil // it was cut just now
	}
	if e.Gzip && src.from == 0 && s.evidence.emptied(e, src.size) {
		return s.evidence.recordGap(e, e.Empty(time.Now()), e.Seen, e.Mark, false)
	}
	// Not before it is certain that the number gets a record.
	if e.Seq, err = s.cfg.Ledger.Take(e.ID); err != nil {
		return err
	}
	origin := s.origin(e)
	knownBytes, knownSum := known(e)
	if src.from > 0 {
		knownBytes = 0
	}
	content, err := s.content(ctx, e, src, src.size)
	if err != nil {
		return err
	}
	defer content.Close()
	result, err := parquet.Convert(ctx, content, content.size, parquet.Config{
		Dir:    s.dir(e.ID),
		Work:   s.dir(e.ID),
		Prefix: knownBytes,
		Root:   true,
		Meta: parquet.Meta{
			Cluster: s.cfg.Cluster, Node: s.cfg.Node, Epoch: origin.Epoch, Seq: origin.Seq,
			SourceName: e.Name, Rotated: e.Rotated, Converter: s.cfg.Version,
		},
	})
	if err != nil {
		return s.refused.refuse(e, fmt.Errorf("convert %s: %w", e.Name, err))
	}
	if err := parquet.Check(ctx, result); err != nil {
		return fmt.Errorf("check the objects of %s: %w", e.Name, err)
	}
	var nuls int64
	// If every line is an event, skip the search.
	if content.copy != nil || result.Salvaged+result.Undecodable > 0 {
		if nuls, err = countNULs(ctx, src, src.size); err != nil {
			return err
		}
	}
	if err := s.clearFile(s.workFile(e.ID, redactedName)); err != nil {
		return err
	}
	prefix := hex.EncodeToString(result.PrefixSHA256[:])
	if content.copy != nil { // it was computed of the copy
		if prefix, err = sumOf(ctx, src, knownBytes); err != nil {
			return err
		}
	}
	if knownBytes > 0 && prefix != knownSum {
		// Its objects would supersede the increments of other bytes: convert it once more.
		return s.evidence.recordCut(e, &growing{src.File, src.size}, e.Edited(knownBytes, time.Now()), true)
	}
	source := content.describe(src.size, result, nuls)
	source.From, source.Damage = src.from, damageOf(e, src.damage, source)
	return s.converted(e, source, result)
}

// converted writes the objects into the ledger.
func (s *Shipper) converted(e ledger.Entry, source *ledger.Source, result parquet.Result) error {
	objects := make([]ledger.Object, len(result.Objects))
	for i, o := range result.Objects {
		objects[i] = ledger.Object{
			Key:  s.cfg.Keys.Data(o.Day, e.Rotated, s.origin(e)),
			Work: filepath.Base(o.Path), Size: o.Size, SHA256: o.SHA256, Rows: o.Rows,
		}
	}
	if err := s.cfg.FS.SyncDir(s.dir(e.ID)); err != nil {
		return err
	}
	edit := func(e *ledger.Entry) { e.State, e.Source, e.Objects = ledger.Converted, source, objects }
	if source.NULs > 0 {
		s.cfg.Events.Gap(nulHole(e, source))
	}
	if source.Damage != nil {
		s.cfg.Events.Gap(*source.Damage)
	}
	return s.cfg.Ledger.Advance(e.ID, ledger.Held, edit)
}

// store sends the objects of a converted segment, then its record, which names
// the keys that hold them. If a work file is gone or changed the conversion is done again.
func (s *Shipper) store(ctx context.Context, e ledger.Entry) error {
	for i, o := range e.Objects {
		key, err := s.uploads.put(ctx, e.Name, o.Key, s.workFile(e.ID, o.Work), o.Size, o.SHA256, func(key string) (bool, error) {
			return s.adoption.adopt(ctx, e, i, key)
		})
		if errors.Is(err, ErrWorkGone) {
			e.Reason = err.Error()
			s.cfg.Events.File("a converted object was lost or damaged before it was stored: converting the file again", e)
			return s.cfg.Ledger.Advance(e.ID, ledger.Converted, func(e *ledger.Entry) {
				e.State, e.Source, e.Objects = ledger.Held, nil, nil
			})
		}
		if err == nil && key != o.Key {
			err = s.cfg.Ledger.Advance(e.ID, ledger.Converted, func(e *ledger.Entry) { e.Objects[i].Key = key })
		}
		if err != nil {
			return fmt.Errorf("archive %s: %w", e.Name, err)
		}
	}
	if now, ok := s.cfg.Ledger.Get(e.ID); ok {
		e = now // with the objects that were adopted, and the copies
	}
	return s.records.seal(ctx, e)
}

// retire releases the archive's claim. A file that grew after its conversion
// had a writer although its name said that it was finished: it is kept, for
// a person to examine, and never retired.
func (s *Shipper) retire(e ledger.Entry) error {
	if grown, err := s.grown(e); err != nil {
		return err
	} else if grown {
		return s.refused.quarantine(e, ledger.Stored, errors.New("it grew after it was archived, so a process still writes to it; the later bytes are only in the held file"))
	}
	if err := s.clear(e.ID); err != nil {
		return err
	}
	if err := s.cfg.Ledger.Advance(e.ID, ledger.Stored, func(e *ledger.Entry) { e.State = ledger.Retired }); err != nil {
		return err
	}
	s.metrics.archived(e)
	s.cfg.Events.File("archived", e)
	s.cfg.Held.Wake()
	return nil
}
