package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// maxCopies bounds how many copies of one record are looked for.
const maxCopies = 100

// ReadRecord reads a record: the last copy of it that can be read.
func ReadRecord(ctx context.Context, bucket *archive.Bucket, key string) (manifest.Record, error) {
	record, err := readOneRecord(ctx, bucket, key)
	for range maxCopies {
		if err != nil && !Unusable(err) {
			break
		}
		key = archive.NextCopy(key)
		next, nextErr := readOneRecord(ctx, bucket, key)
		if errors.Is(nextErr, fs.ErrNotExist) {
			break
		}
		if err != nil || !Unusable(nextErr) {
			record, err = next, nextErr
		}
	}
	return record, err
}

// Unusable reports whether err means that the object exists and is not a record.
func Unusable(err error) bool {
	return errors.Is(err, manifest.ErrInvalid) || errors.Is(err, manifest.ErrNewer) || archive.ReasonOf(err) == archive.ReasonChecksum
}

func readOneRecord(ctx context.Context, bucket *archive.Bucket, key string) (manifest.Record, error) {
	o, err := bucket.Open(ctx, key)
	if err != nil {
		return manifest.Record{}, err
	}
	defer o.Close()
	data, err := io.ReadAll(io.NewSectionReader(o, 0, min(o.Size, manifest.MaxSize+1)))
	if err != nil {
		return manifest.Record{}, fmt.Errorf("read the record %s: %w", key, err)
	}
	record, err := manifest.Decode(data)
	if err != nil {
		return manifest.Record{}, fmt.Errorf("read the record %s: %w", key, err)
	}
	return record, nil
}
