package catalog

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/auditsidecar/auditsidecar/parquet"
)

// Catalog is the files of some locations.
type Catalog struct {
	Files []*File // in the order in which they were written
	// Unrecorded takes objects that no record names, too, in locations with records.
	Unrecorded bool
	// Only, if not empty, is the name of the only original that Restore passes on, also as
	// NAME.partial; Restored counts those that it did.
	Only     string
	Restored int

	listings []*listing
	mu       sync.Mutex // guards Restored and skipped
	skipped  []Object   // by Restore
}

// ErrEmpty says that a location has no objects.
var ErrEmpty = errors.New("no Parquet objects there")

// Find finds the objects in locations, and which form one file.
func Find(ctx context.Context, locations ...Location) (*Catalog, error) {
	c := &Catalog{}
	var all []Object
	for _, p := range locations {
		l, err := list(ctx, p)
		if err != nil {
			return nil, fmt.Errorf("find the objects: %w", err)
		}
		found, err := l.objects(ctx)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("%s: %w", p, ErrEmpty)
		}
		all = append(all, found...)
		c.listings = append(c.listings, l)
	}
	c.Files = Group(all)
	return c, nil
}

// ErrDiffers says that the objects of a file restore to other bytes than its record says.
// Nothing of the file was written.
var ErrDiffers = errors.New("not the file of its record")

// Original is one original file, or as much of it as the archive has.
type Original struct {
	ID
	Name    string // ends in .partial for the beginning of a file
	Size    int64  // in bytes, as Write writes it
	Rotated time.Time
	// Note describes a restriction; empty without one.
	Note string
	// Write writes it, with temporary files in the directory work. After a
	// [parquet.HoleError] the bytes written so far are good.
	Write writeFunc
}

type writeFunc func(ctx context.Context, work string, w io.Writer) error

// PartialSuffix ends the name of a file of which only the beginning is in the
// archive.
const PartialSuffix = ".partial"

// form is how much of an original file is to be restored.
type form int

const (
	whole   form = iota // all of it, from its objects
	partial             // its beginning, from increments
	longer              // its increments, which reach further than its objects, and these if they differ
	nothing             // another file of the catalog has its lines
)

// Restore passes the original of f to do, or calls nothing if another file of the
// catalog has its lines, or if no record names its objects. Objects are closed when it returns.
// It may be called for several files at once.
func (c *Catalog) Restore(ctx context.Context, f *File, do func(Original) error) error {
	if err := c.restore(ctx, f, do); err != nil {
		return fmt.Errorf("restore %s: %w", f.ID, err)
	}
	return nil
}

func (c *Catalog) restore(ctx context.Context, f *File, do func(Original) error) error {
	kept, err := c.recorded(ctx, f)
	if err != nil {
		return err
	}
	c.mu.Lock()
	for _, o := range f.Objects {
		if !slices.ContainsFunc(kept.Objects, func(k Object) bool { return k.Name == o.Name }) {
			c.skipped = append(c.skipped, o)
		}
	}
	c.mu.Unlock()
	if len(kept.Objects)+len(kept.Parts) == 0 {
		return nil
	}
	form, err := c.choose(ctx, kept)
	if err != nil || form == nothing {
		return err
	}
	return kept.read(ctx, form, func(o Original) error {
		if c.Only != "" && strings.TrimSuffix(o.Name, PartialSuffix) != c.Only {
			return nil
		}
		c.mu.Lock()
		c.Restored++
		c.mu.Unlock()
		return do(o)
	})
}

// choose decides between the objects of the finished file and its increments, so
// that no line comes twice and none is missing: see the package's rules.
func (c *Catalog) choose(ctx context.Context, f *File) (form, error) {
	if len(f.Parts) == 0 {
		return whole, nil
	}
	if len(f.Objects) > 0 {
		form := whole
		err := withInputs(ctx, f.Objects, func(in []parquet.Input) error {
			meta, err := parquet.ReadMeta(in[0], in[0].Size)
			if err == nil && f.Extent() > meta.SourceSize {
				form = longer
			}
			return errors.Join(err, parquet.Complete(in))
		})
		if err == nil || !errors.Is(err, parquet.ErrIncomplete) {
			return form, nil // any other error is reported when it is restored
		}
	}
	if r := f.record; r != nil && r.Epoch == f.Epoch && r.Seq == f.Seq { // it was read
		return whole, nil
	}
	for _, l := range c.listings {
		record, err := l.record(ctx, f.ID)
		switch {
		case err != nil:
			return nothing, err
		case record != nil && len(f.Objects) == 0:
			return nothing, fmt.Errorf("%w: the file was archived, its record says, but none of its objects is there", parquet.ErrIncomplete)
		case record != nil:
			return whole, nil
		}
	}
	elsewhere, err := c.elsewhere(ctx, f)
	if err != nil || elsewhere {
		return nothing, err
	}
	return partial, nil
}

