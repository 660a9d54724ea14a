package rowread

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/parquet/internal/objectfile"
	"github.com/auditsidecar/auditsidecar/parquet/internal/objecttest"
	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// TestColumnReaderAgreesWithTheLibrary reads every value of every column.
func TestColumnReaderAgreesWithTheLibrary(t *testing.T) {
	var lines [][]byte
	for line := range audittest.Lines(audittest.Corpus(t, "diverse.log")) {
		if lines = append(lines, bytes.Clone(line)); len(lines)%200 == 17 {
			body := fmt.Sprintf(`,"requestObject":"%0*d","requestReceivedTimestamp":`, LargePage+len(lines), 0)
			long := strings.Replace(strings.TrimSpace(audittest.FullLine), `,"requestReceivedTimestamp":`, body, 1)
			long = strings.Replace(long, `,"requestObject":{"a":[1,2,{"b":null}]},"responseObject":"x"`, "", 1)
			lines = append(lines, []byte(long), []byte("no event"))
		}
	}
	large := objectfile.DefaultLimits()
	large.Page = LargePage / 16 // those of bodies are large pages
	for name, lim := range map[string]objectfile.Limits{"large pages": large, "tiny pages": objecttest.TinyLimits()} {
		t.Run(name, func(t *testing.T) {
			in := bytes.NewReader(objecttest.Write(t, lines, lim))
			o, err := Open(in, in.Size())
			if err != nil {
				t.Fatal(err)
			}
			library, err := pq.OpenFile(in, in.Size())
			if err != nil {
				t.Fatal(err)
			}
			encodings := map[format.Encoding]bool{}
			for g, group := range library.RowGroups() {
				for c, chunk := range group.ColumnChunks() {
					compareChunk(t, schema.Columns()[c], o.groups[g].chunks[c], in, chunk, encodings)
				}
			}
			if len(encodings) != 3 {
				t.Errorf("pages with the encodings %v, want 3", encodings)
			}
		})
	}
}

// compareChunk compares the values of a chunk, and notes the encodings of its pages.
func compareChunk(t *testing.T, d schema.Column, stored storedChunk, in io.ReaderAt, chunk pq.ColumnChunk, encodings map[format.Encoding]bool) {
	t.Helper()
	unpack, err := newUnpacker()
	if err != nil {
		t.Fatal(err)
	}
	var c columnReader
	c.open(in, d, stored, unpack)
	n := 0
	objecttest.EachValue(t, chunk, func(_ int, want pq.Value) {
		rep := c.rep
		def, err := c.next()
		if err != nil || int(rep) != want.RepetitionLevel() || int(def) != want.DefinitionLevel() {
			t.Fatalf("column %s, value %d: levels %d, %d, want %d, %d (%v)", d.Name, n, rep, def, want.RepetitionLevel(), want.DefinitionLevel(), err)
		}
		encodings[c.page.encoding] = true
		n++
		if def < c.maxDef {
			return
		}
		if !d.IsText() {
			wants := want.Int64()
			if d.Kind == schema.Int32 {
				wants = int64(want.Int32())
			}
			if got, err := c.number(); got != wants || err != nil {
				t.Fatalf("column %s, value %d: %d, want %d (%v)", d.Name, n, got, wants, err)
			}
			return
		}
		if got, err := c.bytes(); got == nil || !bytes.Equal(got, want.ByteArray()) || err != nil {
			t.Fatalf("column %s, value %d: %.50q, want %.50q (%v)", d.Name, n, got, want.ByteArray(), err)
		}
	})
	if _, err := c.next(); !errors.Is(err, errShort) || n == 0 {
		t.Errorf("column %s: %v after its last value, the %d-th", d.Name, err, n)
	}
}
