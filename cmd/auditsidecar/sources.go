package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
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

// sourceID names one original file: its place in the chain of its node.
type sourceID struct {
	cluster, node, epoch string
	seq                  int64
}

func idOf(m parquet.Meta) sourceID { return sourceID{m.Cluster, m.Node, m.Epoch, m.Seq} }

func (id sourceID) String() string {
	return fmt.Sprintf("cluster %s, node %s, %s/%d", id.cluster, id.node, id.epoch, id.seq)
}

// compare gives the order in which original files are restored.
func (id sourceID) compare(other sourceID) int {
	return cmp.Or(
		cmp.Compare(id.cluster, other.cluster),
		cmp.Compare(id.node, other.node),
		cmp.Compare(id.epoch, other.epoch),
		cmp.Compare(id.seq, other.seq),
	)
}

// object is one Parquet object, on disk or in an archive.
type object struct {
	id   sourceID // the original file that it is of
	name string
	open func(ctx context.Context) (readerAtCloser, int64, error)
}

// source is one original file as its objects.
type source struct {
	id      sourceID
	objects []object
}

// findSources finds the objects behind paths and URLs and puts together what
// belongs to one original file, in the order in which the files were written.
func findSources(ctx context.Context, args []string, s3 config.Archive) ([]*source, error) {
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
	return groupObjects(all), nil
}

func groupObjects(all []object) []*source {
	byID := map[sourceID]*source{}
	for _, o := range all {
		s := byID[o.id]
		if s == nil {
			s = &source{id: o.id}
			byID[o.id] = s
		}
		s.objects = append(s.objects, o)
	}
	return slices.SortedFunc(maps.Values(byID), func(a, b *source) int { return a.id.compare(b.id) })
}

// read opens the objects, an archive's one after the other, and gives them to
// do with the name of the original file. They are closed when it returns.
func (s *source) read(ctx context.Context, do func(name string, in []parquet.Input) error) error {
	inputs := make([]parquet.Input, 0, len(s.objects))
	for _, o := range s.objects {
		r, size, err := o.open(ctx)
		if err != nil {
			return err
		}
		defer r.Close()
		inputs = append(inputs, parquet.Input{Name: o.name, ReaderAt: r, Size: size})
	}
	first := inputs[0]
	meta, err := parquet.ReadMeta(first, first.Size)
	if err != nil {
		return fmt.Errorf("%s: %w", first.Name, err)
	}
	if has := idOf(meta.Meta); has != s.id { // among each other parquet compares them
		return fmt.Errorf("%s holds lines of %s: was it copied to another name?", first.Name, has)
	}
	return do(meta.SourceName, inputs)
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
		o, err := fileObject(arg)
		return []object{o}, err
	}
	return directoryObjects(arg)
}

func directoryObjects(dir string) ([]object, error) {
	dir, err := filepath.EvalSymlinks(dir) // WalkDir does not follow one, not even the first
	if err != nil {
		return nil, fmt.Errorf("find the objects to restore: %w", err)
	}
	var paths []string
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != dir && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir // unfinished work
		}
		if d.Type().IsRegular() && strings.HasSuffix(d.Name(), ".parquet") && !strings.HasPrefix(d.Name(), ".") {
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("find the objects to restore: %w", err)
	}
	found := make([]object, len(paths))
	for i, path := range paths {
		if found[i], err = fileObject(path); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// fileObject takes any name: the object itself says what it is of.
func fileObject(path string) (object, error) {
	f, size, err := openFile(path)
	if err != nil {
		return object{}, err
	}
	defer f.Close()
	meta, err := parquet.ReadMeta(f, size)
	if err != nil {
		return object{}, fmt.Errorf("%s: %w", path, err)
	}
	open := func(context.Context) (readerAtCloser, int64, error) { return openFile(path) }
	return object{id: idOf(meta.Meta), name: path, open: open}, nil
}

func openFile(path string) (readerAtCloser, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("open an object: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("open an object: %w", err), f.Close())
	}
	return f, info.Size(), nil
}

// archiveObjects lists an archive. The keys say what the objects are of, so
// that none is downloaded before its turn.
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
		key, err := archive.ParseKey(info.Key)
		if err != nil || key.Kind != archive.KindData {
			continue // not written by us
		}
		id := sourceID{key.Cluster, key.Node, key.Epoch, key.Seq}
		open := func(ctx context.Context) (readerAtCloser, int64, error) {
			o, err := bucket.Open(ctx, info.Key)
			if err != nil {
				return nil, 0, err
			}
			return o, o.Size, nil
		}
		found = append(found, object{id: id, name: bucket.URL(info.Key), open: open})
	}
	return found, nil
}
