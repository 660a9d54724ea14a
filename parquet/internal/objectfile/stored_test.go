package objectfile_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/parquet/internal/objectfile"
	"github.com/auditsidecar/auditsidecar/parquet/internal/objecttest"
	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// fullLine is the event that has every field, with some changes.
func fullLine(tb testing.TB, oldnew ...string) []byte {
	tb.Helper()
	line := strings.TrimSpace(audittest.FullLine)
	for i := 0; i < len(oldnew); i += 2 {
		if !strings.Contains(line, oldnew[i]) {
			tb.Fatalf("the full line has no %s", oldnew[i])
		}
		line = strings.ReplaceAll(line, oldnew[i], oldnew[i+1])
	}
	return []byte(line)
}

// repeated returns n lines; %d in one is its number.
func repeated(tb testing.TB, n int, oldnew ...string) (lines [][]byte) {
	tb.Helper()
	line := fullLine(tb, oldnew...)
	for i := range n {
		lines = append(lines, bytes.ReplaceAll(line, []byte("%d"), fmt.Append(nil, i)))
	}
	return lines
}

// column returns the footer's entry of a column in a row group.
func column(f *pq.File, group int, c auditline.Field) *format.ColumnMetaData {
	return &f.Metadata().RowGroups[group].Columns[c].MetaData
}

// dataPages returns how many data pages a chunk has with each encoding.
func dataPages(m *format.ColumnMetaData) map[format.Encoding]int {
	n := map[format.Encoding]int{}
	for _, s := range m.EncodingStats {
		if s.PageType != format.DictionaryPage {
			n[s.Encoding] += int(s.Count)
		}
	}
	return n
}

// TestChunksSayWhatTheSchemaSays looks at every column with a value: codec, encoding,
// dictionary, bloom filter and bounds are those of its definition.
func TestChunksSayWhatTheSchemaSays(t *testing.T) {
	f := open(t, repeated(t, 50), objectfile.DefaultLimits())
	encodings := map[schema.Encoding]format.Encoding{
		schema.Dictionary: format.RLEDictionary, schema.Plain: format.Plain, schema.Delta: format.DeltaBinaryPacked,
	}
	for i, d := range schema.Columns() {
		m := column(f, 0, auditline.Field(i))
		if m.Codec != format.Zstd || m.Type != d.Physical() {
			t.Errorf("%s: codec %v, type %v", d.Name, m.Codec, m.Type)
		}
		if m.NumValues == m.Statistics.NullCount {
			continue // the full line has nothing in it
		}
		if pages := dataPages(m); len(pages) != 1 || pages[encodings[d.Encoding]] != 1 {
			t.Errorf("%s: pages by encoding %v, want one of %v", d.Name, pages, encodings[d.Encoding])
		}
		if (m.DictionaryPageOffset > 0) != (d.Encoding == schema.Dictionary) {
			t.Errorf("%s: the dictionary is at %d", d.Name, m.DictionaryPageOffset)
		}
		if (m.BloomFilterOffset > 0) != d.Bloom {
			t.Errorf("%s: the bloom filter is at %d", d.Name, m.BloomFilterOffset)
		}
		if (m.Statistics.MinValue != nil) != d.Bounded || (m.Statistics.MaxValue != nil) != d.Bounded {
			t.Errorf("%s: bounds %q to %q", d.Name, m.Statistics.MinValue, m.Statistics.MaxValue)
		}
		for _, s := range m.EncodingStats {
			if (s.PageType == format.DataPageV2) != d.Streamed {
				t.Errorf("%s has a page of type %v", d.Name, s.PageType)
			}
			if !slices.Contains(m.Encoding, s.Encoding) || !slices.Contains(m.Encoding, format.RLE) {
				t.Errorf("%s: the encodings %v lack that of a page or of the levels", d.Name, m.Encoding)
			}
		}
	}
}

