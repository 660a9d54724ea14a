package objectfile

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/parquet/internal/rowsort"
	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// Row is the stored form of one event or line, beside the columns of meta.
type Row struct {
	Event  *auditline.Event
	Raw    []byte // nil where the columns rebuild the line
	Status string // of decode_status
	Line   int64
	Part   int64
	Size   int // bytes of the source that the row stands for
}

// Limits bounds the memory of an object that is written, in bytes.
type Limits struct {
	RowGroup   int // of source lines in one row group
	Buffered   int // of pages and dictionaries in one row group
	Page       int // of a page before compression
	Dictionary int // of the values in a dictionary
	Long       int // of a value that is buffered: a longer one is a page of its own
}

// DefaultLimits are good for audit logs.
func DefaultLimits() Limits {
	return Limits{RowGroup: 52 << 20, Buffered: 16 << 20, Page: 128 << 10, Dictionary: 1 << 20, Long: 1 << 20}
}

// Config has the values shared by all rows of an object.
type Config struct {
	Path string
	Work string // directory of temporary files
	// pairs is the metadata, ordered by key.
	Pairs     [][2]string
	CreatedBy string
	// Values of columns.
	Node, Epoch, SourceFile string
	Seq                     int64
}

// Written is an object that is finished.
type Written struct {
	Rows, Size int64
	SHA256     string // in hexadecimal
}

// Writer writes one object: rows into chunks, chunks into row groups,
// row groups into the file.
type Writer struct {
	cfg    Config
	file   *os.File
	buf    *bufio.Writer
	hash   hash.Hash
	size   int64 // bytes written, those in buf included
	limits Limits

	chunks [schema.NumColumns]*chunk
	paths  [][]string
	rows   int64
	group  groupState
	spool  spool // of the open row group
	footer format.FileMetaData
	index  []columnIndexes // of every chunk written
}

// groupState counts the open row group.
type groupState struct {
	rows  int64
	bytes int  // of source lines
	cut   bool // the rows may not be in the order of their values
}

// New begins an object.
func New(cfg Config, lim Limits, codec *Codec) (*Writer, error) {
	elements, orders, err := schema.Parts()
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(cfg.Path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create object: %w", err)
	}
	w := &Writer{cfg: cfg, file: f, hash: sha256.New(), limits: lim, paths: schema.New().Columns(), spool: spool{work: cfg.Work}}
	w.buf = bufio.NewWriterSize(io.MultiWriter(f, w.hash), 64<<10)
	for i, d := range schema.Columns() {
		w.chunks[i] = newChunk(d, codec, &w.spool, lim)
		w.chunks[i].begin(w.paths[i])
	}
	w.chunks[schema.DecodeStatus].constant = []byte(schema.StatusOK)
	w.chunks[schema.LinePart].constant = make([]byte, 4)
	w.chunks[schema.Node].constant = []byte(cfg.Node)
	w.chunks[schema.Epoch].constant = []byte(cfg.Epoch)
	w.chunks[schema.SourceFile].constant = []byte(cfg.SourceFile)
	w.chunks[schema.Seq].constant = binary.LittleEndian.AppendUint64(nil, uint64(cfg.Seq))
	w.footer = format.FileMetaData{
		Version:      2,
		Schema:       elements,
		ColumnOrders: orders,
		CreatedBy:    cfg.CreatedBy,
	}
	for _, kv := range cfg.Pairs {
		w.footer.KeyValueMetadata = append(w.footer.KeyValueMetadata, format.KeyValue{Key: kv[0], Value: kv[1]})
	}
	if err := w.write([]byte("PAR1")); err != nil {
		return nil, errors.Join(err, w.Abort())
	}
	return w, nil
}

// write appends to the object.
func (w *Writer) write(b []byte) error {
	n, err := w.buf.Write(b)
	w.size += int64(n)
	if err != nil {
		return fmt.Errorf("write object: %w", err)
	}
	return nil
}

// pageCheckRows is how often the columns with short values are looked at.
const pageCheckRows = 64

// Add takes one row.
func (w *Writer) Add(r *Row) error {
	w.addEvent(r)
	w.addOrigin(r)
	w.rows++
	w.group.rows++
	w.group.bytes += r.Size
	w.group.cut = w.group.cut || rowsort.CutsKey(r.Event.Object())
	if w.rows%pageCheckRows != 0 && r.Size < w.limits.Page/pageCheckRows {
		return nil
	}
	memory := 0
	for _, c := range w.chunks {
		if c.failed != nil {
			return c.failed
		}
		c.catchUp(w.group.rows)
		if c.pageIsFull() {
			if err := c.flush(); err != nil {
				return err
			}
		}
		memory += c.memory()
	}
	if w.group.bytes >= w.limits.RowGroup || memory >= w.limits.Buffered {
		return w.endGroup()
	}
	return nil
}

// Path is where the object is.
func (w *Writer) Path() string { return w.cfg.Path }

// Close ends the object and makes it durable.
func (w *Writer) Close() (Written, error) {
	if err := w.finish(); err != nil {
		return Written{}, errors.Join(err, w.Abort())
	}
	if err := errors.Join(w.spool.close(), w.file.Close()); err != nil {
		return Written{}, errors.Join(fmt.Errorf("close object: %w", err), os.Remove(w.cfg.Path))
	}
	return Written{Rows: w.rows, Size: w.size, SHA256: hex.EncodeToString(w.hash.Sum(nil))}, nil
}

func (w *Writer) finish() error {
	if err := w.endGroup(); err != nil {
		return err
	}
	if err := w.writeFooter(); err != nil {
		return err
	}
	if err := w.buf.Flush(); err != nil {
		return fmt.Errorf("write object: %w", err)
	}
	if err := w.file.Sync(); err != nil {
		return fmt.Errorf("sync object: %w", err)
	}
	return nil
}

// Abort closes and removes an object that is not finished.
func (w *Writer) Abort() error {
	return errors.Join(w.spool.close(), w.file.Close(), os.Remove(w.cfg.Path))
}
