package cli

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/auditsidecar/auditsidecar/parquet"
)

// original is one original file, or its beginning, that can be written.
type original struct {
	name string
	size int64 // of what write writes, in bytes
	// write writes it, with temporary files in the directory work. After a
	// [parquet.HoleError] what was written is good as far as it goes.
	write writeFunc
}

type writeFunc func(ctx context.Context, work string, w io.Writer) error

// partialSuffix is added to the name of a file of which only the beginning is
// in the archive.
const partialSuffix = ".partial"

// form is how much of an original file is to be restored.
type form int

const (
	whole   form = iota // all of it, from its objects
	partial             // its beginning, from increments
	longer              // what increments have, which is more than its objects, and these where they differ
	nothing             // another source has the file
)

// choose decides between the objects of the finished file and the increments
// from when it was open, so that no line comes twice and none is missing.
// Complete objects win, also before their record is there, unless increments
// reach further: then the file was cut before it was archived. With a record of
// the file, incomplete ones are an error and increments no substitute. Without
// one the node was lost, or its disk full, before the file was archived: its
// increments are what there is, unless the file is in the archive under
// another epoch, because the state of the sidecar was lost and not the log.
func (s *source) choose(ctx context.Context, all []*source) (form, error) {
	if len(s.parts) == 0 {
		return whole, nil
	}
	if len(s.objects) > 0 {
		f := whole
		err := s.withObjects(ctx, func(in []parquet.Input) error {
			meta, err := parquet.ReadMeta(in[0], in[0].Size)
			if err == nil && s.extent() > meta.SourceSize {
				f = longer
			}
			return errors.Join(err, parquet.Complete(in))
		})
		if err == nil || !errors.Is(err, parquet.ErrIncomplete) {
			return f, nil // what else is wrong is said when it is restored
		}
	}
	for _, has := range s.records {
		record, err := has(ctx, s.id)
		if err != nil {
			return nothing, err
		}
		found := record != nil
		if found && len(s.objects) == 0 {
			return nothing, fmt.Errorf("%w: the file was archived, its record says, but none of its objects is there", parquet.ErrIncomplete)
		}
		if found {
			return whole, nil
		}
	}
	elsewhere, err := s.elsewhere(ctx, all)
	if err != nil || elsewhere {
		return nothing, err
	}
	return partial, nil
}

// read opens the source in the form that was chosen and gives it to do; what
// was opened is closed when it returns.
func (s *source) read(ctx context.Context, f form, do func(original) error) error {
	if f == partial {
		meta, err := s.parts[0].meta(ctx)
		if err != nil {
			return err
		}
		return do(original{name: meta.SourceName + partialSuffix, size: s.extent(), write: s.writeParts})
	}
	return s.withObjects(ctx, func(in []parquet.Input) error {
		first := in[0]
		meta, err := parquet.ReadMeta(first, first.Size)
		if err != nil {
			return fmt.Errorf("%s: %w", first.Name, err)
		}
		if has := idOf(meta.Meta); has != s.id { // among each other parquet compares them
			return fmt.Errorf("%s holds lines of %s: was it copied to another name?", first.Name, has)
		}
		o := wholeOriginal(meta, in)
		if f == longer {
			o.size, o.write = max(o.size, s.extent()), s.writeLonger(meta, o.write)
		}
		return do(o)
	})
}

// writeLonger writes what increments have of a file, and the finished file behind it where that does
// not begin them.
func (s *source) writeLonger(meta parquet.ObjectMeta, finished writeFunc) writeFunc {
	return func(ctx context.Context, work string, w io.Writer) error {
		start := &prefix{hash: sha256.New(), left: meta.SourceSize}
		err := s.writeParts(ctx, work, io.MultiWriter(w, endless{start}))
		if err != nil || [sha256.Size]byte(start.hash.Sum(nil)) == meta.SourceSHA256 {
			return err
		}
		return finished(ctx, work, w)
	}
}

// endless goes on when the prefix is complete.
type endless struct{ *prefix }

// Write implements io.Writer.
func (e endless) Write(b []byte) (int, error) {
	_, _ = e.prefix.Write(b) // fails with errEnough only
	return len(b), nil
}

func wholeOriginal(meta parquet.ObjectMeta, in []parquet.Input) original {
	return original{name: meta.SourceName, size: meta.SourceSize, write: func(ctx context.Context, work string, w io.Writer) error {
		return parquet.RestoreIn(ctx, work, in, w)
	}}
}

// withObjects opens all objects, an archive's one after the other.
func (s *source) withObjects(ctx context.Context, do func([]parquet.Input) error) error {
	inputs := make([]parquet.Input, 0, len(s.objects))
	for _, o := range s.objects {
		r, size, err := o.open(ctx)
		if err != nil {
			return err
		}
		defer r.Close()
		inputs = append(inputs, parquet.Input{Name: o.name, ReaderAt: r, Size: size})
	}
	return do(inputs)
}

// writeParts writes the beginning of the file from its increments. One is open
// at a time: a quiet file may have thousands.
func (s *source) writeParts(ctx context.Context, work string, w io.Writer) error {
	x := parquet.Increments{Work: work}
	for _, o := range s.parts {
		if o.from < x.Offset() {
			continue // a shorter one that begins where a longer one did
		}
		if err := s.writePart(ctx, &x, o, w); err != nil {
			return err
		}
	}
	return nil
}

func (s *source) writePart(ctx context.Context, x *parquet.Increments, o object, w io.Writer) error {
	r, size, err := o.open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	return x.Append(ctx, parquet.Input{Name: o.name, ReaderAt: r, Size: size}, w)
}

// extent is where the increments end that join from the beginning of the file.
func (s *source) extent() (to int64) {
	for _, o := range s.parts {
		if o.from == to {
			to = o.to
		}
	}
	return to
}

// meta reads what an object says of itself.
func (o object) meta(ctx context.Context) (parquet.ObjectMeta, error) {
	r, size, err := o.open(ctx)
	if err != nil {
		return parquet.ObjectMeta{}, err
	}
	defer r.Close()
	meta, err := parquet.ReadMeta(r, size)
	if err != nil {
		return meta, fmt.Errorf("%s: %w", o.name, err)
	}
	if has := idOf(meta.Meta); has != o.id {
		return meta, fmt.Errorf("%s holds lines of %s: was it copied to another name?", o.name, has)
	}
	return meta, nil
}
