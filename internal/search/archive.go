package search

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/dustin/go-humanize/english"

	"github.com/auditsidecar/auditsidecar/internal/archive"
	"github.com/auditsidecar/auditsidecar/internal/catalog"
	"github.com/auditsidecar/auditsidecar/parquet/rowfind"
)

// Config selects the lines and how they are shown.
type Config struct {
	Selection Selection
	Form      Form
	// Unrecorded takes objects that no record names, too, in archives with records.
	Unrecorded bool
	// Work is the directory of temporary files; empty: os.TempDir.
	Work string
	// Note reports notes for the user; not nil.
	Note func(text string)
}

// ahead is how many objects are searched before their turn: a request takes longer than the
// work on its answer. Each takes some 30 MB at most.
const ahead = 6

// searched is an object on its way, or searched.
type searched struct {
	file  *file
	of    stored
	found *rowfind.Found
	err   error
	done  chan struct{}
}

// archived is the search of an archive.
type archived struct {
	Config
	bucket  *archive.Bucket
	read    func(ctx context.Context, key string, p []byte, off int64) (int, error)
	records *recorded
	w       io.Writer
	left    []string // objects that were left out
	pending int      // that have no record yet
}

// Archive writes the lines in an archive to w.
func Archive(ctx context.Context, b *archive.Bucket, cfg Config, w io.Writer) error {
	return search(ctx, b, cfg, w, b.ReadAt)
}

// search is Archive; read reads ranges of objects.
func search(ctx context.Context, b *archive.Bucket, cfg Config, w io.Writer, read func(ctx context.Context, key string, p []byte, off int64) (int, error)) error {
	files, err := list(ctx, b, &cfg.Selection)
	if err != nil {
		return err
	}
	a := &archived{Config: cfg, bucket: b, read: read, records: newRecorded(b), w: w}
	if bare, err := a.records.bare(ctx); err != nil {
		return err
	} else if bare {
		a.Unrecorded = true
		cfg.Note("note: " + b.URL("") + " has no records: nothing vouches for its lines")
	}
	var all []*searched
	for _, f := range files {
		objects := f.objects
		slices.SortFunc(objects, func(x, y stored) int { return strings.Compare(x.Day, y.Day) })
		if len(objects) == 0 {
			objects = f.increments()
		}
		for _, o := range objects {
			all = append(all, &searched{file: f, of: o, done: make(chan struct{})})
		}
	}
	if err := a.run(ctx, all); err != nil {
		return err
	}
	return a.account()
}

// run searches objects, several at once, and writes the lines in their order.
func (a *archived) run(ctx context.Context, all []*searched) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	turns := make(chan struct{}, ahead)
	running.Go(func() {
		for _, s := range all {
			select {
			case turns <- struct{}{}:
			case <-ctx.Done():
				return
			}
			running.Go(func() {
				defer close(s.done)
				s.found, s.err = a.search(ctx, s)
			})
		}
	})
	defer func() {
		cancel()
		running.Wait()
		for _, s := range all {
			if s.found != nil {
				_ = s.found.Close() // it was only read
			}
		}
	}()
	for _, s := range all {
		select {
		case <-s.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		err := s.err
		if err == nil {
			err = a.write(ctx, s)
		}
		if err != nil {
			return fmt.Errorf("search %s: %w", a.bucket.URL(s.of.name), err)
		}
		<-turns
	}
	return nil
}

// search finds the lines of an object.
func (a *archived) search(ctx context.Context, s *searched) (*rowfind.Found, error) {
	if len(s.of.copies) > 0 && s.of.Kind == archive.KindData {
		of, err := a.records.copyOf(ctx, s.of)
		if err != nil {
			return nil, err
		}
		s.of = of
	}
	o, err := rowfind.Open(readerAt(func(p []byte, off int64) (int, error) { return a.read(ctx, s.of.name, p, off) }), s.of.size)
	if err == nil {
		err = isOf(o, s.of)
	}
	if err != nil {
		return nil, err
	}
	return o.Lines(a.Selection.Query(), a.lines())
}

// lines renders rows.
func (c *Config) lines() rowfind.Lines {
	lines := rowfind.Lines{Work: c.Work, Columns: c.Form.columns()}
	if c.Form != Exact {
		lines.Append = func(dst []byte, r *rowfind.Row) []byte { return c.Form.Append(dst, &r.Event) }
	}
	if c.Selection.Grep != nil {
		lines.Columns, lines.Keep = nil, c.Selection.Grep.Match
	}
	return lines
}

type readerAt func(p []byte, off int64) (int, error)

// ReadAt implements [io.ReaderAt].
func (r readerAt) ReadAt(p []byte, off int64) (int, error) { return r(p, off) }

// isOf refuses an object that says that it is of another file.
func isOf(o *rowfind.Object, key stored) error {
	seq, _ := strconv.ParseInt(o.Pairs["auditsidecar.seq"], 10, 64)
	has := catalog.ID{Cluster: o.Pairs["auditsidecar.cluster"], Node: o.Pairs["auditsidecar.node"], Epoch: o.Pairs["auditsidecar.epoch"], Seq: seq}
	if has != catalog.IDOf(key.Key) {
		return fmt.Errorf("it holds lines of %s: was it copied to another name?", has)
	}
	return nil
}

// write writes the lines of an object, if it counts; if not, those that the increments of its
// file have.
func (a *archived) write(ctx context.Context, s *searched) error {
	if s.found.Len() == 0 {
		return nil
	}
	if !a.Unrecorded && s.of.Kind == archive.KindData {
		is, err := a.records.of(ctx, s.of)
		if err != nil {
			return err
		}
		if is != named {
			if is == notYet {
				a.pending++
			} else {
				a.left = append(a.left, a.bucket.URL(s.of.name))
			}
			return a.instead(ctx, s.file)
		}
	}
	_, err := s.found.WriteTo(a.w)
	return err
}

// instead searches the increments of a file whose objects do not count, once.
func (a *archived) instead(ctx context.Context, f *file) error {
	parts := f.increments()
	f.parts = nil
	for _, o := range parts {
		s := &searched{file: f, of: o}
		found, err := a.search(ctx, s)
		if err == nil {
			_, err = found.WriteTo(a.w)
			err = errors.Join(err, found.Close())
		}
		if err != nil {
			return fmt.Errorf("its increment %s: %w", o.name, err)
		}
	}
	return nil
}

// account reports the objects left out.
func (a *archived) account() error {
	if a.pending > 0 {
		a.Note(fmt.Sprintf("note: left out %s with such lines, of files without a record yet: search again in some minutes, or with --unrecorded", english.Plural(a.pending, "object", "")))
	}
	if len(a.left) == 0 {
		return nil
	}
	return fmt.Errorf("left out %s with such lines that no record names, %s first: verify examines, --unrecorded searches them", english.Plural(len(a.left), "object", ""), a.left[0])
}
