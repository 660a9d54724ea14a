package shipper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// maxIncrement bounds the bytes of one increment, and with them the work of
// one pass: the open file may have grown without a rotation for days.
const maxIncrement = 64 << 20

// many is how many bytes wait for a quarter of Config.MaxLag only: of a quiet log, increments are
// fewer and larger, as each costs a request and some 10 KB whatever it holds.
const many = 256 << 10

// minInterval bounds how often the loop looks for a line that is due.
const minInterval = time.Second

// interval is the time between two passes: the last line of the open file may
// wait for its increment, and a heartbeat be late, by so much.
func (s *Shipper) interval() time.Duration {
	interval := s.cfg.Interval
	for _, due := range []time.Duration{s.cfg.MaxLag, s.cfg.Heartbeat} {
		if due > 0 {
			interval = min(interval, max(due/4, minInterval))
		}
	}
	return interval
}

// opener stores increments of the open file.
type opener struct {
	*workspace
	evidence *examiner
	uploads  *uploader
	most     int64 // bytes of an increment
}

// shipOpen stores the lines that the open file has gained, as an increment, if
// the oldest of them is old enough. One pass stores at most one.
func (s *opener) shipOpen(ctx context.Context) error {
	e, ok := s.openEntry()
	s.metrics.opened(e)
	if !ok || s.cfg.MaxLag == 0 {
		return nil
	}
	err := s.shipIncrement(ctx, e)
	if errors.Is(err, ledger.ErrStale) {
		return nil // it was given up meanwhile
	}
	if err != nil {
		return fmt.Errorf("archive an increment of %s: %w", e.Name, err)
	}
	return nil
}

func (s *opener) shipIncrement(ctx context.Context, e ledger.Entry) error {
	if !decided(e) {
		if err := s.cut(ctx, e); err != nil {
			return err
		}
		var ok bool
		if e, ok = s.cfg.Ledger.Get(e.ID); !ok || !decided(e) {
			return nil // nothing is due
		}
	}
	return s.storeNext(ctx, e)
}

// decided says whether the next increment waits in the work directory.
func decided(e ledger.Entry) bool {
	return e.Open != nil && e.Open.Next != nil && e.Open.Next.Key != ""
}

// openEntry is the oldest segment that is still being written. Later ones
// wait for it, and it waits for those before it, so that numbers follow the
// rotation.
func (s *opener) openEntry() (ledger.Entry, bool) {
	for _, e := range s.cfg.Ledger.Entries() {
		if !e.Finished {
			return e, e.State == ledger.Held && !e.Gzip
		}
		if e.State == ledger.Held && e.Seq == 0 {
			break // it was rotated since this pass began
		}
	}
	return ledger.Entry{}, false
}

// storeNext stores the increment that the ledger has decided on.
func (s *opener) storeNext(ctx context.Context, e ledger.Entry) error {
	next := *e.Open.Next
	_, err := s.uploads.put(ctx, e.Name, next.Key, s.workFile(e.ID, next.Work), next.Size, next.SHA256, func(key string) (bool, error) {
		return s.sameIncrement(ctx, e, key)
	})
	if errors.Is(err, ErrWorkGone) {
		// The archive may have it: the next pass makes the same again, so that no two overlap.
		open := openOf(e)
		next.Object = ledger.Object{}
		open.Next = &next
		return s.advanceOpen(e, &open, nil)
	}
	if err != nil {
		return err
	}
	if err := s.advanceOpen(e, next.Done(), nil); err != nil {
		return err
	}
	s.metrics.increments.Inc()
	s.metrics.openBytes.Set(float64(next.Offset))
	return s.clear(e.ID)
}

// sameIncrement says whether the object under a key holds the lines of the next
// increment: it was stored before the work file was lost and made again by
// another version of the converter.
func (s *opener) sameIncrement(ctx context.Context, e ledger.Entry, key string) (bool, error) {
	theirs := s.workFile(e.ID, "adopted")
	if err := s.fetch(ctx, key, theirs); err != nil {
		return false, err
	}
	var found [2]parquet.ObjectMeta
	for i, path := range []string{s.workFile(e.ID, e.Open.Next.Work), theirs} {
		f, err := openSource(path)
		if err != nil {
			return false, err
		}
		defer f.Close()
		in := parquet.Input{Name: path, ReaderAt: f, Size: f.size}
		if found[i], err = parquet.ReadMeta(in, in.Size); err == nil {
			err = parquet.RestoreIn(ctx, s.dir(e.ID), []parquet.Input{in}, io.Discard)
		}
		if err != nil {
			return false, passing(ctx, err)
		}
	}
	if found[0].Converter == found[1].Converter {
		return false, nil // one version makes the same bytes: it was damaged
	}
	for i := range found {
		found[i].Converter, found[i].Rows, found[i].Days = "", 0, nil
	}
	return reflect.DeepEqual(found[0], found[1]), nil
}