// A dictionary takes the values that repeat each other; pages behind it are plain
// where too many differ. The bloom filter knows both.
func TestDictionaryFallsBackToPlainPages(t *testing.T) {
	const ref = `"name":"p"`
	small := objectfile.DefaultLimits()
	small.Dictionary = 4 << 10
	few := append(repeated(t, 2000, ref, `"name":"same"`), repeated(t, 2000, ref, `"name":"name-%d"`)...)
	for name, c := range map[string]struct {
		lines             [][]byte
		limits            objectfile.Limits
		numbered, plain   bool
		dictionary, bloom bool
	}{
		"one value":                  {repeated(t, 3000), objectfile.DefaultLimits(), true, false, true, true},
		"half of the values differ":  {slices.Concat(repeated(t, 600, ref, `"name":"n%d"`), repeated(t, 600)), objectfile.DefaultLimits(), false, true, false, true},
		"fewer than half differ":     {slices.Concat(repeated(t, 500, ref, `"name":"n%d"`), repeated(t, 1500)), objectfile.DefaultLimits(), true, false, true, true},
		"too few to judge":           {repeated(t, 900, ref, `"name":"n%d"`), objectfile.DefaultLimits(), true, false, true, true},
		"every value differs":        {repeated(t, 3000, ref, `"name":"n%d"`), objectfile.DefaultLimits(), false, true, false, true},
		"the dictionary is too full": {few, small, true, true, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, c.lines, c.limits)
			m := column(f, 0, auditline.ObjectName)
			pages := dataPages(m)
			if (pages[format.RLEDictionary] > 0) != c.numbered || (pages[format.Plain] > 0) != c.plain {
				t.Errorf("pages by encoding %v, want numbered %v, plain %v", pages, c.numbered, c.plain)
			}
			if (m.DictionaryPageOffset > 0) != c.dictionary || (m.BloomFilterOffset > 0) != c.bloom {
				t.Errorf("the dictionary is at %d, the filter at %d", m.DictionaryPageOffset, m.BloomFilterOffset)
			}
			var got []string
			for _, g := range f.RowGroups() {
				checkChunk(t, name, schema.Columns()[auditline.ObjectName], g.ColumnChunks()[auditline.ObjectName])
				objecttest.EachValue(t, g.ColumnChunks()[auditline.ObjectName], func(_ int, v pq.Value) { got = append(got, string(v.ByteArray())) })
			}
			for i, line := range c.lines {
				if !bytes.Contains(line, fmt.Appendf(nil, `"name":%q`, got[i])) {
					t.Fatalf("row %d has the name %q", i, got[i])
				}
			}
		})
	}
}

// A row that passes three limits at once ends pages and row groups in time.
func TestPagesAndRowGroupsAreBounded(t *testing.T) {
	lim := objecttest.TinyLimits()
	lines := repeated(t, 1500, `"requestURI":"/api`, `"requestURI":"/%d/`+strings.Repeat("u", 100)+`api`)
	f := open(t, lines, lim)
	between := 64 // rows between two looks at the pages
	for g, group := range f.Metadata().RowGroups {
		if most := int64(lim.RowGroup/len(lines[0]) + between); group.NumRows > most {
			t.Errorf("row group %d has %d rows, at most %d wanted", g, group.NumRows, most)
		}
		for c, chunk := range f.RowGroups()[g].ColumnChunks() {
			d := schema.Columns()[c]
			values, bytes := map[int]int{}, map[int]int{}
			objecttest.EachValue(t, chunk, func(page int, v pq.Value) {
				values[page]++
				bytes[page] += len(v.Bytes())
			})
			for page, n := range bytes {
				if most := lim.Page*max(d.Pages, 1) + between*n/values[page]; d.Encoding == schema.Plain && n > most {
					t.Errorf("row group %d, %s: page %d has %d bytes of values, at most %d wanted", g, d.Name, page, n, most)
				}
			}
		}
	}
	if len(f.Metadata().RowGroups) < 2 {
		t.Error("one row group")
	}
}

// Buffered bytes end a row group as well, before the source lines are many.
func TestBufferedPagesEndARowGroup(t *testing.T) {
	lim := objectfile.DefaultLimits()
	lim.Page, lim.Buffered = 2<<10, 60<<10
	groups := len(open(t, repeated(t, 1000, `"userAgent":"`, `"userAgent":"%d`), lim).RowGroups())
	lim.Buffered = 16 << 20
	if whole := len(open(t, repeated(t, 1000, `"userAgent":"`, `"userAgent":"%d`), lim).RowGroups()); groups < 2 || whole != 1 {
		t.Errorf("%d row groups with 60 KiB of pages, %d with 16 MiB", groups, whole)
	}
}

// Columns of which the values take nothing have pages all the same: a page's
// levels are in memory.
func TestPagesOfConstantsAreBounded(t *testing.T) {
	lines := make([][]byte, 70_000) // no event, so that hardly anything is stored
	f := open(t, lines, objectfile.DefaultLimits())
	for _, c := range []auditline.Field{schema.Node, schema.Seq, auditline.Verb, auditline.UserGroups} {
		index, err := f.RowGroups()[0].ColumnChunks()[c].OffsetIndex()
		if err != nil || index.NumPages() != 3 { // 32 Ki rows and those added between two looks
			t.Errorf("%s: %d pages (%v), want 3", schema.Columns()[c].Name, index.NumPages(), err)
		}
		for page := range index.NumPages() {
			if first := index.FirstRowIndex(page); first != int64(page*(32<<10)) {
				t.Errorf("%s: page %d begins with row %d", schema.Columns()[c].Name, page, first)
			}
		}
	}
}

