package parquet

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// TestColumnReaderAgreesWithTheLibrary reads every value of every column.
func TestColumnReaderAgreesWithTheLibrary(t *testing.T) {
	var source strings.Builder
	for i, line := range realLines(t) {
		source.Write(line)
		source.WriteByte('\n')
		if i%200 == 17 {
			source.WriteString(longLine(largePage+i) + "\nno event\n")
		}
	}
	large := defaultLimits()
	large.page = largePage / 16 // those of bodies are large pages
	for name, lim := range map[string]limits{"large pages": large, "tiny pages": tinyLimits()} {
		t.Run(name, func(t *testing.T) {
			in := inputs(t, convertBytes(t, []byte(source.String()), lim))[0]
			o, err := openObject(in, in.Size)
			if err != nil {
				t.Fatal(err)
			}
			encodings := map[format.Encoding]bool{}
			for g, group := range openFull(t, in).RowGroups() {
				for c, chunk := range group.ColumnChunks() {
					compareChunk(t, columnDefs()[c], o.groups[g].chunks[c], in, chunk, encodings)
				}
			}
			if len(encodings) != 4 {
				t.Errorf("pages with the encodings %v, want 4", encodings)
			}
		})
	}
}

// compareChunk compares the values of a chunk, and notes the encodings of its pages.
func compareChunk(t *testing.T, d columnDef, stored storedChunk, in Input, chunk pq.ColumnChunk, encodings map[format.Encoding]bool) {
	t.Helper()
	unpack, err := newUnpacker()
	if err != nil {
		t.Fatal(err)
	}
	var c columnReader
	c.open(in, d, stored, unpack)
	n := 0
	eachValue(t, chunk, func(_ int, want pq.Value) {
		rep := c.rep
		def, err := c.next()
		if err != nil || int(rep) != want.RepetitionLevel() || int(def) != want.DefinitionLevel() {
			t.Fatalf("column %s, value %d: levels %d, %d, want %d, %d (%v)", d.name, n, rep, def, want.RepetitionLevel(), want.DefinitionLevel(), err)
		}
		encodings[c.encoding] = true
		n++
		if def < c.maxDef {
			return
		}
		if !c.isText() {
			wants := want.Int64()
			if d.kind == num32 {
				wants = int64(want.Int32())
			}
			if got, err := c.number(); got != wants || err != nil {
				t.Fatalf("column %s, value %d: %d, want %d (%v)", d.name, n, got, wants, err)
			}
			return
		}
		if got, err := c.bytes(); got == nil || !bytes.Equal(got, want.ByteArray()) || err != nil {
			t.Fatalf("column %s, value %d: %.50q, want %.50q (%v)", d.name, n, got, want.ByteArray(), err)
		}
	})
	if _, err := c.next(); !errors.Is(err, errShort) || n == 0 {
		t.Errorf("column %s: %v after its last value, the %d-th", d.name, err, n)
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
	places := 17
	if testing.Short() {
		places = 7
	}
	for at := 5; at < len(content); at += len(content) / places {
		content[at] ^= 0x10
		damaged := Input{Name: "x", ReaderAt: bytes.NewReader(content), Size: in.Size}
		if err := Restore(t.Context(), []Input{damaged}, io.Discard); err == nil {
			t.Errorf("byte %d was changed and nothing was said", at)
		}
		content[at] ^= 0x10
	}
}
