package parquet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// objectOf writes an object whose rows are lines.
func objectOf(tb testing.TB, lines [][]byte, lim fileLimits) []byte {
	tb.Helper()
	codec, err := newCodec()
	if err != nil {
		tb.Fatal(err)
	}
	path := filepath.Join(tb.TempDir(), "x.parquet")
	w, err := newObjectWriter(fileConfig{path: path, work: tb.TempDir(), pairs: [][2]string{{keySchema, schemaVersion}}}, lim, codec)
	if err != nil {
		tb.Fatal(err)
	}
	var d auditline.Decoder
	var e auditline.Event
	for i, line := range lines {
		e.Release()
		r := row{event: &e, status: statusOK, line: int64(i) + 1, size: len(line)}
		if what, _ := d.Line(line, &e); what != auditline.Canonical {
			r.raw = line
		}
		if err := w.add(&r); err != nil {
			tb.Fatal(err)
		}
	}
	if _, err := w.close(); err != nil {
		tb.Fatal(err)
	}
	object, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return object
}

// TestColumnReaderAgreesWithTheLibrary reads every value of every column.
func TestColumnReaderAgreesWithTheLibrary(t *testing.T) {
	var lines [][]byte
	for line := range audittest.Lines(audittest.Corpus(t, "diverse.log")) {
		if lines = append(lines, bytes.Clone(line)); len(lines)%200 == 17 {
			body := fmt.Sprintf(`,"requestObject":"%0*d","requestReceivedTimestamp":`, largePage+len(lines), 0)
			long := strings.Replace(strings.TrimSpace(audittest.FullLine), `,"requestReceivedTimestamp":`, body, 1)
			long = strings.Replace(long, `,"requestObject":{"a":[1,2,{"b":null}]},"responseObject":"x"`, "", 1)
			lines = append(lines, []byte(long), []byte("no event"))
		}
	}
	large := defaultFileLimits()
	large.page = largePage / 16 // those of bodies are large pages
	tiny := fileLimits{rowGroup: 200 << 10, buffered: 60 << 10, page: 2 << 10, dictionary: 2 << 10, long: 1 << 10}
	for name, lim := range map[string]fileLimits{"large pages": large, "tiny pages": tiny} {
		t.Run(name, func(t *testing.T) {
			in := bytes.NewReader(objectOf(t, lines, lim))
			o, err := openObject(in, in.Size())
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
func compareChunk(t *testing.T, d columnDef, stored storedChunk, in io.ReaderAt, chunk pq.ColumnChunk, encodings map[format.Encoding]bool) {
	t.Helper()
	unpack, err := newUnpacker()
	if err != nil {
		t.Fatal(err)
	}
	var c columnReader
	c.open(in, d, stored, unpack)
	n := 0
	values(t, chunk, func(want pq.Value) {
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

// values calls f for every value of a chunk.
func values(tb testing.TB, chunk pq.ColumnChunk, f func(v pq.Value)) {
	tb.Helper()
	pages := chunk.Pages()
	defer pages.Close()
	for {
		page, err := pages.ReadPage()
		if err != nil {
			return
		}
		batch := make([]pq.Value, page.NumValues())
		k, _ := page.Values().ReadValues(batch)
		for _, v := range batch[:k] {
			f(v)
		}
		pq.Release(page)
	}
}
