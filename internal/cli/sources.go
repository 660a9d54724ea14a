package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/config"
	"github.com/auditsidecar/auditsidecar/internal/manifest"
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
	id      sourceID // the original file that it is of
	name    string
	part    bool // an increment: bytes [from, to) of the file
	from    int64
	to      int64
	rotated time.Time // of the file; zero where unknown
	day     string    // of the lines of a finished file, as 2006-01-02; empty where unknown
	open    func(ctx context.Context) (readerAtCloser, int64, error)
}

// source is one original file as its objects.
type source struct {
	id      sourceID
	objects []object // of the finished file
	parts   []object // increments from when it was open, by from; of those that begin at one byte the longest first
	records []records
}

// records returns the record of a finished file from a place that was searched;
// nil if it has none.
type records func(ctx context.Context, id sourceID) (*manifest.Record, error)

// findSources finds the objects behind paths and URLs and puts together what
// belongs to one original file, in the order in which the files were written.
func findSources(ctx context.Context, args []string, s3 config.Archive) ([]*source, error) {
	var all []object
	var places []records
	for _, arg := range args {
		found, place, err := findObjects(ctx, arg, s3)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("%s: no Parquet objects there", arg)
		}
		all = append(all, found...)
		places = append(places, place)
	}
	return groupObjects(all, places), nil
}

func groupObjects(all []object, places []records) []*source {
	byID := map[sourceID]*source{}
	for _, o := range all {
		s := byID[o.id]
		if s == nil {
			s = &source{id: o.id, records: places}
			byID[o.id] = s
		}
		if o.part {
			s.parts = append(s.parts, o)
		} else {
			s.objects = append(s.objects, o)
		}
	}
	for _, s := range byID {
		slices.SortFunc(s.parts, func(a, b object) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to)) })
	}
	return slices.SortedFunc(maps.Values(byID), func(a, b *source) int { return a.id.compare(b.id) })
}

func findObjects(ctx context.Context, arg string, s3 config.Archive) ([]object, records, error) {
	if strings.Contains(arg, "://") {
		s3.URL = arg
		return archiveObjects(ctx, s3)
	}
	info, err := os.Stat(arg)
	if err != nil {
		return nil, nil, fmt.Errorf("find the objects to restore: %w", err)
	}
	if !info.IsDir() {
		o, err := fileObject(arg)
		return []object{o}, noRecords, err
	}
	return directoryObjects(ctx, arg)
}

func noRecords(context.Context, sourceID) (*manifest.Record, error) {
	return nil, nil //nolint:nilnil // there is none
}

func directoryObjects(ctx context.Context, dir string) ([]object, records, error) {
	var stored []located
	kept, copies := map[sourceID]string{}, map[sourceID]int{}
	err := eachFile(dir, func(path string) {
		key := pathKey(path)
		if strings.HasSuffix(path, ".parquet") {
			stored = append(stored, located{path, key})
		}
		if id := idOfKey(key); key.Kind == archive.KindManifest && key.Copy >= copies[id] {
			kept[id], copies[id] = path, key.Copy
		}
	})
	left := stored
	if err == nil {
		left, err = confirmed(ctx, stored, fileRecords(kept))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("find the objects to restore: %w", err)
	}
	found := make([]object, len(left))
	for i, o := range left {
		if found[i], err = fileObject(o.name); err != nil {
			return nil, nil, err
		}
	}
	missing, err := missingObjects(ctx, found, stored, maps.Keys(kept), fileRecords(kept))
	return append(found, missing...), fileRecords(kept), err
}

// eachFile calls do for every file below a directory, through symbolic links,
// too. What begins with a dot is unfinished work.
func eachFile(dir string, do func(path string)) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		switch kind, err := archive.Follow(dir, e); {
		case err != nil:
			return err
		case kind.IsRegular():
			do(path)
		case kind.IsDir():
			if err := eachFile(path, do); err != nil {
				return err
			}
		}
	}
	return nil
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
	part := meta.Increment
	return object{
		id: idOf(meta.Meta), name: path, open: open, rotated: meta.Rotated, day: partitionDay(path),
		part: part.FirstLine > 0, from: part.From, to: part.From + meta.SourceSize,
	}, nil
}

// partitionDay is the day in a path of the archive's layout, or empty.
func partitionDay(path string) string {
	day, ok := strings.CutPrefix(filepath.Base(filepath.Dir(path)), "dt=")
	if _, err := time.Parse(time.DateOnly, day); !ok || err != nil {
		return ""
	}
	return day
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
