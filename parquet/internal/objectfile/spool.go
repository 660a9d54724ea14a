package objectfile

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/parquet/internal/rowsort"
)

// spool holds the compressed bodies of pages with one long value until their
// row group is written. They go through the compressor into a file without a
// name, so that a long line is in memory once: as the line itself.
type spool struct {
	work string
	file *os.File // nil until the first page
	size int64
}

// spooled is the body of one page of a chunk.
type spooled struct {
	after int // bytes of the chunk's pages that come before it
	from  int64
	size  int64
}

// add compresses one page given in parts, and returns where its body is and
// its checksum.
func (s *spool) add(codec *Codec, parts ...[]byte) (body spooled, crc uint32, err error) {
	if s.file == nil {
		if s.file, err = rowsort.UnnamedFile(s.work); err != nil {
			return spooled{}, 0, err
		}
	}
	sum := crc32.NewIEEE()
	out := io.NewOffsetWriter(s.file, s.size)
	buf := bufio.NewWriterSize(out, 64<<10)
	if err := codec.frame(io.MultiWriter(buf, sum), parts); err != nil {
		return spooled{}, 0, fmt.Errorf("write spill file: %w", err)
	}
	if err := buf.Flush(); err != nil {
		return spooled{}, 0, fmt.Errorf("write spill file: %w", err)
	}
	size, _ := out.Seek(0, io.SeekCurrent) // it only counts
	body = spooled{from: s.size, size: size}
	s.size += size
	return body, sum.Sum32(), nil
}

// copy writes one body to w.
func (s *spool) copy(w io.Writer, body spooled) error {
	if _, err := io.Copy(w, io.NewSectionReader(s.file, body.from, body.size)); err != nil {
		return fmt.Errorf("copy from spill file: %w", err)
	}
	return nil
}

// reset forgets all bodies and gives their space on disk back.
func (s *spool) reset() error {
	if s.size == 0 {
		return nil
	}
	s.size = 0
	if err := s.file.Truncate(0); err != nil {
		return fmt.Errorf("empty spill file: %w", err)
	}
	return nil
}

func (s *spool) close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// isLong reports whether a value gets a page of its own: it is long, and its
// column has at most one value in a row, so that a page may begin anywhere.
func (c *chunk) isLong(v []byte) bool { return len(v) > c.limits.Long && c.levels.maxRep == 0 }

// addLong adds a value as a page of its own.
func (c *chunk) addLong(v []byte) error {
	if err := c.flush(); err != nil {
		return err
	}
	c.levels.add(0, c.levels.maxDef)
	c.bounds.reset()
	if c.def.Bounded {
		c.bounds.add(v)
	}
	if c.def.Bloom {
		c.filter.add(v)
	}
	c.dict.full = true // pages with a dictionary come first
	head := c.levels.append(c.codec.packed[:0])
	if c.def.IsText() {
		head = binary.LittleEndian.AppendUint32(head, uint32(len(v)))
	}
	c.codec.packed = head
	body, crc, err := c.spool.add(c.codec, head, v)
	if err != nil {
		return err
	}
	f := pageFacts{at: c.done.size(), encoding: format.Plain, values: 1, rows: 1}
	header := dataPageHeader(f.values, f.encoding)
	header.UncompressedPageSize = int32(len(head) + len(v))
	header.CompressedPageSize = int32(body.size)
	header.CRC = int32(crc)
	if c.done.data, err = c.done.appendHeader(c.done.data, &header); err != nil {
		return err
	}
	body.after = len(c.done.data)
	c.done.spooled = append(c.done.spooled, body)
	c.done.record(f, &c.bounds)
	c.levels.reset()
	return nil
}
