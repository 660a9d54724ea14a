package shipper

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// adopter takes objects of an earlier version of the converter.
type adopter struct{ *workspace }

// adopt takes the object under a segment's key in place of the work file: an
// earlier version of the converter made it, the process died before the ledger
// had it, and this version makes other bytes of the same source. It returns
// false unless the source can be rebuilt from it, byte for byte: then it is
// damaged or foreign.
func (s *adopter) adopt(ctx context.Context, e ledger.Entry, i int, key string) (bool, error) {
	theirs := s.workFile(e.ID, "adopted")
	if err := s.fetch(ctx, key, theirs); err != nil {
		return false, err
	}
	o := e.Objects[i]
	size, sum, rows, err := s.proveAdopted(ctx, e, i, theirs)
	if err != nil {
		return false, passing(ctx, err)
	}
	if err := s.cfg.FS.SyncFile(theirs); err != nil {
		return false, err
	}
	if err := s.cfg.FS.Rename(theirs, s.workFile(e.ID, o.Work)); err != nil {
		return false, err
	}
	s.cfg.Events.File("took the object that the archive has from an earlier attempt", e)
	return true, s.cfg.Ledger.Advance(e.ID, ledger.Converted, func(e *ledger.Entry) {
		e.Objects[i].Size, e.Objects[i].SHA256, e.Objects[i].Rows = size, sum, rows
	})
}

// passing returns an error that says nothing about an object: the disk's or the
// context's.
func passing(ctx context.Context, err error) error {
	var disk *fs.PathError
	if ctx.Err() != nil || errors.As(err, &disk) {
		return err
	}
	return nil
}

// proveAdopted rebuilds the source from the segment's work files with theirs
// in place of one, and compares it with the converted one.
func (s *adopter) proveAdopted(ctx context.Context, e ledger.Entry, i int, theirs string) (size int64, sum string, rows int64, err error) {
	var inputs []parquet.Input
	for j, o := range e.Objects {
		path := s.workFile(e.ID, o.Work)
		if j == i {
			path = theirs
		}
		f, err := openSource(path)
		if err != nil {
			return 0, "", 0, err
		}
		defer f.Close()
		inputs = append(inputs, parquet.Input{Name: path, ReaderAt: f, Size: f.size})
	}
	meta, err := parquet.ReadMeta(inputs[i], inputs[i].Size)
	if err != nil {
		return 0, "", 0, err
	}
	if meta.Converter == s.cfg.Version {
		return 0, "", 0, errors.New("this version makes other bytes of the source: it was damaged")
	}
	if s.origin(e) != (ledger.Origin{Epoch: meta.Epoch, Seq: meta.Seq}) || hex.EncodeToString(meta.SourceSHA256[:]) != e.Source.Stored().SHA256 {
		return 0, "", 0, fmt.Errorf("it says epoch %s, number %d, source %x", meta.Epoch, meta.Seq, meta.SourceSHA256)
	}
	source := sha256.New()
	if err := parquet.RestoreIn(ctx, s.dir(e.ID), inputs, source); err != nil {
		return 0, "", 0, err
	}
	if got := hex.EncodeToString(source.Sum(nil)); got != e.Source.Stored().SHA256 {
		return 0, "", 0, fmt.Errorf("the source rebuilt from it has SHA-256 %s, not %s", got, e.Source.Stored().SHA256)
	}
	own := sha256.New()
	if _, err := io.Copy(own, io.NewSectionReader(inputs[i], 0, inputs[i].Size)); err != nil {
		return 0, "", 0, fmt.Errorf("hash it: %w", err)
	}
	return inputs[i].Size, hex.EncodeToString(own.Sum(nil)), meta.Rows, nil
}
