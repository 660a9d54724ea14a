package shipper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/parquet"
)

func (s *Shipper) dir(id string) string            { return filepath.Join(s.work, id) }
func (s *Shipper) workFile(id, name string) string { return filepath.Join(s.dir(id), name) }

// convert makes the objects of a segment in its work directory, proves that
// the segment can be rebuilt from them, and writes them into the ledger.
func (s *Shipper) convert(ctx context.Context, e ledger.Entry) error {
	if err := s.begin(e.ID); err != nil {
		return err
	}
	seq, err := s.cfg.Ledger.Take(e.ID)
	if err != nil {
		return err
	}
	e.Seq = seq
	origin := s.origin(e)
	src, err := s.open(ctx, e)
	if err != nil {
		return s.refuse(e, err)
	}
	defer src.Close()
	content, err := s.content(ctx, e, src, src.size)
	if err != nil {
		return err
	}
	defer content.Close()
	result, err := parquet.Convert(ctx, content, content.size, parquet.Config{
		Dir:    s.dir(e.ID),
		Work:   s.dir(e.ID),
		Prefix: seenOf(e),
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
		if prefix, err = prefixSum(src, seenOf(e)); err != nil {
			return err
		}
	}
	return s.converted(e, content.describe(src.size, result, nuls), result, edited(e, src.size, prefix))
}

// origin is what the objects of a numbered segment are numbered by.
func (s *Shipper) origin(e ledger.Entry) ledger.Origin {
	if e.Origin != nil {
		return *e.Origin
	}
	return ledger.Origin{Epoch: s.cfg.Ledger.Epoch(), Seq: e.Seq}
}

// seenOf is how many bytes of a segment heartbeats have seen.
func seenOf(e ledger.Entry) int64 {
	if e.Read == nil {
		return 0
	}
	return e.Read.Size
}

// converted writes the objects into the ledger, with the gap that was found.
func (s *Shipper) converted(e ledger.Entry, source *ledger.Source, result parquet.Result, gap *ledger.Gap) error {
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
	if gap == nil {
		return s.cfg.Ledger.Advance(e.ID, ledger.Held, edit)
	}
	err := s.cfg.Ledger.AddGap(*gap, e.ID, func(e *ledger.Entry) error {
		if e.State != ledger.Held {
			return ledger.ErrStale
		}
		edit(e)
		e.Read = nil // it is told; a second conversion must not tell it again
		return nil
	})
	if err == nil {
		e.Reason = gap.Detail
		s.metrics.edited.Inc()
		s.cfg.NoteGap(*gap)
		s.cfg.Note("ALARM: the audit log was edited", e)
	}
	return err
}

// refuse quarantines a segment whose bytes cannot be had, ever; an error that
// may pass is returned.
func (s *Shipper) refuse(e ledger.Entry, err error) error {
	var bad *UnpackError
	if errors.As(err, &bad) || errors.Is(err, parquet.ErrLineTooLong) || errors.Is(err, parquet.ErrTooManyLines) {
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
