// Package records reads the records of an archive: the copy of each that counts.
//
//	r, err := records.Read(ctx, bucket, key)
package records

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
)

// maxCopies bounds how many copies of one record are looked for.
const maxCopies = 100

// Read reads the record with a key, or the copy of it that counts: the last one
// that can be read. The sidecar stores a copy only if those before it were not confirmed.
func Read(ctx context.Context, bucket *archive.Bucket, key string) (manifest.Record, error) {
	return ReadCopies(ctx, bucket, func(yield func(string) bool) {
		for range maxCopies {
			if !yield(key) {
				return
			}
			key = archive.NextCopy(key)
		}
	})
}

// ReadCopies reads the copies of one record, in the order of their numbers and up to
// the first that is not there, and returns the one that counts.
func ReadCopies(ctx context.Context, bucket *archive.Bucket, keys iter.Seq[string]) (manifest.Record, error) {
	var last *manifest.Record
	found := 0
	var unusable error
	for key := range keys {
		r, err := ReadEntry(ctx, bucket, key)
		if found > 0 && errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return manifest.Record{}, err
		}
		if found++; r.Err != nil {
			unusable = fmt.Errorf("read the record %s: %w", key, r.Err)
			continue
		}
		last = &r.Record
	}
	if last != nil {
		return *last, nil
	}
	return manifest.Record{}, unusable
}

// Unusable reports whether err means that the object exists and is not a record.
func Unusable(err error) bool {
	return errors.Is(err, manifest.ErrInvalid) || errors.Is(err, manifest.ErrNewer) || errors.Is(err, manifest.ErrNotCanonical) ||
		notTheObject(err)
}

// notTheObject reports whether the store gave other bytes than it announced, or more than a record has.
func notTheObject(err error) bool {
	return archive.ReasonOf(err) == archive.ReasonChecksum || archive.ReasonOf(err) == archive.ReasonTooLarge
}

// ReadEntry reads an object that should be a record. An error means that it could
// not be read; an object that the store damaged is no record.
func ReadEntry(ctx context.Context, bucket *archive.Bucket, key string) (manifest.Entry, error) {
	o, err := bucket.Open(archive.AtMost(ctx, manifest.MaxSize), key)
	if notTheObject(err) {
		r := manifest.Read(nil)
		r.Err = err
		return r, nil
	}
	if err != nil {
		return manifest.Entry{}, err
	}
	data, err := io.ReadAll(io.NewSectionReader(o, 0, min(o.Size, manifest.MaxSize+1)))
	return manifest.Read(data), errors.Join(err, o.Close())
}