// cells returns the values of a column with their repetition and definition levels.
func cells(t *testing.T, f *pq.File, c auditline.Field) string {
	t.Helper()
	var all []string
	for _, g := range f.RowGroups() {
		objecttest.EachValue(t, g.ColumnChunks()[c], func(_ int, v pq.Value) {
			s := "null"
			if !v.IsNull() {
				s = fmt.Sprintf("%q", v.String())
			}
			all = append(all, fmt.Sprintf("%d%d %s", v.RepetitionLevel(), v.DefinitionLevel(), s))
		})
	}
	return strings.Join(all, ", ")
}

// null ≠ ”: a field that is missing, one that is empty, and lists and maps
// without members, with empty ones and without values differ in the columns.
func TestNullIsNotEmpty(t *testing.T) {
	const user = `"user":{"username":"alice"}`
	for name, c := range map[string]struct {
		column   auditline.Field
		old, new string
		want     string
	}{
		"text":                       {auditline.ObjectNamespace, `"namespace":"n"`, `"namespace":"x"`, `01 "x"`},
		"an empty text":              {auditline.ObjectNamespace, `"namespace":"n"`, `"namespace":""`, `01 ""`},
		"no text":                    {auditline.ObjectNamespace, `"namespace":"n",`, ``, `00 null`},
		"a number":                   {auditline.ResponseCode, `"code":200`, `"code":0`, `01 "0"`},
		"no number":                  {auditline.ResponseCode, `,"code":200`, ``, `00 null`},
		"a list":                     {auditline.UserGroups, user, `"user":{"username":"a","groups":["g","h"]}`, `02 "g", 12 "h"`},
		"a list of an empty text":    {auditline.UserGroups, user, `"user":{"username":"a","groups":[""]}`, `02 ""`},
		"an empty list":              {auditline.UserGroups, user, `"user":{"username":"a","groups":[]}`, `01 null`},
		"no list":                    {auditline.UserGroups, user, `"user":{"username":"a"}`, `00 null`},
		"the keys of a map":          {auditline.UserExtraKey, user, `"user":{"username":"a","extra":{"k":["1","2"],"l":["3"]}}`, `02 "k", 12 "l"`},
		"the lists of a map":         {auditline.UserExtraValue, user, `"user":{"username":"a","extra":{"k":["1","2"],"l":["3"]}}`, `03 "1", 23 "2", 13 "3"`},
		"a map of an empty list":     {auditline.UserExtraValue, user, `"user":{"username":"a","extra":{"k":[],"l":["3"]}}`, `02 null, 13 "3"`},
		"a map of an empty text":     {auditline.UserExtraValue, user, `"user":{"username":"a","extra":{"":[""]}}`, `03 ""`},
		"the key that is empty":      {auditline.UserExtraKey, user, `"user":{"username":"a","extra":{"":[""]}}`, `02 ""`},
		"the keys of an empty map":   {auditline.UserExtraKey, user, `"user":{"username":"a","extra":{}}`, `01 null`},
		"the values of an empty map": {auditline.UserExtraValue, user, `"user":{"username":"a","extra":{}}`, `01 null`},
		"no map":                     {auditline.UserExtraValue, user, `"user":{"username":"a"}`, `00 null`},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, [][]byte{fullLine(t, c.old, c.new)}, objectfile.DefaultLimits())
			if got := cells(t, f, c.column); got != c.want {
				t.Errorf("%s: %s, want %s", schema.Columns()[c.column].Name, got, c.want)
			}
		})
	}
}

// The columns of the source are the same in every row: one value of a dictionary.
func TestConstantColumns(t *testing.T) {
	for name, lim := range map[string]objectfile.Limits{"one row group": objectfile.DefaultLimits(), "several": objecttest.TinyLimits()} {
		path, done := write(t, repeated(t, 700), lim)
		f := openFile(t, path)
		if done.Rows != 700 || f.NumRows() != 700 {
			t.Errorf("%s: %d rows, the footer has %d", name, done.Rows, f.NumRows())
		}
		for c, want := range map[auditline.Field]string{
			schema.Node: "node-1", schema.Epoch: "e", schema.SourceFile: "audit.log", schema.Seq: "-7", schema.LinePart: "0", schema.DecodeStatus: schema.StatusOK,
		} {
			rows := 0
			for g, group := range f.RowGroups() {
				objecttest.EachValue(t, group.ColumnChunks()[c], func(_ int, v pq.Value) {
					if rows++; v.String() != want {
						t.Fatalf("%s: %s is %s, want %s", name, schema.Columns()[c].Name, v, want)
					}
				})
				if m := column(f, g, c); m.Statistics.NullCount != 0 || dataPages(m)[format.Plain] > 0 {
					t.Errorf("%s: %s has %d nulls, pages %v", name, schema.Columns()[c].Name, m.Statistics.NullCount, dataPages(m))
				}
			}
			if rows != 700 {
				t.Errorf("%s: %s has %d values", name, schema.Columns()[c].Name, rows)
			}
		}
	}
}

