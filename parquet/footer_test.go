package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// The end of an object is the length of its footer, and the magic number.
const (
	magicNumber = "PAR1"
	tail        = 8
)

// withFooter returns an object whose footer was changed.
func withFooter(t *testing.T, object []byte, change func(*format.FileMetaData)) []byte {
	t.Helper()
	var footer format.FileMetaData
	end := len(object) - int(tail)
	from := end - int(binary.LittleEndian.Uint32(object[end:]))
	if err := thrift.Unmarshal(new(thrift.CompactProtocol), object[from:end], &footer); err != nil {
		t.Fatal(err)
	}
	change(&footer)
	b, err := thrift.Marshal(new(thrift.CompactProtocol), &footer)
	if err != nil {
		t.Fatal(err)
	}
	changed := append(bytes.Clone(object[:from]), b...)
	return append(binary.LittleEndian.AppendUint32(changed, uint32(len(b))), magicNumber...)
}

// refused says whether an object is refused at opening, with little memory.
func refused(t *testing.T, object []byte) error {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := Restore(t.Context(), []Input{input(object)}, io.Discard)
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 16<<20 {
		t.Errorf("%d bytes were allocated", n)
	}
	return err
}

// A claim that no object of ours makes is refused from the footer alone: the library would act on
// it, and take gigabytes for a codec that is another by one bit.
func TestFootersOfOthersAreRefused(t *testing.T) {
	in := inputs(t, convertBytes(t, []byte(canonicalLine), defaultLimits()))[0]
	object := make([]byte, in.Size)
	if _, err := in.ReadAt(object, 0); err != nil {
		t.Fatal(err)
	}
	if err := refused(t, withFooter(t, object, func(*format.FileMetaData) {})); err != nil {
		t.Fatal(err)
	}
	column := func(change func(*format.ColumnChunk)) func(*format.FileMetaData) {
		return func(f *format.FileMetaData) { change(&f.RowGroups[0].Columns[auditline.Verb]) }
	}
	for name, c := range map[string]struct {
		change func(*format.FileMetaData)
		want   string
	}{
		"another codec":       {column(func(c *format.ColumnChunk) { c.MetaData.Codec = format.Lz4Raw }), "its codec is LZ4_RAW"},
		"an unknown codec":    {column(func(c *format.ColumnChunk) { c.MetaData.Codec = 99 }), "codec"},
		"another type":        {column(func(c *format.ColumnChunk) { c.MetaData.Type = format.Int96 }), "its type is INT96"},
		"another encoding":    {column(func(c *format.ColumnChunk) { c.MetaData.Encoding[0] = format.DeltaByteArray }), "DELTA_BYTE_ARRAY"},
		"another file":        {column(func(c *format.ColumnChunk) { c.FilePath = "/etc/passwd" }), "another file"},
		"pages behind it":     {column(func(c *format.ColumnChunk) { c.MetaData.TotalCompressedSize = 1 << 40 }), "outside of the file"},
		"a negative size":     {column(func(c *format.ColumnChunk) { c.MetaData.TotalCompressedSize = -1 }), "outside of the file"},
		"pages before it":     {column(func(c *format.ColumnChunk) { c.MetaData.DataPageOffset, c.MetaData.DictionaryPageOffset = -5, -9 }), "outside of the file"},
		"a filter behind it":  {column(func(c *format.ColumnChunk) { c.MetaData.BloomFilterOffset = 1 << 40 }), "bloom filter"},
		"a large filter":      {column(func(c *format.ColumnChunk) { c.MetaData.BloomFilterLength = 1 << 30 }), "bloom filter"},
		"an index behind it":  {column(func(c *format.ColumnChunk) { c.OffsetIndexOffset = 1 << 40 }), "page index"},
		"a negative index":    {column(func(c *format.ColumnChunk) { c.ColumnIndexLength = -1 }), "page index"},
		"many values":         {column(func(c *format.ColumnChunk) { c.MetaData.NumValues = 1 << 60 }), "values for 1 rows"},
		"many nulls":          {column(func(c *format.ColumnChunk) { c.MetaData.Statistics.NullCount = 1 << 60 }), "are null"},
		"many rows":           {func(f *format.FileMetaData) { f.NumRows = 1 << 60 }, "rows, and 1 in its row groups"},
		"many rows a group":   {func(f *format.FileMetaData) { f.RowGroups[0].NumRows = 1 << 60 }, "values for"},
		"no rows":             {func(f *format.FileMetaData) { f.RowGroups[0].NumRows = 0 }, "for 0 rows"},
		"a column less":       {func(f *format.FileMetaData) { f.RowGroups[0].Columns = f.RowGroups[0].Columns[:3] }, "3 columns"},
		"another name":        {func(f *format.FileMetaData) { f.Schema[1].Name = "levels" }, "the columns are others"},
		"another logical":     {func(f *format.FileMetaData) { f.Schema[1].LogicalType = format.LogicalType{} }, "the columns are others"},
		"another repetition":  {func(f *format.FileMetaData) { f.Schema[1].RepetitionType.V = format.Repeated }, "the columns are others"},
		"many children":       {func(f *format.FileMetaData) { f.Schema[0].NumChildren.V = 1 << 30 }, "the columns are others"},
		"no schema":           {func(f *format.FileMetaData) { f.Schema = nil }, "the columns are others"},
		"metadata of others":  {func(f *format.FileMetaData) { f.KeyValueMetadata = nil }, "another program"},
		"much metadata":       {func(f *format.FileMetaData) { f.KeyValueMetadata = make([]format.KeyValue, 1000) }, "damaged footer"},
		"a newer version":     {func(f *format.FileMetaData) { setPair(f, schema.VersionKey, "99") }, "use the auditsidecar that wrote it"},
		"many lines":          {func(f *format.FileMetaData) { setPair(f, keySourceLines, "9223372036854775807") }, keySourceLines},
		"lines of no numbers": {func(f *format.FileMetaData) { setPair(f, keySourceLines, "-1") }, keySourceLines},
	} {
		t.Run(name, func(t *testing.T) {
			if err := refused(t, withFooter(t, object, c.change)); !errors.Is(err, ErrNotOurs) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want ErrNotOurs with %q", err, c.want)
			}
		})
	}
}

func setPair(f *format.FileMetaData, key, value string) {
	for i := range f.KeyValueMetadata {
		if f.KeyValueMetadata[i].Key == key {
			f.KeyValueMetadata[i].Value = value
		}
	}
}

// Lengths, counts and nesting that a footer claims are bounded by the bytes it has.
func TestFooterClaims(t *testing.T) {
	deep := bytes.Repeat([]byte{0x1c}, 1<<20) // structs within structs
	for name, footer := range map[string][]byte{
		"a list of two billion structs": {0x4c, 0xf0 | 12, 0xff, 0xff, 0xff, 0xff, 0x07},
		"a text of two billion bytes":   {0x68, 0xff, 0xff, 0xff, 0xff, 0x07},
		"a list of no bytes each":       append([]byte{0x19, 0xf0 | 1, 0xff, 0xff, 0xff, 0xff, 0x07}, 0, 0),
		"very deep":                     deep,
		"deep lists":                    append([]byte{0x19}, bytes.Repeat([]byte{0x19}, 8<<20)...),
		"nothing":                       {},
		"no end":                        {0x15, 0x02},
	} {
		object := append([]byte(magicNumber), footer...)
		object = append(binary.LittleEndian.AppendUint32(object, uint32(len(footer))), magicNumber...)
		if err := refused(t, object); !errors.Is(err, ErrNotOurs) || !strings.Contains(err.Error(), "damaged footer") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
