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
	"path/filepath"
	"syscall"

	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

// row is what is stored of one event or line, beside the columns of meta.
type row struct {
	event  *auditline.Event
	raw    []byte // nil where the columns rebuild the line
	status []byte
	line   int64
	part   int64
	size   int // bytes of the source that the row stands for
}

// limits bounds the memory of a conversion, in bytes.
type limits struct {
	index      int   // of the index before it spills
	spill      int64 // on disk, of a spilled index beside one for each of the source
	rowGroup   int   // of source lines in one row group
	buffered   int   // of pages and dictionaries in one row group
	page       int   // of a page before compression
	dictionary int   // of the values in a dictionary
	hole       int   // of a run of NULs that its line is stored without, at least
	long       int   // of a line or value that is buffered: of a longer one there is one copy, its line's
}

func defaultLimits() limits {
	return limits{index: 8 << 20, spill: 512 << 20, rowGroup: 52 << 20, buffered: 16 << 20, page: 128 << 10, dictionary: 1 << 20, hole: 64 << 10, long: 1 << 20}
}

// objectWriter writes one object: rows into chunks, chunks into row groups,
// row groups into the file.
type objectWriter struct {
	path   string
	file   *os.File
	buf    *bufio.Writer
	hash   hash.Hash
	size   int64 // bytes written, those in buf included
	limits limits
	meta   *ObjectMeta

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

func newObjectWriter(path, work string, meta *ObjectMeta, lim limits, codec *codec) (*objectWriter, error) {
	elements, orders, err := schemaParts()
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create object: %w", err)
	}
	w := &objectWriter{path: path, file: f, hash: sha256.New(), limits: lim, meta: meta, paths: newSchema().Columns(), spool: spool{work: work}}
	w.buf = bufio.NewWriterSize(io.MultiWriter(f, w.hash), 64<<10)
	for i, d := range columnDefs() {
		w.chunks[i] = newChunk(d, codec, &w.spool, lim)
		w.chunks[i].begin(w.paths[i])
	}
	w.chunks[colDecodeStatus].constant = []byte(statusOK)
	w.chunks[colLinePart].constant = make([]byte, 4)
	w.chunks[colNode].constant = []byte(meta.Node)
	w.chunks[colEpoch].constant = []byte(meta.Epoch)
	w.chunks[colSourceFile].constant = []byte(meta.SourceName)
	w.chunks[colSeq].constant = binary.LittleEndian.AppendUint64(nil, uint64(meta.Seq))
	w.footer = format.FileMetaData{
		Version:      2,
		Schema:       elements,
		ColumnOrders: orders,
		CreatedBy:    "auditsidecar " + meta.Converter,
	}
	for _, kv := range meta.pairs() {
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

// close ends the object and makes it durable.
func (w *objectWriter) close() (Object, error) {
	if err := w.finish(); err != nil {
		return Object{}, errors.Join(err, w.abort())
	}
	if err := errors.Join(w.spool.close(), w.file.Close()); err != nil {
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
	return errors.Join(w.spool.close(), w.file.Close(), os.Remove(w.path))
}

// syncDir makes the names in a directory durable, where its file system can: CIFS
// and some in user space cannot.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return errors.Join(fmt.Errorf("sync directory %s: %w", filepath.Clean(dir), err), d.Close())
	}
	return d.Close()
}
