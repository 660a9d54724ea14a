package objectfile

import (
	"encoding/binary"
	"fmt"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// columnIndexes are the parts that the footer refers to for one chunk.
type columnIndexes struct {
	columns *format.ColumnIndex // nil where there are no bounds
	offsets format.OffsetIndex
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
		if err := c.writeTo(w); err != nil {
			return err
		}
	}
	for i, c := range w.chunks {
		if err := c.writeFilter(w); err != nil {
			return err
		}
		g.TotalByteSize += c.done.meta.TotalUncompressedSize
		g.TotalCompressedSize += c.done.meta.TotalCompressedSize
		g.Columns = append(g.Columns, format.ColumnChunk{MetaData: c.done.meta})
		w.index = append(w.index, c.done.indexes())
		c.begin(w.paths[i])
	}
	w.footer.RowGroups = append(w.footer.RowGroups, g)
	w.footer.NumRows += g.NumRows
	w.group = groupState{}
	return w.spool.reset()
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