// config is the origin of objects that are written here.
func config(path string) objectfile.Config {
	return objectfile.Config{
		Path: path, Work: filepath.Dir(path), Pairs: [][2]string{{"a", "1"}, {schema.VersionKey, schema.Version}}, CreatedBy: "a test",
		Node: "node-1", Epoch: "e", SourceFile: "audit.log", Seq: -7,
	}
}

// begin begins an object in a directory.
func begin(tb testing.TB, dir string, lim objectfile.Limits) *objectfile.Writer {
	tb.Helper()
	codec, err := objectfile.NewCodec()
	if err != nil {
		tb.Fatal(err)
	}
	w, err := objectfile.New(config(filepath.Join(dir, "x.parquet")), lim, codec)
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

// add adds a line as a row.
func add(w *objectfile.Writer, number int64, line []byte) error {
	var e auditline.Event
	var d auditline.Decoder
	d.Line(line, &e)
	return w.Add(&objectfile.Row{Event: &e, Status: schema.StatusOK, Line: number, Size: len(line)})
}

// write returns the path of an object whose rows are lines.
func write(tb testing.TB, lines [][]byte, lim objectfile.Limits) (string, objectfile.Written) {
	tb.Helper()
	w := begin(tb, tb.TempDir(), lim)
	for i, line := range lines {
		if err := add(w, int64(i)+1, line); err != nil {
			tb.Fatal(err)
		}
	}
	done, err := w.Close()
	if err != nil {
		tb.Fatal(err)
	}
	return w.Path(), done
}

// openFile opens an object with the library.
func openFile(tb testing.TB, path string) *pq.File {
	tb.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	f, err := pq.OpenFile(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// The footer has the metadata that was given, in its order, and who wrote it.
func TestFooterHasTheMetadata(t *testing.T) {
	path, _ := write(t, nil, objectfile.DefaultLimits())
	m := openFile(t, path).Metadata()
	want := []format.KeyValue{{Key: "a", Value: "1"}, {Key: schema.VersionKey, Value: schema.Version}}
	if got := m.KeyValueMetadata; !slices.Equal(got, want) || m.CreatedBy != "a test" || m.NumRows != 0 || len(m.RowGroups) != 0 {
		t.Errorf("metadata %v, created by %q, %d rows", m.KeyValueMetadata, m.CreatedBy, m.NumRows)
	}
}

// sortingColumns are those that a row group declares if it does.
const sortingColumns = "object_resource object_namespace object_name stage_timestamp source_line line_part "

// A row group declares the order of its rows unless a name is longer than the 512
// bytes that count for it.
func TestDeclaredOrder(t *testing.T) {
	name := func(n int) []byte { return fullLine(t, `"name":"p"`, `"name":"`+strings.Repeat("n", n)+`"`) }
	for label, c := range map[string]struct {
		lines [][]byte
		want  string
	}{
		"short names":       {[][]byte{name(1), name(2)}, sortingColumns},
		"as long as counts": {[][]byte{name(512)}, sortingColumns},
		"longer":            {[][]byte{name(513)}, ""},
		"one is longer":     {[][]byte{name(1), name(513), name(2)}, ""},
		"a long namespace":  {[][]byte{fullLine(t, `"namespace":"n"`, `"namespace":"`+strings.Repeat("n", 513)+`"`)}, ""},
		"no names":          {[][]byte{[]byte("no event")}, sortingColumns},
	} {
		got := ""
		for _, s := range open(t, c.lines, objectfile.DefaultLimits()).Metadata().RowGroups[0].SortingColumns {
			if got += schema.Columns()[s.ColumnIdx].Name + " "; s.Descending || !s.NullsFirst {
				t.Errorf("%s: %+v", label, s)
			}
		}
		if got != c.want {
			t.Errorf("%s: declared is %q, want %q", label, got, c.want)
		}
	}
}
