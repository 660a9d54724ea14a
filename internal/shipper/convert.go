package shipper

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/parquet"
)

func (s *Shipper) dir(id string) string            { return filepath.Join(s.work, id) }
func (s *Shipper) workFile(id, name string) string { return filepath.Join(s.dir(id), name) }

// convert makes the objects of a segment in its work directory, proves that
// the segment can be rebuilt from them, and writes them into the ledger.
func (s *Shipper) convert(ctx context.Context, e ledger.Entry) error {
	if cut, err := s.cutOff(e); cut || err != nil {
		return err // begin again with what is left
	}
	if err := s.begin(e.ID); err != nil {
		return err
	}
	src, err := s.open(ctx, e)
	if err != nil {
		return s.refuse(e, err)
	}
	defer src.Close()
	if done, err := s.sameAsBefore(ctx, e, src); done || err != nil {
		return err
	}
	if !e.Gzip && src.size < e.Least() {
		return nil // it was cut just now
	}
	if e.Gzip && src.from == 0 && s.emptied(e, src.size) {
		return s.recordGap(e, e.Empty(time.Now()), e.Seen, e.Mark, false)
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
		return s.refuse(e, fmt.Errorf("convert %s: %w", e.Name, err))
	}
	if err := parquet.Check(ctx, result); err != nil {
		return fmt.Errorf("check the objects of %s: %w", e.Name, err)
	}
	var nuls int64
	// Where every line is an event there are none, and no need to look.
	if content.copy != nil || result.Salvaged+result.Undecodable > 0 {
		if nuls, err = countNULs(ctx, src, src.size); err != nil {
			return err
		}
	}
	if err := s.clearFile(s.workFile(e.ID, redactedName)); err != nil {
		return err
	}
	prefix := result.PrefixSHA256
	if content.copy != nil { // it was computed of the copy
		if prefix, err = prefixSum(src, knownBytes); err != nil {
			return err
		}
	}
	if knownBytes > 0 && hex.EncodeToString(prefix[:]) != knownSum {
		// Its objects would supersede the increments of other bytes: convert it once more.
		return s.recordCut(e, &growing{src.File, src.size}, e.Edited(knownBytes, time.Now()), true)
	}
	source := content.describe(src.size, result, nuls)
	source.Damage = damageOf(e, src.damage, source)
	return s.converted(e, source, result)
}

// origin is what the objects of a numbered segment are numbered by.
func (s *Shipper) origin(e ledger.Entry) ledger.Origin {
	if e.Origin != nil {
		return *e.Origin
	}
	return ledger.Origin{Epoch: s.cfg.Ledger.Epoch(), Seq: e.Seq}
}

// converted writes the objects into the ledger.
func (s *Shipper) converted(e ledger.Entry, source *ledger.Source, result parquet.Result) error {
	objects := make([]ledger.Object, len(result.Objects))
	for i, o := range result.Objects {
		objects[i] = ledger.Object{
			Key:  s.cfg.DataKey(o.Day, e.Rotated, s.origin(e)),
			Work: filepath.Base(o.Path), Size: o.Size, SHA256: o.SHA256, Rows: o.Rows,
		}
	}
	if err := s.cfg.FS.SyncDir(s.dir(e.ID)); err != nil {
		return err
	}
	edit := func(e *ledger.Entry) { e.State, e.Source, e.Objects = ledger.Converted, source, objects }
	if source.NULs > 0 {
		s.cfg.NoteGap(nulHole(e, source))
	}
	if source.Damage != nil {
		s.cfg.NoteGap(*source.Damage)
	}
	return s.cfg.Ledger.Advance(e.ID, ledger.Held, edit)
}

// refuse quarantines a segment whose bytes cannot be had, ever; an error that
// may pass is returned.
func (s *Shipper) refuse(e ledger.Entry, err error) error {
	var bad *UnpackError
	if errors.As(err, &bad) && e.Before != nil {
		return s.leave(e, e.Before)
	}
	if bad != nil || errors.Is(err, parquet.ErrLineTooLong) || errors.Is(err, parquet.ErrTooManyLines) {
		return s.quarantine(e, ledger.Held, err)
	}
	return err
}

// begin empties the work directory of a segment.
func (s *Shipper) begin(id string) error {
	if err := s.clear(id); err != nil {
		return err
	}
	if err := s.cfg.FS.MkdirAll(s.dir(id), 0o700); err != nil {
		return fmt.Errorf("make a work directory: %w", err)
	}
	return nil
}

func (s *Shipper) clear(id string) error {
	if err := os.RemoveAll(s.dir(id)); err != nil {
		return fmt.Errorf("remove finished work: %w", err)
	}
	return nil
}
