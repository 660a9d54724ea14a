package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/parquet"
)

// readerAtCloser is an open object.
type readerAtCloser interface {
	io.ReaderAt
	io.Closer
}

// object is one Parquet object, on disk or in an archive.
type object struct {
	name string
	open func(ctx context.Context) (readerAtCloser, int64, error)
}

// sourceObjects are the objects of one original file.
type sourceObjects struct {
	meta    parquet.Meta
	objects []object
}

func (s *sourceObjects) name() string {
	return fmt.Sprintf("%s (cluster %s, node %s, %s/%d)", s.meta.SourceName, s.meta.Cluster, s.meta.Node, s.meta.Epoch, s.meta.Seq)
}

// findSources finds the objects behind paths and URLs and puts together what
// belongs to one original file, in the order in which the files were written.
func findSources(ctx context.Context, args []string, s3 config.Archive) ([]*sourceObjects, error) {
	var all []object
	for _, arg := range args {
		found, err := findObjects(ctx, arg, s3)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("%s: no Parquet objects there", arg)
		}
		all = append(all, found...)
	}
	return groupObjects(ctx, all)
}

func findObjects(ctx context.Context, arg string, s3 config.Archive) ([]object, error) {
	if strings.Contains(arg, "://") {
		s3.URL = arg
		return archiveObjects(ctx, s3)
	}
	info, err := os.Stat(arg)
	if err != nil {
		return nil, fmt.Errorf("find the objects to restore: %w", err)
	}
	if !info.IsDir() {
		return []object{fileObject(arg)}, nil
	}
	return directoryObjects(arg)
}

func directoryObjects(dir string) ([]object, error) {
	var found []object
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != dir && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir // unfinished work
		}
		if d.Type().IsRegular() && strings.HasSuffix(d.Name(), ".parquet") && !strings.HasPrefix(d.Name(), ".") {
			found = append(found, fileObject(path))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("find the objects to restore: %w", err)
	}
	return found, nil
}

func fileObject(path string) object {
	return object{name: path, open: func(context.Context) (readerAtCloser, int64, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, 0, fmt.Errorf("open an object: %w", err)
		}
		info, err := f.Stat()
		if err != nil {
			return nil, 0, errors.Join(fmt.Errorf("open an object: %w", err), f.Close())
		}
		return f, info.Size(), nil
	}}
}

func archiveObjects(ctx context.Context, a config.Archive) ([]object, error) {
	bucket, err := openBucket(ctx, a, os.TempDir())
	if err != nil {
		return nil, &usageError{err}
	}
	var found []object
	for info, err := range bucket.List(ctx, "data/") {
		if err != nil {
			return nil, err
		}
		if key, err := archive.ParseKey(info.Key); err != nil || key.Kind != archive.KindData {
			continue // not written by us
		}
		found = append(found, object{name: bucket.URL(info.Key), open: func(ctx context.Context) (readerAtCloser, int64, error) {
			o, err := bucket.Open(ctx, info.Key)
			if err != nil {
				return nil, 0, err
			}
			return o, o.Size, nil
		}})
	}
	return found, nil
}

// groupObjects reads from each object which original file it is of.
func groupObjects(ctx context.Context, all []object) ([]*sourceObjects, error) {
	var sources []*sourceObjects
	for _, o := range all {
		meta, err := readMeta(ctx, o)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(sources, func(s *sourceObjects) bool { return order(s.meta, meta) == 0 })
		if i < 0 {
			i = len(sources)
			sources = append(sources, &sourceObjects{meta: meta})
		}
		sources[i].objects = append(sources[i].objects, o)
	}
	slices.SortFunc(sources, func(a, b *sourceObjects) int { return order(a.meta, b.meta) })
	return sources, nil
}

func readMeta(ctx context.Context, o object) (parquet.Meta, error) {
	r, size, err := o.open(ctx)
	if err != nil {
		return parquet.Meta{}, err
	}
	defer r.Close()
	meta, err := parquet.ReadMeta(r, size)
	if err != nil {
		return parquet.Meta{}, fmt.Errorf("%s: %w", o.name, err)
	}
	return meta.Meta, nil
}

// order is the order in which original files are restored.
func order(a, b parquet.Meta) int {
	return cmp.Or(
		cmp.Compare(a.Cluster, b.Cluster),
		cmp.Compare(a.Node, b.Node),
		cmp.Compare(a.Epoch, b.Epoch),
		cmp.Compare(a.Seq, b.Seq),
	)
}
