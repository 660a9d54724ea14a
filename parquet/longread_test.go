package parquet

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	pq "github.com/parquet-go/parquet-go"
)

// TestLongReaderAgreesWithTheLibrary reads every column that both can read.
func TestLongReaderAgreesWithTheLibrary(t *testing.T) {
	var source strings.Builder
	for i, line := range realLines(t) {
		source.Write(line)
		source.WriteByte('\n')
		if i%500 == 17 {
			source.WriteString(longLine(largePage+i) + "\nno event\n")
		}
	}
	lim := defaultLimits()
	lim.page = largePage / 16 // those of bodies are large pages
	in := inputs(t, convertBytes(t, []byte(source.String()), lim))[0]
	f := openFull(t, in)
	defs, columns, values := columnDefs(), 0, 0
	unpack, err := newUnpacker()
	if err != nil {
		t.Fatal(err)
	}
	var long longReader
	for g, group := range f.RowGroups() {
		for c, chunk := range group.ColumnChunks() {
			m := &f.Metadata().RowGroups[g].Columns[c].MetaData
			if !isLongColumn(defs[c], m) {
				continue
			}
			columns++
			long.open(in, in.Size, m, unpack)
			eachValue(t, chunk, func(_ int, want pq.Value) {
				got, err := long.next()
				if err != nil {
					t.Fatal(err)
				}
				if (got == nil) != want.IsNull() || !want.IsNull() && !bytes.Equal(got, want.ByteArray()) {
					t.Fatalf("column %s, row %d: %.50q, want %.50q", defs[c].name, values, got, want.ByteArray())
				}
				values++
			})
			if _, err := long.next(); !errors.Is(err, errShort) {
				t.Errorf("column %s: %v after its last value", defs[c].name, err)
			}
			long.close()
		}
	}
	if columns < 4 || values < 4*1000 {
		t.Errorf("%d values in %d columns compared", values, columns)
	}
}

// TestI3_DamagedLongPagesAreFound flips bits all over an object that is one
// large page for the most part.
func TestI3_DamagedLongPagesAreFound(t *testing.T) {
	source := []byte(longLine(largePage+largePage/2) + "\n")
	in := inputs(t, convertBytes(t, source, defaultLimits()))[0]
	content := make([]byte, in.Size)
	if _, err := in.ReadAt(content, 0); err != nil {
		t.Fatal(err)
	}
	for at := 5; at < len(content); at += len(content) / 17 {
		content[at] ^= 0x10
		damaged := Input{Name: "x", ReaderAt: bytes.NewReader(content), Size: in.Size}
		if err := Restore(t.Context(), []Input{damaged}, io.Discard); err == nil {
			t.Errorf("byte %d was changed and nothing was said", at)
		}
		content[at] ^= 0x10
	}
}
