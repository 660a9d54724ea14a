package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/shipper"
)

// store is the archive as the shipper sees it: it knows whose log it is and
// sends finished work files.
type store struct {
	bucket   *archive.Bucket
	identity config.Identity
	epoch    string
}

func openBucket(ctx context.Context, a config.Archive, tempDir string) (*archive.Bucket, error) {
	return archive.Open(ctx, a.URL, archive.S3Config{
		Endpoint: a.Endpoint, Region: a.Region, PathStyle: a.PathStyle,
		CAFile: a.CAFile, KMSKeyID: a.KMSKeyID, TempDir: tempDir,
	})
}

// DataKey implements [shipper.Store].
func (s *store) DataKey(day string, rotated time.Time, seq int64) string {
	return archive.DataKey(s.identity.Cluster, day, rotated.UTC().Format(archive.RotatedLayout), s.identity.Node, s.epoch, seq)
}

// Put implements [shipper.Store].
func (s *store) Put(ctx context.Context, key, file string, size int64, sha256 string) error {
	var sum [32]byte
	if n, err := hex.Decode(sum[:], []byte(sha256)); err != nil || n != len(sum) {
		return fmt.Errorf("the ledger has a malformed SHA-256 for %s: %q", key, sha256)
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
	return s.bucket.Put(ctx, key, f, size, sum)
}
