package parquet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
)

// writeObjects is the second pass: it takes the rows in the order of the index
// and reads each line where it stands.
func (c *conversion) writeObjects(ctx context.Context) error {
	next, err := c.index.sorted()
	if err != nil {
		return err
	}
	days := c.days.days()
	ref, more, err := next()
	var count int64
	for _, d := range days {
		if err == nil {
			err = c.openObject(d, days)
		}
		for n := int64(0); err == nil && n < d.Rows; n++ {
			if count++; count%checkEvery == 0 && ctx.Err() != nil {
				return fmt.Errorf("write objects: %w", ctx.Err())
			}
			if !more {
				return fmt.Errorf("write objects: index ended at row %d of %s", n, d.Day)
			}
			if err = c.emit(ref); err == nil {
				ref, more, err = next()
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
	var err error
	c.writer, err = newObjectWriter(path, &ObjectMeta{
		Meta:         c.cfg.Meta,
		Day:          d.Day,
		SourceSize:   c.size,
		SourceLines:  c.result.Lines,
		SourceSHA256: c.result.SHA256,
		FinalNewline: c.result.FinalNewline,
		Days:         all,
	}, c.limits)
	return err
}

func (c *conversion) closeObject() error {
	w := c.writer
	c.writer = nil
	object, err := w.close()
	if err != nil {
		return err
	}
	c.result.Objects = append(c.result.Objects, object)
	return nil
}

// emit writes one row.
func (c *conversion) emit(ref rowRef) error {
	line, err := c.read(ref)
	if err != nil {
		return err
	}
	e := &c.event
	r := row{event: e, status: statusOK, line: ref.line, part: int64(ref.part), size: len(line)}
	if ref.part > 0 {
		c.decoder.part(line, e)
		r.status = statusSalvaged
	} else {
		r.raw, r.status = c.decodeWhole(line)
	}
	c.writer.add(r)
	if c.writer.full() || len(c.lineBuf) > batchBytes {
		c.lineBuf = c.lineBuf[:0]
		if cap(c.lineBuf) > 4*batchBytes {
			c.lineBuf = nil
		}
		err = c.writer.flush()
		e.release()
	}
	return err
}

// decodeWhole decodes a line and says whether its bytes must be kept.
func (c *conversion) decodeWhole(line []byte) (raw []byte, status string) {
	what, _ := c.decoder.line(line, &c.event)
	status = statusOK
	switch what {
	case canonical:
		var proven bool
		if proven, c.proof = c.event.prove(line, c.proof); proven {
			return nil, statusOK
		}
	case broken:
		status = statusSalvaged
	case undecodable:
		status = statusUndecodable
	}
	c.result.RawLines++
	return line, status
}

// read returns the bytes of a row, valid until the batch is flushed.
func (c *conversion) read(ref rowRef) ([]byte, error) {
	n, size := len(c.lineBuf), int(ref.size)
	if n+size+1 > cap(c.lineBuf) {
		// The batch still refers to the old buffer: take a new one.
		c.lineBuf = make([]byte, 0, max(2*batchBytes, size+1))
		n = 0
	}
	line := c.lineBuf[n : n+size]
	c.lineBuf = c.lineBuf[:n+size]
	if got, err := c.src.ReadAt(line, ref.offset); got < size {
		if err == nil || errors.Is(err, io.EOF) {
			err = ErrSourceChanged
		}
		return nil, fmt.Errorf("read line %d: %w", ref.line, err)
	}
	return line[:size:size], nil
}
