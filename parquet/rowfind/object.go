package rowfind

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/parquet/internal/rowread"
	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// Object is an object of which the footer was read.
type Object struct {
	// Pairs are the key-value metadata; docs/spec/schema.md describes them.
	Pairs map[string]string

	src    *cache
	tail   int64 // from here on the object stays loaded
	groups []rowGroup
}

// firstRead is how many bytes at the end of an object are read at first: the footer, the page
// indexes and the small bloom filters of one with one row group.
const firstRead = 11 << 10

// fileMeta, rowGroup, columnChunk and columnMeta are the format's, as far as they are read.
type fileMeta struct {
	RowGroups thrift.Slice[rowGroup] `thrift:"4,required"`
}

type rowGroup struct {
	Columns thrift.Slice[columnChunk] `thrift:"1,required"`
	NumRows int64                     `thrift:"3,required"`
}

type columnChunk struct {
	MetaData          columnMeta `thrift:"3,required"`
	OffsetIndexOffset int64      `thrift:"4,optional"`
	OffsetIndexLength int32      `thrift:"5,optional"`
	ColumnIndexOffset int64      `thrift:"6,optional"`
	ColumnIndexLength int32      `thrift:"7,optional"`
}

type columnMeta struct {
	NumValues            int64 `thrift:"5,required"`
	TotalCompressedSize  int64 `thrift:"7,required"`
	DataPageOffset       int64 `thrift:"9,required"`
	DictionaryPageOffset int64 `thrift:"11,optional"`
	Statistics           struct {
		NullCount int64  `thrift:"3,optional"`
		MaxValue  []byte `thrift:"5,optional"`
		MinValue  []byte `thrift:"6,optional"`
	} `thrift:"12,optional"`
	BloomFilterOffset int64 `thrift:"14,optional"`
	BloomFilterLength int32 `thrift:"15,optional"`
}

// Open reads the footer of an object of size bytes.
func Open(r io.ReaderAt, size int64) (*Object, error) {
	o := &Object{src: &cache{r: r}, tail: max(0, size-firstRead)}
	if err := o.src.load([]extent{{o.tail, size - o.tail}}, 0); err != nil {
		return nil, fmt.Errorf("open object: %w", err)
	}
	if begin := o.footerBegin(size); begin < o.tail {
		if err := o.src.load([]extent{{begin, o.tail - begin}}, 0); err != nil {
			return nil, fmt.Errorf("open object: %w", err)
		}
		o.tail = begin
	}
	f, err := rowread.Open(o.src, size) // it decides whether the footer is to be believed
	if err != nil {
		return nil, err
	}
	o.Pairs = f.Pairs
	footer, err := rowread.ReadFooter(o.src, size)
	if err != nil {
		return nil, err
	}
	var m fileMeta
	if _, err := rowread.Unmarshal(footer, &m); err != nil {
		return nil, fmt.Errorf("open object: %w: %w", rowread.ErrNotOurs, err)
	}
	o.groups = m.RowGroups
	return o, nil
}

// footerBegin is where the footer begins, by the last eight bytes.
func (o *Object) footerBegin(size int64) int64 {
	var end [8]byte
	if size < int64(len(end)) {
		return size // rowread.Open reports it
	}
	if _, err := o.src.ReadAt(end[:], size-8); err != nil {
		return size
	}
	return max(0, size-8-int64(binary.LittleEndian.Uint32(end[:])))
}

// pageLocations are the pages of a chunk that have rows.
type pageLocations struct {
	dictionary extent
	pages      []format.PageLocation
	rows       int64 // of the group
}

// first and end are the rows of a page.
func (l *pageLocations) first(page int) int64 { return l.pages[page].FirstRowIndex }

func (l *pageLocations) end(page int) int64 {
	if page+1 < len(l.pages) {
		return l.pages[page+1].FirstRowIndex
	}
	return l.rows
}

var errIndex = errors.New("damaged page index (use another copy or version of the object)")

// locate reads where the pages of a chunk are.
func (o *Object) locate(g *rowGroup, column int) (*pageLocations, error) {
	c := &g.Columns[column]
	m := &c.MetaData
	from := cmp.Or(m.DictionaryPageOffset, m.DataPageOffset)
	if c.OffsetIndexLength == 0 { // the chunk is read as one page
		all := format.PageLocation{Offset: from, CompressedPageSize: int32(min(m.TotalCompressedSize, 1<<31-1))}
		return &pageLocations{rows: g.NumRows, pages: []format.PageLocation{all}}, nil
	}
	var index format.OffsetIndex
	if err := o.readIndex(c.OffsetIndexOffset, c.OffsetIndexLength, &index); err != nil {
		return nil, err
	}
	l := &pageLocations{rows: g.NumRows, pages: index.PageLocations}
	at := from
	for i, p := range l.pages {
		if i == 0 {
			l.dictionary = extent{from, p.Offset - from}
			at = p.Offset
		}
		if p.Offset != at || p.Offset < from || p.CompressedPageSize <= 0 || p.FirstRowIndex >= g.NumRows || l.end(i) <= p.FirstRowIndex || i == 0 && p.FirstRowIndex != 0 {
			return nil, fmt.Errorf("column %s: %w", name(column), errIndex)
		}
		at += int64(p.CompressedPageSize)
	}
	if at-from != m.TotalCompressedSize {
		return nil, fmt.Errorf("column %s: %w", name(column), errIndex)
	}
	return l, nil
}

func (o *Object) readIndex(at int64, size int32, v any) error {
	b := make([]byte, size)
	if _, err := o.src.ReadAt(b, at); err != nil {
		return fmt.Errorf("read the page index: %w", err)
	}
	if _, err := rowread.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%w: %w", errIndex, err)
	}
	return nil
}

// within are the pages that have rows of a span, and how many rows they have before it.
func (l *pageLocations) within(s span) (of []extent, skip int64) {
	first, _ := slices.BinarySearchFunc(l.pages, s.from+1, func(p format.PageLocation, row int64) int { return cmp.Compare(p.FirstRowIndex, row) })
	first = max(0, first-1)
	if l.dictionary.size > 0 {
		of = append(of, l.dictionary)
	}
	for i := first; i < len(l.pages) && l.first(i) < s.to; i++ {
		of = append(of, extent{l.pages[i].Offset, int64(l.pages[i].CompressedPageSize)})
	}
	return of, s.from - l.first(first)
}

func name(column int) string { return schema.Columns()[column].Name }
