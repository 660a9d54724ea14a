package parquet

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"

	pq "github.com/parquet-go/parquet-go"
)

// row is what is stored of one event or line, beside the columns of meta.
type row struct {
	event  *event
	raw    []byte // nil where the columns rebuild the line
	status string
	line   int64
	part   int64
	size   int // bytes of the source that the row stands for
}

// limits bounds the memory of a conversion.
type limits struct {
	index    int // bytes of the index before it spills
	rowGroup int // bytes of source lines in one row group
	page     int // bytes of a page before encoding
}

func defaultLimits() limits {
	return limits{index: 16 << 20, rowGroup: 32 << 20, page: 256 << 10}
}

// objectWriter writes one object. Rows are collected in small batches: the
// library is faster with many values of one column at a time.
type objectWriter struct {
	path   string
	file   *os.File
	buf    *bufio.Writer
	hash   hash.Hash
	size   int64
	writer *pq.GenericWriter[any]
	limits limits
	meta   *ObjectMeta

	columns []*pq.ColumnWriter
	defs    [numColumns]columnDef
	values  [numColumns][]pq.Value
	rows    int64
	batch   int
	group   int // bytes of source lines in the open row group
}

const (
	batchRows  = 64
	batchBytes = 256 << 10
)

func newObjectWriter(path string, meta *ObjectMeta, lim limits) (*objectWriter, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create object: %w", err)
	}
	w := &objectWriter{path: path, file: f, hash: sha256.New(), limits: lim, meta: meta, defs: columnDefs()}
	w.buf = bufio.NewWriterSize(countingWriter{w}, 64<<10)
	options, err := w.options()
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	w.writer = pq.NewGenericWriter[any](w.buf, options...)
	w.columns = w.writer.ColumnWriters()
	for _, kv := range meta.pairs() {
		w.writer.SetKeyValueMetadata(kv[0], kv[1])
	}
	return w, nil
}

// countingWriter writes to the object's file.
type countingWriter struct{ w *objectWriter }

func (c countingWriter) Write(b []byte) (int, error) {
	n, err := c.w.file.Write(b)
	c.w.hash.Write(b[:n])
	c.w.size += int64(n)
	return n, err
}

func (w *objectWriter) options() ([]pq.WriterOption, error) {
	zstd, err := newCodec()
	if err != nil {
		return nil, err
	}
	schema := newSchema()
	paths := schema.Columns()
	options := []pq.WriterOption{
		schema,
		pq.Compression(zstd),
		pq.PageBufferSize(w.limits.page),
		pq.WriteBufferSize(0),
		pq.DataPageStatistics(false),
		pq.DataPageVersion(1),
		pq.CreatedBy("auditsidecar", w.meta.Converter, ""),
	}
	var blooms []pq.BloomFilterColumn
	for c, d := range w.defs {
		if !d.bounded {
			options = append(options, pq.SkipPageBounds(paths[c]...))
		}
		if d.bloom {
			blooms = append(blooms, pq.SplitBlockFilter(10, paths[c]...))
		}
	}
	return append(options, pq.BloomFilters(blooms...)), nil
}

// add takes one row; its slices must stay as they are until the next flush.
func (w *objectWriter) add(r row) {
	for c := column(0); c < numColumns; c++ {
		w.values[c] = w.appendValues(w.values[c], c, &r)
	}
	w.batch++
	w.rows++
	w.group += r.size
}

// full reports whether the batch should be flushed.
func (w *objectWriter) full() bool { return w.batch >= batchRows }

// flush hands the batch to the library, and ends the row group where it is
// large enough.
func (w *objectWriter) flush() error {
	if w.batch == 0 {
		return nil
	}
	for c := range w.values {
		if _, err := w.columns[c].WriteRowValues(w.values[c]); err != nil {
			return fmt.Errorf("write column %s of %s: %w", w.defs[c].name, w.path, err)
		}
		clear(w.values[c])
		w.values[c] = w.values[c][:0]
	}
	w.batch = 0
	if w.group < w.limits.rowGroup {
		return nil
	}
	w.group = 0
	if err := w.writer.Flush(); err != nil {
		return fmt.Errorf("write row group of %s: %w", w.path, err)
	}
	return nil
}

// close ends the object and makes it durable.
func (w *objectWriter) close() (Object, error) {
	if err := w.finish(); err != nil {
		return Object{}, errors.Join(err, w.abort())
	}
	if err := w.file.Close(); err != nil {
		return Object{}, errors.Join(fmt.Errorf("close object: %w", err), os.Remove(w.path))
	}
	return Object{
		Path:   w.path,
		Day:    w.meta.Day,
		Rows:   w.rows,
		Size:   w.size,
		SHA256: hex.EncodeToString(w.hash.Sum(nil)),
	}, nil
}

func (w *objectWriter) finish() error {
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.writer.Close(); err != nil {
		return fmt.Errorf("write footer of %s: %w", w.path, err)
	}
	if err := w.buf.Flush(); err != nil {
		return fmt.Errorf("write object: %w", err)
	}
	if err := w.file.Sync(); err != nil {
		return fmt.Errorf("sync object: %w", err)
	}
	return nil
}

// abort closes and removes an object that is not finished.
func (w *objectWriter) abort() error {
	return errors.Join(w.file.Close(), os.Remove(w.path))
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	if err := d.Sync(); err != nil {
		return errors.Join(fmt.Errorf("sync directory %s: %w", filepath.Clean(dir), err), d.Close())
	}
	return d.Close()
}
