package sidecar

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/ledger"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
	"github.com/auditsidecar/auditsidecar/internal/shipper"
)

// store is the archive as the shipper sees it: it knows whose log it is and
// sends finished work files.
type store struct {
	bucket   *archive.Bucket
	identity config.Identity
	success  prometheus.Gauge // when something was stored
	alive    func()           // is called while an upload makes progress
	log      zerolog.Logger
	tried    atomic.Bool   // whether the store replaces objects
	listed   []archive.Key // of the records, since an epoch asked for the tree; nil: not listed
}

// body is the uploaded content. The store reads it as fast as the line takes it.
type body struct {
	io.ReaderAt
	alive func()
}

// ReadAt reads from the body.
func (b body) ReadAt(p []byte, off int64) (int, error) {
	b.alive()
	return b.ReaderAt.ReadAt(p, off)
}

// Data implements [shipper.Keys].
func (s *store) Data(day string, rotated time.Time, of ledger.Origin) string {
	return archive.DataKey(s.identity.Cluster, day, rotated.UTC().Format(archive.RotatedLayout), s.identity.Node, of.Epoch, of.Seq)
}

// Open implements [shipper.Keys].
func (s *store) Open(day string, of ledger.Origin, from, to int64) string {
	return archive.OpenKey(s.identity.Cluster, day, s.identity.Node, of.Epoch, of.Seq, from, to)
}

// Record implements [shipper.Keys].
func (*store) Record(cluster, node string, r manifest.Head) string {
	return archive.RecordKey(cluster, node, r.Tree, r.Number, r.Epoch, r.Seq)
}

// Rollup implements [shipper.Keys].
func (s *store) Rollup(tree int, day, ext string) string {
	return archive.RollupKey(s.identity.Cluster, s.identity.Node, tree, day, ext)
}

// Copy implements [shipper.Keys].
func (*store) Copy(key string) string { return archive.NextCopy(key) }

// Put implements [shipper.Store].
func (s *store) Put(ctx context.Context, key, file string, size int64, want string) error {
	var sum [sha256.Size]byte
	if n, err := hex.Decode(sum[:], []byte(want)); err != nil || n != len(sum) {
		return fmt.Errorf("the ledger has a malformed SHA-256 for %s: %q", key, want)
	}
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", file, shipper.ErrWorkGone)
	}
	if err != nil {
		return fmt.Errorf("open a work file: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() != size {
		return errors.Join(fmt.Errorf("%s: %w", file, shipper.ErrWorkGone), err)
	}
	// The store must not be blamed for bytes that changed on this disk.
	hash := sha256.New()
	if _, err := io.Copy(hash, io.NewSectionReader(body{f, s.alive}, 0, size)); err != nil || !bytes.Equal(hash.Sum(nil), sum[:]) {
		return errors.Join(fmt.Errorf("%s: %w", file, shipper.ErrWorkGone), err)
	}
	err = s.bucket.Put(ctx, key, body{f, s.alive}, size, sum)
	switch {
	case err == nil:
		s.success.SetToCurrentTime()
		s.tryReplace(ctx, key, f, size, sum)
	case errors.Is(err, archive.ErrConflict):
		err = fmt.Errorf("%w: %w", shipper.ErrTaken, err)
	case archive.ReasonOf(err) == archive.ReasonUnreadable:
		err = fmt.Errorf("%w: %w", shipper.ErrUnreadable, err)
	}
	return err
}

// tryReplace sends the first record of this process a second time. A store that takes it again
// ignores If-None-Match, and does not keep an object from being replaced.
func (s *store) tryReplace(ctx context.Context, key string, f *os.File, size int64, sum [sha256.Size]byte) {
	if k, err := archive.ParseKey(key); err != nil || k.Kind != archive.KindManifest || s.bucket.Dir() != "" || s.tried.Swap(true) {
		return
	}
	switch replaces, err := s.bucket.Replaces(ctx, key, f, size, sum); {
	case err != nil:
		s.tried.Store(false) // with the next record
	case replaces:
		s.log.Warn().Str("key", key).Msg("archive: the store ignores If-None-Match: whoever may store objects can replace them; use another store, or versioning with Object Lock")
	}
}

// Fetch implements [shipper.Store].
func (s *store) Fetch(ctx context.Context, key, file string) error {
	o, err := s.bucket.Open(ctx, key)
	switch archive.ReasonOf(err) {
	case archive.ReasonChecksum:
		return fmt.Errorf("%w: %w", shipper.ErrTaken, err)
	case archive.ReasonPermission, archive.ReasonNotFound:
		return fmt.Errorf("%w: %w", shipper.ErrUnreadable, err)
	}
	if err != nil {
		return err
	}
	defer o.Close()
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("make room for %s: %w", key, err)
	}
	_, err = io.Copy(out, io.NewSectionReader(o, 0, o.Size))
	return errors.Join(err, out.Close())
}
