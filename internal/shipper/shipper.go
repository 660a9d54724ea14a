package shipper

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/grafana/dskit/backoff"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/auditsidecar/auditsidecar/internal/durable"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// DirName is the directory of unfinished work in the state directory.
const DirName = "work"

// Store is the archive as the shipper needs it.
type Store interface {
	// Put stores a finished file under a key and returns nil only when the
	// key is confirmed to hold its size and SHA-256 (hex). Storing the same
	// bytes again is success; other bytes are never replaced, and never
	// success: [ErrTaken], [ErrUnreadable].
	Put(ctx context.Context, key, file string, size int64, sha256 string) error
	// Find returns the files of this log, of all epochs, that were rotated at
	// a time; with about, those that were rotated next before and after it.
	// Where the archive may not be listed it returns none.
	Find(ctx context.Context, rotated time.Time, about bool) ([]Found, error)
	// Fetch writes the object under a key to a new file.
	Fetch(ctx context.Context, key, file string) error
}

// Found is a file that the archive has objects of.
type Found struct {
	// Record is the file's; nil where the archive has none.
	Record *manifest.Record
	// Meta is what one of the objects says, where there is no record.
	Meta parquet.ObjectMeta
}

// Config is what a Shipper needs.
type Config struct {
	// StateDir is the state directory.
	StateDir string
	// HeldPath says where the bytes of a segment are.
	HeldPath func(id string) string
	// Cluster and Node name the log in the rows.
	Cluster, Node string
	// Version of the converter, for the objects' metadata.
	Version string
	// FS makes directories durable.
	FS durable.FS
	// Ledger has the segments.
	Ledger *ledger.Ledger
	// Chain seals the records.
	Chain *manifest.Chain
	// DataKey is the key of the object with the rows of one UTC day, as
	// 2006-01-02, of a segment.
	DataKey func(day string, rotated time.Time, of ledger.Origin) string
	// OpenKey is the key of the increment with the bytes [from, to) of a
	// segment that is still being written.
	OpenKey func(seq, from, to int64) string
	// NextKey is the key for a copy of an object whose key holds something else.
	NextKey func(key string) string
	// MaxLag is how long a complete line of the open file may be without a
	// copy in the archive; 0 leaves it to the rotation.
	MaxLag time.Duration
	// Redact says what is replaced in the archive; nil archives what was read.
	Redact *Redaction
	// Blind is what stands for a SHA-256 (hex, as the result) that must not be
	// told, because the archive is redacted or was; nil where it never is.
	Blind func(sha256 string) string
	// Heartbeat is the longest time without a record; 0: no heartbeats.
	Heartbeat time.Duration
	// Ask asks kube-apiserver for its counters, in bounded time; nil: nobody
	// does. It tells of its errors itself.
	Ask func(ctx context.Context) (Counters, error)
	// Key is the key that Chain signs with; nil where it does not.
	Key *manifest.SigningKey
	// NoteHead hears of each record that the archive has confirmed; it is the
	// head of the chain then.
	NoteHead func(ledger.Head)
	// RecordKey is the key of a record of the chain.
	RecordKey func(epoch string, seq int64) string
	// Store takes the objects.
	Store Store
	// Poke wakes the loop; a pass is made every Interval without it.
	Poke <-chan struct{}
	// Interval is the longest time between two passes.
	Interval time.Duration
	// Released hears that a segment was retired.
	Released func()
	// Observe hears how each pass ended.
	Observe func(error)
	// Note hears what an operator should know of a single segment.
	Note func(event string, e ledger.Entry)
	// NoteGap hears of each break that is found in the bytes of a file.
	NoteGap func(ledger.Gap)
	// Registry takes the metrics.
	Registry prometheus.Registerer
}

// Shipper archives finished segments.
type Shipper struct {
	cfg     Config
	work    string
	metrics *metrics
	seen    firstSeen
	copies  map[string]*copies // by the first key
	waiting map[string]bool    // the finished files that waited at the last pass, by ID
	most    int64              // bytes of an increment
}