// cut makes the next increment, if one is due, proves that its lines can be
// rebuilt from it, and writes it into the ledger.
func (s *opener) cut(ctx context.Context, e ledger.Entry) error {
	src, err := s.openGrowing(e)
	if src == nil || err != nil {
		return err
	}
	defer src.Close()
	open := openOf(e)
	if open.Next == nil || open.Next.Offset > src.size { // which is a cut, though it may not be known
		if open.Next, err = s.due(e, src); open.Next == nil || err != nil {
			return err
		}
	}
	if gap, apart, err := s.evidence.lack(e, src); err != nil {
		return err
	} else if gap != nil {
		return s.evidence.recordCut(e, src, *gap, apart)
	}
	end := open.Next.Offset
	if open.Next.Before, err = src.before(end); err != nil {
		return err
	}
	if err := s.convertPart(ctx, e, src, open); err != nil {
		return err
	}
	// The bytes of increments are known by their hash, too.
	read := e.Read
	if read == nil || read.Size < end {
		if read, err = readOn(ctx, &growing{src.File, end}, read); err != nil {
			return err
		}
	}
	return s.advanceOpen(e, &open, read)
}

// due decides where the next increment ends; nil if no line has waited for long enough.
func (s *opener) due(e ledger.Entry, src *growing) (*ledger.Increment, error) {
	from, since, now := openOf(e).Offset, since(e), time.Now().UTC()
	end, capped, err := src.lastLine(from, s.most)
	lag := s.cfg.MaxLag
	if end-from >= many {
		lag /= 4
	}
	if age := now.Sub(since); err != nil || end <= from || age >= 0 && age < lag {
		return nil, err
	}
	next := &ledger.Increment{Offset: end, At: now}
	if next.Day, next.Offset, err = src.oneDay(from, end, since, now); err != nil {
		return nil, err
	}
	switch { // more may be due already
	case next.Offset < end:
		next.At = next.Day.Add(day)
	case capped:
		next.At = since
	}
	return next, nil
}

// advanceOpen notes how far the archive has an open segment, unless it was cut meanwhile, and how far
// it was read.
func (s *opener) advanceOpen(e ledger.Entry, open *ledger.Increments, read *ledger.Reading) error {
	stale := false
	err := s.cfg.Ledger.Advance(e.ID, ledger.Held, func(now *ledger.Entry) {
		if stale = now.Cuts != e.Cuts; stale {
			return
		}
		if now.Open = open; read != nil {
			now.Read = read
		}
	})
	if err == nil && stale {
		err = ledger.ErrStale
	}
	return err
}

// convertPart makes the object of the next increment, in the work directory, and
// completes its description.
func (s *opener) convertPart(ctx context.Context, e ledger.Entry, src io.ReaderAt, open ledger.Increments) error {
	next := open.Next
	if err := s.begin(e.ID); err != nil {
		return err
	}
	seq, err := s.cfg.Ledger.Take(e.ID)
	if err != nil {
		return err
	}
	size := next.Offset - open.Offset
	content, err := s.content(ctx, e, io.NewSectionReader(src, open.Offset, size), size)
	if err != nil {
		return err
	}
	defer content.Close()
	result, err := parquet.Convert(ctx, content, content.size, parquet.Config{
		File: s.workFile(e.ID, incrementName),
		Work: s.dir(e.ID),
		Meta: parquet.Meta{
			Cluster: s.cfg.Cluster, Node: s.cfg.Node, Epoch: s.cfg.Ledger.Chain().Epoch, Seq: seq,
			SourceName: e.Name, Converter: s.cfg.Version,
			Increment: parquet.Increment{From: open.Offset + open.Shift, FirstLine: open.Line + 1},
		},
	})
	if err != nil {
		return err
	}
	if err := parquet.Check(ctx, result); err != nil {
		return err
	}
	if err := s.clearFile(s.workFile(e.ID, redactedName)); err != nil {
		return err
	}
	o := result.Objects[0]
	next.Line, next.Shift = open.Line+result.Lines, open.Shift+content.size-size
	next.Object = ledger.Object{
		Key: s.cfg.Keys.Open(next.Day.Format(time.DateOnly), ledger.Origin{Epoch: s.cfg.Ledger.Chain().Epoch, Seq: seq}, open.Offset+open.Shift, next.Offset+next.Shift), Work: incrementName, Size: o.Size, SHA256: o.SHA256, Rows: o.Rows,
	}
	return nil
}

// incrementName is the name of an increment's work file.
const incrementName = "increment.parquet"

// openOf lists the objects that the archive has of an open segment.
func openOf(e ledger.Entry) ledger.Increments {
	if e.Open == nil {
		return ledger.Increments{}
	}
	return *e.Open
}

// since is when the oldest line without a copy may have been written. Where
// the archive has nothing of the file and its creation time is unknown,
// that is its last write when it was first seen.
func since(e ledger.Entry) time.Time {
	switch {
	case e.Open != nil && !e.Open.At.IsZero():
		return e.Open.At
	case !e.Born.IsZero():
		return e.Born
	}
	return e.Wrote
}
