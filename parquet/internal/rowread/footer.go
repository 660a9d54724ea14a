package rowread

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// storedGroup is a row group.
type storedGroup struct {
	rows   int64
	chunks []storedChunk // by column
}

// storedChunk is a column chunk.
type storedChunk struct {
	from, size    int64 // its pages, the dictionary first
	values, nulls int64
}

const (
	// maxGroups is how many row groups the format can number.
	maxGroups = 1 << 15
	// maxPairs bounds the metadata; ours have 18.
	maxPairs = 64
)

var errFooter = errors.New("damaged footer (not as auditsidecar wrote it: use another copy or version of the object)")

// fileMeta, rowGroup, columnChunk and columnMeta are the format's, as far as they are read: its own
// take four times the memory.
type fileMeta struct {
	Schema    thrift.Slice[format.SchemaElement] `thrift:"2,required"`
	NumRows   int64                              `thrift:"3,required"`
	RowGroups thrift.Slice[rowGroup]             `thrift:"4,required"`
	Pairs     thrift.Slice[format.KeyValue]      `thrift:"5,optional"`
}

type rowGroup struct {
	Columns thrift.Slice[columnChunk] `thrift:"1,required"`
	NumRows int64                     `thrift:"3,required"`
}

type columnChunk struct {
	FilePath          string     `thrift:"1,optional"`
	MetaData          columnMeta `thrift:"3,required"`
	OffsetIndexOffset int64      `thrift:"4,optional"`
	OffsetIndexLength int32      `thrift:"5,optional"`
	ColumnIndexOffset int64      `thrift:"6,optional"`
	ColumnIndexLength int32      `thrift:"7,optional"`
}

type columnMeta struct {
	Type                 format.Type                   `thrift:"1,required"`
	Encoding             thrift.Slice[format.Encoding] `thrift:"2,required"`
	Codec                format.CompressionCodec       `thrift:"4,required"`
	NumValues            int64                         `thrift:"5,required"`
	TotalCompressedSize  int64                         `thrift:"7,required"`
	DataPageOffset       int64                         `thrift:"9,required"`
	DictionaryPageOffset int64                         `thrift:"11,optional"`
	Statistics           struct {
		NullCount int64 `thrift:"3,optional"`
	} `thrift:"12,optional"`
	BloomFilterOffset int64 `thrift:"14,optional"`
	BloomFilterLength int32 `thrift:"15,optional"`
}

// parseFooter reads a footer whose object has size bytes before it.
func parseFooter(b []byte, size int64) (*File, error) {
	var m fileMeta
	if n, err := Unmarshal(b, &m); err != nil || n < len(b) {
		return nil, errFooter
	}
	f := &File{Rows: m.NumRows, Pairs: map[string]string{}}
	for _, p := range m.Pairs {
		if _, twice := f.Pairs[p.Key]; twice || len(f.Pairs) == maxPairs {
			return nil, errFooter
		}
		f.Pairs[p.Key] = p.Value
	}
	version, ok := f.Pairs[schema.VersionKey]
	if !ok {
		return nil, errors.New("a Parquet file of another program")
	}
	if version != schema.Version {
		return nil, fmt.Errorf("schema version %q, want %q (use the auditsidecar that wrote it)", version, schema.Version)
	}
	if err := f.addGroups(&m, size); err != nil {
		return nil, fmt.Errorf("%w: %w", errFooter, err)
	}
	return f, nil
}

// addGroups takes over the row groups, if the columns are ours.
func (f *File) addGroups(m *fileMeta, size int64) error {
	elements, _, err := schema.Parts()
	if err != nil {
		return err
	}
	if !reflect.DeepEqual([]format.SchemaElement(m.Schema), elements) {
		return errors.New("the columns are others than those of its version")
	}
	if len(m.RowGroups) > maxGroups {
		return fmt.Errorf("%d row groups", len(m.RowGroups))
	}
	defs, rows := schema.Columns(), int64(0)
	for i := range m.RowGroups {
		g, err := newGroup(&m.RowGroups[i], &defs, size)
		if err != nil {
			return fmt.Errorf("row group %d: %w", i, err)
		}
		f.groups = append(f.groups, g)
		rows += g.rows
	}
	if rows != f.Rows {
		return fmt.Errorf("%d rows, and %d in its row groups", f.Rows, rows)
	}
	return nil
}

// newGroup takes a row group of an object that has size bytes before its footer.
func newGroup(g *rowGroup, defs *[schema.NumColumns]schema.Column, size int64) (storedGroup, error) {
	stored := storedGroup{rows: g.NumRows}
	if len(g.Columns) != len(defs) {
		return stored, fmt.Errorf("%d columns, want %d", len(g.Columns), len(defs))
	}
	for i := range defs {
		d, c := &defs[i], &g.Columns[i]
		if wrong := wrongChunk(c, d, size); wrong != "" {
			return stored, fmt.Errorf("column %s: %s", d.Name, wrong)
		}
		m := &c.MetaData
		single := d.Shape == schema.Scalar || d.Shape == schema.Required
		if g.NumRows < 1 || m.NumValues < g.NumRows || single && m.NumValues != g.NumRows {
			return stored, fmt.Errorf("column %s: %d values for %d rows", d.Name, m.NumValues, g.NumRows)
		}
		stored.chunks = append(stored.chunks, storedChunk{from: firstPage(m), size: m.TotalCompressedSize, values: m.NumValues, nulls: m.Statistics.NullCount})
	}
	return stored, nil
}

// within says whether size bytes from at on are among the first end bytes.
func within(at, size, end int64) bool { return at >= 0 && size >= 0 && size <= end-at }

// wrongChunk names the claim that cannot be true in an object that has size bytes before its footer, or nothing.
func wrongChunk(c *columnChunk, d *schema.Column, size int64) string {
	m := &c.MetaData
	for _, e := range m.Encoding {
		if !d.Allows(e) {
			return fmt.Sprintf("it has the encoding %v", e)
		}
	}
	from := firstPage(m)
	switch {
	case c.FilePath != "":
		return "it is in another file"
	case m.Type != d.Physical():
		return fmt.Sprintf("its type is %v, want %v", m.Type, d.Physical())
	case m.Codec != format.Zstd:
		return fmt.Sprintf("its codec is %v, want %v", m.Codec, format.Zstd)
	case from < int64(len(magic)) || m.DictionaryPageOffset > m.DataPageOffset || !within(from, m.TotalCompressedSize, size) || m.DataPageOffset-from > m.TotalCompressedSize:
		return fmt.Sprintf("its %d bytes from byte %d on are outside of the file", m.TotalCompressedSize, from)
	case !within(m.BloomFilterOffset, int64(m.BloomFilterLength), size) || !within(c.OffsetIndexOffset, int64(c.OffsetIndexLength), size) || !within(c.ColumnIndexOffset, int64(c.ColumnIndexLength), size):
		return "its bloom filter or page index is outside of the file"
	case m.Statistics.NullCount < 0 || m.Statistics.NullCount > m.NumValues:
		return fmt.Sprintf("%d of %d values are null", m.Statistics.NullCount, m.NumValues)
	}
	return ""
}

// firstPage is where the first page of a chunk begins: that of the dictionary, if there is one.
func firstPage(m *columnMeta) int64 {
	return cmp.Or(m.DictionaryPageOffset, m.DataPageOffset)
}
