package objectfile

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/parquet-go/parquet-go/bloom"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// columnIndexes are what the footer refers to for one chunk.
type columnIndexes struct {
	columns *format.ColumnIndex // nil where there are no bounds
	offsets format.OffsetIndex
}

// begin starts a chunk.
func (c *chunk) begin(path []string) {
	c.meta = format.ColumnMetaData{
		Type:         c.def.Physical(),
		PathInSchema: thrift.Slice[string](path),
		Codec:        format.Zstd,
	}
	c.index = format.ColumnIndex{}
	c.offsets = format.OffsetIndex{}
	c.pages, c.spooled, c.rowsDone, c.full = c.pages[:0], c.spooled[:0], 0, false
	c.hashes = c.hashes[:0]
	c.bounds.reset()
	if c.dict != nil {
		c.dict.Reset()
	}
}

// endGroup writes the open row group, if it has rows.
func (w *Writer) endGroup() error {
	if w.group.rows == 0 {
		return nil
	}
	g := format.RowGroup{NumRows: w.group.rows, FileOffset: w.size, Ordinal: int16(len(w.footer.RowGroups))}
	if !w.group.cut {
		g.SortingColumns = sortOrder()
	}
	for _, c := range w.chunks {
		if err := w.writeChunk(c); err != nil {
			return err
		}
	}
	for i, c := range w.chunks {
		if err := w.writeBloom(c); err != nil {
			return err
		}
		g.TotalByteSize += c.meta.TotalUncompressedSize
		g.TotalCompressedSize += c.meta.TotalCompressedSize
		g.Columns = append(g.Columns, format.ColumnChunk{MetaData: c.meta})
		w.index = append(w.index, c.indexes())
		c.begin(w.paths[i])
	}
	w.footer.RowGroups = append(w.footer.RowGroups, g)
	w.footer.NumRows += g.NumRows
	w.group = groupState{}
	return w.spool.reset()
}

// writeChunk ends a chunk and writes its dictionary and data pages.
func (w *Writer) writeChunk(c *chunk) error {
	c.catchUp(w.group.rows)
	if err := c.flush(); err != nil {
		return err
	}
	if c.dict != nil && c.dict.Len() > 0 {
		header := format.PageHeader{Type: format.DictionaryPage}
		header.DictionaryPageHeader.Valid = true
		header.DictionaryPageHeader.V = format.DictionaryPageHeader{NumValues: int32(c.dict.Len()), Encoding: format.Plain}
		page, err := c.appendPage(c.codec.packed[:0], &header, c.dict.Bytes())
		if err != nil {
			return err
		}
		c.countEncoding(format.DictionaryPage, format.Plain)
		c.meta.DictionaryPageOffset = w.size
		if err := w.write(page); err != nil {
			return err
		}
		c.codec.packed = auditline.Emptied(page, 4*c.pageSize)
	}
	c.meta.DataPageOffset = w.size
	for i := range c.offsets.PageLocations {
		c.offsets.PageLocations[i].Offset += w.size
	}
	if c.bounds.known() {
		c.meta.Statistics.MinValue = slices.Clone(c.bounds.min)
		c.meta.Statistics.MaxValue = slices.Clone(c.bounds.max)
	}
	c.meta.Encoding = c.encodings()
	return w.writePages(c)
}

// encodings lists what the pages of the chunk use.
func (c *chunk) encodings() []format.Encoding {
	all := []format.Encoding{format.RLE}
	for _, s := range c.meta.EncodingStats {
		all = append(all, s.Encoding)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// indexes returns the chunk's page indexes.
func (c *chunk) indexes() columnIndexes {
	x := columnIndexes{offsets: c.offsets}
	if c.bounds.known() {
		index := c.index
		x.columns = &index
	}
	return x
}

// bloomBits is how many bits of a bloom filter each distinct value takes: two
// in a hundred lookups of an absent value pass.
const bloomBits = 8

// bloomHash is what a bloom filter knows of a value.
func bloomHash(v []byte) uint64 { return bloom.XXH64{}.Sum64(v) }

// writeBloom writes the bloom filter of a chunk that has values.
func (w *Writer) writeBloom(c *chunk) error {
	if !c.def.Bloom {
		return nil
	}
	if c.dict != nil {
		for n := range c.dict.Len() {
			c.hashes = append(c.hashes, bloomHash(c.dict.Value(int32(n))))
		}
	}
	if len(c.hashes) == 0 {
		return nil
	}
	filter := make(bloom.SplitBlockFilter, bloom.NumSplitBlocksOf(int64(len(c.hashes)), bloomBits))
	filter.InsertBulk(c.hashes)
	header := format.BloomFilterHeader{NumBytes: int32(len(filter.Bytes()))}
	header.Algorithm.Value = &format.SplitBlockAlgorithm{}
	header.Hash.Value = &format.XxHash{}
	header.Compression.Value = &format.BloomFilterUncompressed{}
	head, err := thrift.Marshal(new(thrift.CompactProtocol), &header)
	if err != nil {
		return fmt.Errorf("encode bloom filter of %s: %w", c.def.Name, err)
	}
	c.meta.BloomFilterOffset = w.size
	c.meta.BloomFilterLength = int32(len(head) + len(filter.Bytes()))
	if err := w.write(head); err != nil {
		return err
	}
	return w.write(filter.Bytes())
}

// writeFooter writes the page indexes and the footer.
func (w *Writer) writeFooter() error {
	chunk := func(i int) *format.ColumnChunk {
		return &w.footer.RowGroups[i/int(schema.NumColumns)].Columns[i%int(schema.NumColumns)]
	}
	for i, x := range w.index {
		if x.columns == nil {
			continue
		}
		c := chunk(i)
		c.ColumnIndexOffset = w.size
		n, err := w.writeThrift(x.columns)
		if err != nil {
			return err
		}
		c.ColumnIndexLength = int32(n)
	}
	for i := range w.index {
		c := chunk(i)
		c.OffsetIndexOffset = w.size
		n, err := w.writeThrift(&w.index[i].offsets)
		if err != nil {
			return err
		}
		c.OffsetIndexLength = int32(n)
	}
	n, err := w.writeThrift(&w.footer)
	if err != nil {
		return err
	}
	return w.write(append(binary.LittleEndian.AppendUint32(nil, uint32(n)), "PAR1"...))
}

func (w *Writer) writeThrift(v any) (int, error) {
	b, err := thrift.Marshal(new(thrift.CompactProtocol), v)
	if err != nil {
		return 0, fmt.Errorf("encode footer: %w", err)
	}
	return len(b), w.write(b)
}

// sortOrder is the order of the rows, as it is declared of a row group without
// a cut key.
func sortOrder() []format.SortingColumn {
	var order []format.SortingColumn
	for _, c := range [...]auditline.Field{auditline.ObjectResource, auditline.ObjectNamespace, auditline.ObjectName, auditline.StageTimestamp, schema.SourceLine, schema.LinePart} {
		order = append(order, format.SortingColumn{ColumnIdx: int32(c), NullsFirst: true})
	}
	return order
}
