// Package restore restores the original files of a catalog, several at once, in their order.
//
//	r := restore.Originals{Catalog: c, Jobs: 2, Progress: progress, Report: os.Stderr}
//	missing, err := r.Lines(ctx, toStdout)
package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/auditsidecar/auditsidecar/internal/catalog"
	"github.com/auditsidecar/auditsidecar/internal/parallel"
	"github.com/auditsidecar/auditsidecar/internal/terminal"
)

// Originals are the original files of a catalog, some of which are restored at once.
type Originals struct {
	*catalog.Catalog
	Jobs     parallel.Jobs
	Progress *terminal.FileProgress
	Report   io.Writer // of messages
	All      bool      // one that fails does not keep the others from being restored

	turns []chan struct{} // closed when the file had its turn
}

// outcome is one original file, restored.
type outcome struct {
	note string
	part *terminal.FilePart
	take func() error // to be called in order
	drop func()       // frees what take needs; called whether or not take was
	err  error
}

// Each passes every original file to do, some at once, and calls the functions that it returns in the
// order of the files: take unless an earlier file failed, and drop in any case. One that is missing
// does not keep the others from it.
func (r *Originals) Each(ctx context.Context, do func(ctx context.Context, i int, o catalog.Original, progress io.Writer) (take func() error, drop func(), err error)) (missing, failed error) {
	defer r.Progress.Clear()
	report := r.Progress.Above(r.Report)
	inner, cancel := context.WithCancel(ctx)
	defer func() {
		for _, f := range r.Files {
			f.Drop()
		}
	}()
	defer cancel() // before Drop waits
	r.turns = make([]chan struct{}, len(r.Files))
	for i := range r.turns {
		r.turns[i] = make(chan struct{})
	}
	start := func(i int) func() outcome {
		for _, next := range r.Files[i:min(i+1+aheadFiles, len(r.Files))] {
			next.Fetch(inner)
		}
		return func() (out outcome) {
			defer r.Files[i].Drop()
			defer r.InTurn(i, func() {})
			out.err = r.Restore(inner, r.Files[i], func(o catalog.Original) (err error) {
				out.note, out.part = o.Note, r.Progress.Begin(o.Size)
				out.take, out.drop, err = do(inner, i, o, out.part)
				return err
			})
			return out
		}
	}
	taken := 0
	parallel.InOrder(inner, r.Jobs, len(r.Files), start, func(out outcome) {
		defer r.Progress.End(out.part)
		if out.drop != nil {
			defer out.drop()
		}
		if failed != nil && !r.All {
			return
		}
		err := out.err
		if out.note != "" {
			_, noteErr := fmt.Fprintln(report, out.note)
			err = errors.Join(err, noteErr)
		}
		if err == nil && out.take != nil {
			if err = out.take(); err != nil {
				err = fmt.Errorf("restore %s: %w", r.Files[taken].ID, err)
			}
		}
		taken++
		switch {
		case errors.Is(err, catalog.ErrMissing):
			missing = errors.Join(missing, err)
		case err != nil:
			failed = errors.Join(failed, err)
			if !r.All {
				cancel()
			}
		}
	})
	note, skipped := r.Skipped()
	if note != "" {
		_, err := fmt.Fprintln(report, note)
		failed = errors.Join(failed, err)
	}
	if failed == nil && taken < len(r.Files) {
		failed = fmt.Errorf("restore the %d files not begun: %w", len(r.Files)-taken, ctx.Err())
	}
	return errors.Join(missing, skipped), failed
}

// InTurn calls f after the files before had their turns; only the first call for a file counts.
func (r *Originals) InTurn(i int, f func()) {
	select {
	case <-r.turns[i]:
		return
	default:
	}
	if i > 0 {
		<-r.turns[i-1]
	}
	f()
	close(r.turns[i])
}

// Lines writes each file to the writer that to returns for it, in order, and calls end behind a whole
// one. Several at once go through temporary files.
func (r *Originals) Lines(ctx context.Context, to func(catalog.Original) (w io.Writer, end func() error, err error)) (missing, failed error) {
	write := func(o catalog.Original, write func(io.Writer) error) error {
		w, end, err := to(o)
		if err == nil {
			err = write(w)
		}
		if err == nil {
			err = end()
		}
		return err
	}
	return r.Each(ctx, func(ctx context.Context, _ int, o catalog.Original, progress io.Writer) (func() error, func(), error) {
		restored := func(w io.Writer) error { return o.Write(ctx, os.TempDir(), io.MultiWriter(w, progress)) }
		if r.Jobs == 1 || len(r.Files) == 1 {
			return nil, nil, write(o, restored)
		}
		file, err := os.CreateTemp("", "auditsidecar-restore-")
		if err == nil {
			err = os.Remove(file.Name()) // it stays until it is closed
		}
		if err != nil {
			return nil, nil, fmt.Errorf("make a temporary file: %w", err)
		}
		drop := func() { _ = file.Close() } // it was read or is not needed
		fault := restored(file)
		return func() error {
			return write(o, func(w io.Writer) error {
				_, err := file.Seek(0, io.SeekStart)
				if err == nil {
					_, err = io.Copy(w, file)
				}
				return cmp.Or(err, fault)
			})
		}, drop, nil
	})
}

// aheadFiles is how many files are fetched before their turn.
const aheadFiles = 8
