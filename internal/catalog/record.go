package catalog

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

// Copy describes one of the objects that are stored for one record.
type Copy struct {
	// Readable: it is a record.
	Readable bool
	// Followed: another record of the chain holds its hash; false if the chain is
	// not known.
	Followed bool
}

// Counting returns the index of the copy that counts, of all copies of one record in
// the order of their numbers: the last one that another record follows, else the
// last one that can be read; -1 without any. The sidecar stores a copy only if
// those before it were not confirmed.
func Counting(copies []Copy) int {
	the := -1
	for i, c := range copies {
		if c.Readable && (the < 0 || c.Followed || !copies[the].Followed) {
			the = i
		}
	}
	return the
}

// maxCopies bounds how many copies of one record are looked for.
const maxCopies = 100

// ReadRecord reads the record with a key, or the copy of it that counts.
func ReadRecord(ctx context.Context, bucket *archive.Bucket, key string) (manifest.Record, error) {
	return readCopies(ctx, bucket, func(yield func(string) bool) {
		for range maxCopies {
			if !yield(key) {
				return
			}
			key = archive.NextCopy(key)
		}
	})
}

// readCopies reads the copies of one record, in the order of their numbers and up to
// the first that is not there, and returns the one that counts.
func readCopies(ctx context.Context, bucket *archive.Bucket, keys iter.Seq[string]) (manifest.Record, error) {
	var entries []manifest.Entry
	var copies []Copy
	var unusable error
	for key := range keys {
		r, err := ReadEntry(ctx, bucket, key)
		if len(copies) > 0 && errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return manifest.Record{}, err
		}
		if r.Err != nil {
			unusable = fmt.Errorf("read the record %s: %w", key, r.Err)
		}
		entries, copies = append(entries, r), append(copies, Copy{Readable: r.Err == nil})
	}
	if i := Counting(copies); i >= 0 {
		return entries[i].Record, nil
	}
	return manifest.Record{}, unusable
}

// Unusable reports whether err means that the object exists and is not a record.
func Unusable(err error) bool {
	return errors.Is(err, manifest.ErrInvalid) || errors.Is(err, manifest.ErrNewer) || errors.Is(err, manifest.ErrNotCanonical) ||
		archive.ReasonOf(err) == archive.ReasonChecksum
}

// ReadEntry reads an object that should be a record. An error means that it could
// not be read; an object that the store damaged is no record.
func ReadEntry(ctx context.Context, bucket *archive.Bucket, key string) (manifest.Entry, error) {
	o, err := bucket.Open(ctx, key)
	if archive.ReasonOf(err) == archive.ReasonChecksum {
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
