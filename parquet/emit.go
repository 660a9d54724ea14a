package parquet

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/parquet/internal/objectfile"
	"github.com/auditsidecar/auditsidecar/parquet/internal/rowsort"
	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// writeObjects is the second pass: it takes the rows in the order of the index
// and reads each line where it stands.
func (c *conversion) writeObjects(ctx context.Context) error {
	next, err := c.index.Sorted()
	if err != nil {
		return err
	}
	days := c.days.days()
	rows, err := rowsort.NewFetcher(c.src, next)
	var count int64
	for _, d := range days {
		if err == nil {
			err = c.openObject(d, days)
		}
		for n := int64(0); err == nil && n < d.Rows; n++ {
			if count++; count%checkEvery == 0 && ctx.Err() != nil {
				return fmt.Errorf("write objects: %w", ctx.Err())
			}
			ref, line, ok, fetchErr := rows.Row()
			switch {
			case fetchErr != nil:
				err = fetchErr
			case !ok:
				err = fmt.Errorf("write objects: index ended at row %d of %s", n, d.Day)
			default:
				err = c.emit(ref, line)
			}
		}
		if err != nil {
			return err
		}
		if err := c.closeObject(); err != nil {
			return err
		}
	}
	return nil
}

func (c *conversion) openObject(d DayRows, all []DayRows) error {
	path := c.cfg.File
	if path == "" {
		path = filepath.Join(c.dir, d.Day+".parquet")
	}
	var last time.Time
	if c.cfg.Meta.Increment.FirstLine > 0 {
		_, last = c.days.span()
	}
	// No row comes before the first one.
	c.key, c.timeBefore, c.lineBefore = c.key[:0], rowsort.NoTime, 0
	var err error
	meta := ObjectMeta{
		Meta:         c.cfg.Meta,
		Day:          d.Day,
		SourceSize:   c.result.Bytes,
		SourceLines:  c.result.Lines,
		SourceSHA256: c.result.SHA256,
		FinalNewline: c.result.FinalNewline,
		Days:         all,
		Holes:        c.result.Holes,
		Last:         last,
	}
	c.day = d.Day
	c.writer, err = objectfile.New(objectfile.Config{
		Path: path, Work: c.work, Pairs: meta.pairs(), CreatedBy: "auditsidecar " + meta.Converter,
		Node: meta.Node, Epoch: meta.Epoch, SourceFile: meta.SourceName, Seq: meta.Seq,
	}, c.limits.file, c.codec)
	return err
}

func (c *conversion) closeObject() error {
	w := c.writer
	c.writer = nil
	done, err := w.Close()
	if err != nil {
		return err
	}
	c.result.Objects = append(c.result.Objects, Object{Path: w.Path(), Day: c.day, Rows: done.Rows, Size: done.Size, SHA256: done.SHA256})
	return nil
}

// emit writes one row. A line that was not read ahead is nil.
func (c *conversion) emit(ref rowsort.Ref, line []byte) error {
	if line == nil {
		var err error
		if line, err = c.read(ref); err != nil {
			return err
		}
	}
	e := &c.event
	e.Release()
	r := objectfile.Row{Event: e, Line: c.cfg.Meta.Increment.before() + int64(ref.Line), Part: int64(ref.Part), Size: len(line)}
	if ref.Part > 0 {
		c.decoder.Part(line, e)
		if c.samples {
			c.follow(ref.Time, ref.Line)
		}
		r.Status = schema.StatusSalvaged
		return c.writer.Add(&r)
	}
	what, parts := c.decoder.Line(line, e)
	if c.samples {
		c.follow(ref.Time, ref.Line)
	}
	if ref.Sum != 0 && !c.confirms(ref, len(parts)) {
		return fmt.Errorf("write line %d: %w", ref.Line, errSample)
	}
	c.count(what, e)
	r.Raw, r.Status = c.keep(what, line)
	return c.writer.Add(&r)
}

// follow looks at the sort key of the event that is in c.event, and whether its
// row comes after the one before. A sample that confirms does not notice may have
// been wrong: two keys can have one checksum. Then the order is not declared.
func (c *conversion) follow(us int64, line uint32) {
	c.key, c.keyBefore = rowsort.AppendKey(c.keyBefore[:0], c.event.Object()), c.key
	c.keySum = rowsort.KeySum(c.key)
	order := bytes.Compare(c.keyBefore, c.key)
	if order > 0 || order == 0 && (us < c.timeBefore || us == c.timeBefore && line < c.lineBefore) {
		c.writer.Unsorted()
	}
	c.timeBefore, c.lineBefore = us, line
}

// confirms reports whether a sample was right about a line that has been
// decoded into c.event.
func (c *conversion) confirms(ref rowsort.Ref, parts int) bool {
	return parts < 2 && ref.Time == stageTime(&c.event) && ref.Sum == c.keySum
}

// keep says whether a line's bytes must be kept beside its columns.
func (c *conversion) keep(what auditline.Outcome, line []byte) (raw []byte, status string) {
	status = schema.StatusOK
	switch what {
	case auditline.Canonical:
		if c.rebuilder.Proves(line, &c.event) {
			return nil, status
		}
	case auditline.Broken:
		status = schema.StatusSalvaged
	case auditline.Undecodable:
		status = schema.StatusUndecodable
	}
	c.result.RawLines++
	return line, status
}

// read returns the bytes of a row, valid until the next call.
func (c *conversion) read(ref rowsort.Ref) ([]byte, error) {
	size := int(ref.Size)
	if c.lineBuf == nil || cap(c.lineBuf) < size || cap(c.lineBuf) > auditline.MaxKept && size <= auditline.MaxKept {
		// Nothing may refer to the old buffer while the new one is made.
		c.lineBuf = nil
		c.event.Reset()
		c.lineBuf = make([]byte, max(size, auditline.MaxKept))
	}
	line := c.lineBuf[:size]
	return line, rowsort.ReadLine(c.src, line, ref)
}
