package parquet

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/parquet/internal/objectfile"
	"github.com/auditsidecar/auditsidecar/parquet/internal/rowsort"
	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// emission is the second pass of a conversion: it takes the rows in the order of
// the index and reads each line where it stands.
type emission struct {
	*conversion
	codec          *objectfile.Codec
	rebuilder      auditline.Rebuilder
	levels, stages tally
	writer         *objectfile.Writer // of the open object
	key, keyBefore []byte             // of the row that was written last, and of the one before
	before         rowsort.Ref        // the row that was written last
	parts          int64              // of broken lines without a row
}

func (c *conversion) writeObjects(ctx context.Context) error {
	codec, err := objectfile.NewCodec()
	if err != nil {
		return err
	}
	next, err := c.index.Sorted()
	if err != nil {
		return err
	}
	rows, err := rowsort.NewFetcher(c.src, next)
	if err != nil {
		return err
	}
	e := emission{conversion: c, codec: codec, levels: tally{}, stages: tally{}}
	days := c.days.days()
	for _, d := range days {
		if err := e.writeObject(ctx, d, days, rows); err != nil {
			return err
		}
	}
	if e.parts != 0 { // a line with several events looked like one
		return errSample
	}
	c.result.Levels, c.result.Stages = e.levels.counts(), e.stages.counts()
	return nil
}

// writeObject writes the rows of a day. After an error nothing is left of the object.
func (e *emission) writeObject(ctx context.Context, d DayRows, all []DayRows, rows *rowsort.Fetcher) error {
	if err := e.openObject(d, all); err != nil {
		return err
	}
	e.key, e.before = e.key[:0], rowsort.Ref{Time: rowsort.NoTime} // no row comes before it
	for n := range d.Rows {
		err := ctx.Err()
		if err != nil {
			err = fmt.Errorf("write objects: %w", err)
		} else {
			err = e.nextRow(rows)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("row %d of %s: %w", n, e.writer.Path(), err), e.writer.Abort())
		}
	}
	done, err := e.writer.Close()
	if err != nil {
		return err
	}
	e.result.Objects = append(e.result.Objects, Object{Path: e.writer.Path(), Day: d.Day, Rows: done.Rows, Size: done.Size, SHA256: done.SHA256})
	return nil
}

func (e *emission) openObject(d DayRows, all []DayRows) error {
	path := e.cfg.File
	if path == "" {
		path = filepath.Join(e.dir, d.Day+".parquet")
	}
	var last time.Time
	if e.cfg.Meta.Increment.FirstLine > 0 {
		_, last = e.days.span()
	}
	meta := ObjectMeta{
		Meta:         e.cfg.Meta,
		Day:          d.Day,
		SourceSize:   e.result.Bytes,
		SourceLines:  e.result.Lines,
		SourceSHA256: e.result.SHA256,
		FinalNewline: e.result.FinalNewline,
		Days:         all,
		Holes:        e.result.Holes,
		Last:         last,
	}
	var err error
	e.writer, err = objectfile.New(objectfile.Config{
		Path: path, Work: e.work, Pairs: meta.pairs(), CreatedBy: "auditsidecar " + meta.Converter,
		Node: meta.Node, Epoch: meta.Epoch, SourceFile: meta.SourceName, Seq: meta.Seq,
	}, e.limits.file, e.codec)
	return err
}

// nextRow writes the next row of the index.
func (e *emission) nextRow(rows *rowsort.Fetcher) error {
	ref, line, ok, err := rows.Row()
	if err == nil && !ok {
		err = errors.New("the index has no more rows")
	}
	if err == nil && line == nil { // too long to be read ahead
		line, err = e.read(ref)
	}
	if err != nil {
		return err
	}
	e.event.Release()
	r := objectfile.Row{Event: &e.event, Line: e.cfg.Meta.Increment.before() + int64(ref.Line), Part: int64(ref.Part), Size: len(line)}
	if ref.Part > 0 {
		e.decoder.Line(line, &e.event)
		r.Status = schema.StatusSalvaged
		e.parts--
		if !e.follows(ref) {
			return errSample
		}
		return e.writer.Add(&r)
	}
	outcome, parts := e.decoder.Line(line, &e.event)
	e.parts += int64(max(len(parts), 1)) - 1
	if !e.follows(ref) {
		return errSample
	}
	r.Raw, r.Status = e.count(outcome, line)
	return e.writer.Add(&r)
}

// follows reports whether the event of a row has the time by which it was sorted,
// and comes after the row before: if not, one of the two had a wrong sample.
func (e *emission) follows(ref rowsort.Ref) bool {
	if !e.samples {
		return true
	}
	e.key, e.keyBefore = rowsort.AppendKey(e.keyBefore[:0], e.event.Object()), e.key
	order := cmp.Or(bytes.Compare(e.keyBefore, e.key), cmp.Compare(e.before.Time, ref.Time), cmp.Compare(e.before.Line, ref.Line))
	e.before = ref
	return order <= 0 && ref.Time == stageTime(&e.event)
}

// count counts a line by its outcome, and returns its bytes if they must be kept
// beside its columns.
func (e *emission) count(outcome auditline.Outcome, line []byte) (raw []byte, status string) {
	e.levels.add(e.event.Text(auditline.Level))
	e.stages.add(e.event.Text(auditline.Stage))
	status = schema.StatusOK
	switch outcome {
	case auditline.Canonical:
		if e.rebuilder.Proves(line, &e.event) {
			return nil, status
		}
	case auditline.Broken:
		status = schema.StatusSalvaged
		e.result.Salvaged++
	case auditline.Undecodable:
		status = schema.StatusUndecodable
		e.result.Undecodable++
	}
	e.result.RawLines++
	return line, status
}