// New prepares the work directory.
func New(cfg Config) (*Shipper, error) {
	s := &Shipper{cfg: cfg, work: filepath.Join(cfg.StateDir, DirName), metrics: newMetrics(cfg.Registry), copies: map[string]*copies{}, most: maxIncrement}
	if err := cfg.FS.MkdirPrivate(s.work); err != nil {
		return nil, fmt.Errorf("make the work directory: %w", err)
	}
	s.metrics.pending(cfg.Ledger.Entries())
	s.metrics.head(cfg.Ledger.Epoch(), cfg.Ledger.Head())
	return s, nil
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
		s.cfg.Observe(err)
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

// Sync archives what the chain has sealed, the gaps, and every finished
// segment, oldest first, then an increment of the open file if one is due. It
// returns at the first that the disk or the archive refuses.
func (s *Shipper) Sync(ctx context.Context) error {
	defer func() { s.metrics.pending(s.cfg.Ledger.Entries()) }()
	for _, step := range []func(context.Context) error{s.examine, s.announce, s.heartbeat, s.sealNotices, s.sweep, s.storeLeftovers, s.flush, s.sealGaps, s.reconcile} {
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
	if err := s.sealGaps(ctx); err != nil { // of what was found on the way
		return err
	}
	return s.shipOpen(ctx)
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
			return s.sealGaps(ctx) // of one that was quarantined just now
		}
		if errors.Is(err, ledger.ErrStale) {
			continue // it was given up meanwhile
		}
		if err != nil {
			return err
		}
	}
}

// store sends the objects of a converted segment, then its record, which names
// the keys that hold them. If a work file is gone or changed the conversion is done again.
func (s *Shipper) store(ctx context.Context, e ledger.Entry) error {
	for i, o := range e.Objects {
		key, err := s.put(ctx, e.Name, o.Key, s.workFile(e.ID, o.Work), o.Size, o.SHA256, func(key string) (bool, error) {
			return s.adopt(ctx, e, i, key)
		})
		if errors.Is(err, ErrWorkGone) {
			e.Reason = err.Error()
			s.cfg.Note("a converted object was lost or damaged before it was stored: converting the file again", e)
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
	return s.seal(ctx, e)
}

// retire releases the archive's claim. A file that grew after its conversion
// had a writer although its name said that it was finished: it is kept, for
// somebody to look at, and never retired.
func (s *Shipper) retire(e ledger.Entry) error {
	if grown, err := s.grown(e); err != nil {
		return err
	} else if grown {
		return s.quarantine(e, ledger.Stored, errors.New("it grew after it was archived: somebody still writes to it; what came later is only in the held file"))
	}
	if err := s.clear(e.ID); err != nil {
		return err
	}
	if err := s.cfg.Ledger.Advance(e.ID, ledger.Stored, func(e *ledger.Entry) { e.State = ledger.Retired }); err != nil {
		return err
	}
	s.metrics.archived(e)
	s.cfg.Note("archived", e)
	s.cfg.Released()
	return nil
}

// quarantine keeps a segment held, with the reason, and records it as a gap.
// Before it was stored, the gap takes the segment's number in the chain.
func (s *Shipper) quarantine(e ledger.Entry, from ledger.State, reason error) error {
	gap := ledger.Gap{
		Reason: string(manifest.ReasonQuarantined), File: e.Name, From: e.Born, To: e.Rotated, Bytes: e.Seen, Detail: reason.Error(),
	}
	if from == ledger.Held {
		gap.Seq = e.Seq
	}
	if e.Gzip { // it was created by who compressed it, and its size says nothing of its content
		gap.From, gap.Bytes = time.Time{}, -1
	}
	err := s.cfg.Ledger.AddGap(gap, e.ID, func(e *ledger.Entry) error {
		if e.State != from {
			return ledger.ErrStale
		}
		e.State, e.Reason = ledger.Quarantined, reason.Error()
		return nil
	})
	if err != nil {
		return err
	}
	e.Reason = reason.Error()
	s.cfg.NoteGap(gap)
	s.cfg.Note("quarantined: it cannot be archived as it is and stays held", e)
	return s.clear(e.ID)
}