// read opens the file in a form and passes it to do.
func (f *File) read(ctx context.Context, form form, do func(Original) error) error {
	o := Original{ID: f.ID, Size: f.Extent(), Rotated: f.Rotated()}
	o.Write = func(ctx context.Context, work string, w io.Writer) error {
		_, _, err := f.WriteParts(ctx, work, w)
		return err
	}
	if form == partial {
		meta, err := f.Parts[0].checked(ctx)
		if err != nil {
			return err
		}
		o.Name = meta.SourceName + PartialSuffix
		o.Note = fmt.Sprintf("%s was never archived as a whole: restoring its state while it was open, its first %d bytes", f.ID, o.Size)
		return do(o)
	}
	return withInputs(ctx, f.Objects, func(in []parquet.Input) error {
		meta, err := f.Objects[0].check(in[0]) // among each other parquet compares them
		if err != nil {
			return err
		}
		o.Name = meta.SourceName
		if f.record != nil {
			if want := f.record.Stored().SHA256; want != "" && want != hex.EncodeToString(meta.SourceSHA256[:]) {
				return fmt.Errorf("%s: %w: the objects have SHA-256 %x, its record says %s", o.Name, ErrDiffers, meta.SourceSHA256, want)
			}
		}
		finished := func(ctx context.Context, work string, w io.Writer) error { return parquet.RestoreIn(ctx, work, in, w) }
		if form == longer {
			o.Note = fmt.Sprintf("%s was cut before it was archived: its increments have %d bytes, and are restored as well", f.ID, o.Size)
			o.Size, o.Write = max(meta.SourceSize, o.Size), writeLonger(meta, o.Write, finished)
		} else {
			o.Size, o.Write = meta.SourceSize, finished
		}
		return do(o)
	})
}

// checked opens an object and checks it.
func (o Object) checked(ctx context.Context) (meta parquet.ObjectMeta, err error) {
	err = withInputs(ctx, []Object{o}, func(in []parquet.Input) error {
		meta, err = o.check(in[0])
		return err
	})
	return meta, err
}

// writeLonger writes the increments of a file, and the finished file behind them
// unless they begin with it.
func writeLonger(meta parquet.ObjectMeta, parts, finished writeFunc) writeFunc {
	return func(ctx context.Context, work string, w io.Writer) error {
		start := parquet.NewPrefixHash(meta.SourceSize)
		err := parts(ctx, work, io.MultiWriter(w, start))
		if sum, _ := start.Prefix(); err != nil || sum == meta.SourceSHA256 {
			return err
		}
		return finished(ctx, work, w)
	}
}

// WriteParts writes the beginning of the file from its increments. One is open at
// a time: a quiet file may have thousands. It returns how many it used, and the
// last one, which an error is about.
func (f *File) WriteParts(ctx context.Context, work string, w io.Writer) (used int, last Object, err error) {
	x := parquet.Increments{Work: work}
	for _, last = range f.Parts {
		if last.From < x.Offset() {
			continue // a shorter one that begins within a longer one
		}
		err := withInputs(ctx, []Object{last}, func(in []parquet.Input) error {
			if _, err := last.check(in[0]); err != nil {
				return err
			}
			return x.Append(ctx, in[0], w)
		})
		if err != nil {
			return used, last, err
		}
		used++
	}
	return used, last, nil
}

// WriteObjects writes a finished file from its objects.
func WriteObjects(ctx context.Context, objects []Object, work string, w io.Writer) error {
	return withInputs(ctx, objects, func(in []parquet.Input) error { return parquet.RestoreIn(ctx, work, in, w) })
}
