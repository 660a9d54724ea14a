package parquet

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
)

// row is what is stored of one event or line, beside the columns of meta.
type row struct {
	event  *auditline.Event
	raw    []byte // nil where the columns rebuild the line
	status string // of decode_status
	line   int64
	part   int64
	size   int // bytes of the source that the row stands for
}

// fileLimits bounds the memory of an object that is written, in bytes.
type fileLimits struct {
	rowGroup   int // of source lines in one row group
	buffered   int // of pages and dictionaries in one row group
	page       int // of a page before compression
	dictionary int // of the values in a dictionary
	long       int // of a value that is buffered: a longer one is a page of its own
}

func defaultFileLimits() fileLimits {
	return fileLimits{rowGroup: 52 << 20, buffered: 16 << 20, page: 128 << 10, dictionary: 1 << 20, long: 1 << 20}
}

// fileConfig says what is the same for all rows of an object.
type fileConfig struct {
	path string
	work string // directory of temporary files
	// pairs is the metadata, ordered by key.
	pairs     [][2]string
	createdBy string
	// Values of columns.
	node, epoch, sourceFile string
	seq                     int64
}

// written is an object that is finished.
type written struct {
	rows, size int64
	sha256     string // in hexadecimal
}

// objectWriter writes one object: rows into chunks, chunks into row groups,
// row groups into the file.
type objectWriter struct {
	cfg    fileConfig
	file   *os.File
	buf    *bufio.Writer
	hash   hash.Hash
	size   int64 // bytes written, those in buf included
	limits fileLimits

	chunks [numColumns]*chunk
	paths  [][]string
	rows   int64
	group  groupState
	spool  spool // of the open row group
	footer format.FileMetaData
	index  []columnIndexes // of every chunk written
}

// groupState counts what is in the open row group.
type groupState struct {
	rows  int64
	bytes int  // of source lines
	cut   bool // the rows may not be in the order of their values
}

func newObjectWriter(cfg fileConfig, lim fileLimits, codec *codec) (*objectWriter, error) {
	elements, orders, err := schemaParts()
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(cfg.path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create object: %w", err)
	}
	w := &objectWriter{cfg: cfg, file: f, hash: sha256.New(), limits: lim, paths: newSchema().Columns(), spool: spool{work: cfg.work}}
	w.buf = bufio.NewWriterSize(io.MultiWriter(f, w.hash), 64<<10)
	for i, d := range columnDefs() {
		w.chunks[i] = newChunk(d, codec, &w.spool, lim)
		w.chunks[i].begin(w.paths[i])
	}
	w.chunks[colDecodeStatus].constant = []byte(statusOK)
	w.chunks[colLinePart].constant = make([]byte, 4)
	w.chunks[colNode].constant = []byte(cfg.node)
	w.chunks[colEpoch].constant = []byte(cfg.epoch)
	w.chunks[colSourceFile].constant = []byte(cfg.sourceFile)
	w.chunks[colSeq].constant = binary.LittleEndian.AppendUint64(nil, uint64(cfg.seq))
	w.footer = format.FileMetaData{
		Version:      2,
		Schema:       elements,
		ColumnOrders: orders,
		CreatedBy:    cfg.createdBy,
	}
	for _, kv := range cfg.pairs {
		w.footer.KeyValueMetadata = append(w.footer.KeyValueMetadata, format.KeyValue{Key: kv[0], Value: kv[1]})
	}
	if err := w.write([]byte("PAR1")); err != nil {
		return nil, errors.Join(err, w.abort())
	}
	return w, nil
}

// write appends to the object.
func (w *objectWriter) write(b []byte) error {
	n, err := w.buf.Write(b)
	w.size += int64(n)
	if err != nil {
		return fmt.Errorf("write object: %w", err)
	}
	return nil
}

// pageCheckRows is how often the columns with short values are looked at.
const pageCheckRows = 64

// add takes one row.
func (w *objectWriter) add(r *row) error {
	w.addEvent(r)
	w.addOrigin(r)
	w.rows++
	w.group.rows++
	w.group.bytes += r.size
	w.group.cut = w.group.cut || cutsKey(r.event.Object())
	if w.rows%pageCheckRows != 0 && r.size < w.limits.page/pageCheckRows {
		return nil
	}
	memory := 0
	for _, c := range w.chunks {
		if c.failed != nil {
			return c.failed
		}
		c.catchUp(w.group.rows)
		if c.pending() >= c.pageSize {
			if err := c.flush(); err != nil {
				return err
			}
		}
		memory += c.memory()
	}
	if w.group.bytes >= w.limits.rowGroup || memory >= w.limits.buffered {
		return w.endGroup()
	}
	return nil
}

// path is where the object is.
func (w *objectWriter) path() string { return w.cfg.path }

// unsorted says that the rows of the open row group may not be in the order of
// their values.
func (w *objectWriter) unsorted() { w.group.cut = true }

// close ends the object and makes it durable.
func (w *objectWriter) close() (written, error) {
	if err := w.finish(); err != nil {
		return written{}, errors.Join(err, w.abort())
	}
	if err := errors.Join(w.spool.close(), w.file.Close()); err != nil {
		return written{}, errors.Join(fmt.Errorf("close object: %w", err), os.Remove(w.cfg.path))
	}
	return written{rows: w.rows, size: w.size, sha256: hex.EncodeToString(w.hash.Sum(nil))}, nil
}

func (w *objectWriter) finish() error {
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

// abort closes and removes an object that is not finished.
func (w *objectWriter) abort() error {
	return errors.Join(w.spool.close(), w.file.Close(), os.Remove(w.cfg.path))
}
