package parquet

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/parquet/internal/objecttest"
	"github.com/auditsidecar/auditsidecar/parquet/internal/rowread"
)

// longLine is an event of about size bytes whose response hardly compresses.
func longLine(size int) string {
	random := make([]byte, size*3/4)
	_, _ = rand.NewChaCha8([32]byte{byte(size)}).Read(random) // never fails
	return withBody(`{"x":"` + base64.StdEncoding.EncodeToString(random) + `"}`)
}

// withBody is an event with a response object.
func withBody(body string) string {
	return strings.Replace(simpleEvent("long"), `"requestReceivedTimestamp"`, `"responseObject":`+body+`,"requestReceivedTimestamp"`, 1)
}

func TestLongLinesComeBack(t *testing.T) {
	small, long := simpleEvent("small"), longLine(1300<<10)
	objectRef := strings.Replace(long, `"responseObject"`, `"objectRef":{"resource":"secrets","namespace":"n"},"responseObject"`, 1)
	for name, lines := range map[string][]string{
		"canonical":                      {small, long, small, longLine(1200 << 10), small},
		"with an objectRef":              {small, objectRef, small},
		"two bodies":                     {strings.Replace(objectRef, `"responseObject"`, `"requestObject":"`+strings.Repeat("y", 1200<<10)+`","responseObject"`, 1)},
		"objectRef behind a long string": {strings.Replace(objectRef, `"requestURI":"/"`, `"requestURI":"/`+strings.Repeat("u", 1200<<10)+`"`, 1), small},
		"every string long":              {strings.ReplaceAll(small, `"u"`, `"`+strings.Repeat("<&\\n\u2028", 200<<10)+`"`)},
		"white space":                    {strings.Replace(long, `,"auditID"`, ` ,"auditID"`, 1), small},
		"torn":                           {long[:len(long)-100], small, long[:1200<<10] + small},
		"no newline":                     {small, long[:1<<20+1]},
		"a hole":                         {strings.Repeat("\x00", 1200<<10) + small},
		"a long list":                    {strings.Replace(small, `{"username":"u"}`, `{"username":"u","groups":["`+strings.Repeat("g", 1200<<10)+`","h"]}`, 1), small},
		"invalid UTF-8":                  {withBody(`"` + strings.Repeat("\xff", 400<<10) + `"`)},
		"as long as is buffered":         {longLine(1 << 20)[:1<<20], longLine(1 << 20)[:1<<20+1], longLine(1 << 20)[:1<<20-1]},
	} {
		t.Run(name, func(t *testing.T) {
			roundTrip(t, []byte(strings.Join(lines, "\n")), defaultLimits())
		})
	}
}

// TestLongValuesHavePagesOfTheirOwn reads them with the library.
func TestLongValuesHavePagesOfTheirOwn(t *testing.T) {
	const body = `"responseObject":`
	var source strings.Builder
	want := map[string]bool{}
	for i := range 9 {
		line := withBody(fmt.Sprintf("%d", i))
		if i%3 == 1 {
			line = longLine(1100<<10 + i)
		}
		_, value, _ := strings.Cut(line, body)
		value, _, _ = strings.Cut(value, `,"requestReceivedTimestamp"`)
		want[value] = true
		source.WriteString(line + "\n" + simpleEvent("none") + "\n")
	}
	f := openFull(t, inputs(t, roundTrip(t, []byte(source.String()), defaultLimits()))[0])
	chunk := f.RowGroups()[0].ColumnChunks()[auditline.ResponseObject]
	pages := map[int]int{}
	objecttest.EachValue(t, chunk, func(page int, v pq.Value) {
		pages[page]++
		if !v.IsNull() && !want[string(v.ByteArray())] {
			t.Errorf("page %d has the value %.40q", page, v.ByteArray())
		}
		delete(want, string(v.ByteArray()))
		if len(v.ByteArray()) > 1<<20 && pages[page] != 1 {
			t.Errorf("page %d has more than one long value", page)
		}
	})
	if len(want) > 0 {
		t.Errorf("%d values are missing", len(want))
	}
	offsets, err := chunk.OffsetIndex()
	if err != nil || offsets.NumPages() != len(pages) || len(pages) < 6 {
		t.Errorf("%d pages, %d in the index (%v)", len(pages), offsets.NumPages(), err)
	}
}

// TestI8_LongLinesAreHeldOnce converts and checks one long line: the memory
// allocated in all, garbage included, bounds the memory ever held.
func TestI8_LongLinesAreHeldOnce(t *testing.T) {
	size := 16 << 20
	if testing.Short() {
		size = 12 << 20 // more than beside, so that a line held twice is noticed
	}
	for name, line := range map[string]string{
		"a body":     longLine(size),
		"a string":   strings.Replace(simpleEvent("long"), `"requestURI":"/`, `"requestURI":"/`+strings.Repeat("u", size), 1),
		"many items": strings.Replace(simpleEvent("long"), `{"username":"u"}`, `{"username":"u"},"sourceIPs":["10.0.0.1"`+strings.Repeat(`,"10.0.0.1"`, size/11)+`]`, 1),
		"many notes": strings.Replace(simpleEvent("long"), `"auditID"`, ` "x":["10.0.0.1"`+strings.Repeat(`,"10.0.0.1"`, size/11)+`],"auditID"`, 1),
	} {
		beside := int64(10 << 20)
		if name == "many items" {
			beside += 8 << 20 // for the slices of those that are looked at
		}
		t.Run(name, func(t *testing.T) { checkHeldOnce(t, line, beside) })
	}
}

func checkHeldOnce(t *testing.T, line string, beside int64) {
	t.Helper()
	dir := audittest.FastDir(t)
	path := filepath.Join(dir, "source")
	if err := os.WriteFile(path, []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	allocated := func(do func() error) int64 {
		t.Helper()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := do(); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return int64(after.TotalAlloc - before.TotalAlloc)
	}
	var res Result
	if n := allocated(func() (err error) {
		res, err = Convert(context.Background(), f, info.Size(), Config{Meta: testMeta(), Dir: dir})
		return err
	}); n > info.Size()+beside {
		t.Errorf("converting a line of %d MiB allocates %d MiB", info.Size()>>20, n>>20)
	}
	if n := allocated(func() error { return Check(context.Background(), res) }); n > info.Size()+beside {
		t.Errorf("checking a line of %d MiB allocates %d MiB", info.Size()>>20, n>>20)
	}
}

// TestLineReader compares its output with the lines of the source, for
// limits and reads that cut anywhere.
func TestLineReader(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var source []byte
	for _, n := range []int{0, 1, 5000, readSize - 1, readSize, 0, readSize + 1, 3*readSize + 7, 10, 2 << 20, 16, 17, 1<<20 + 5} {
		for range n {
			source = append(source, 'a'+byte(random.IntN(26)))
		}
		source = append(source, '\n')
	}
	source = source[:len(source)-1]
	for _, limit := range []int{16, 1000, readSize, 1 << 20, 4 << 20} {
		r := newLineReader(bytes.NewReader(source), int64(len(source)), limit)
		var offset int64
		for want := range bytes.SplitSeq(source, []byte("\n")) {
			l, err := r.next()
			if err != nil {
				t.Fatal(err)
			}
			if l.offset != offset || l.size != int64(len(want)) || (l.text == nil) != (len(want) > limit) && len(want) != limit || l.terminated != (offset+l.size < int64(len(source))) {
				t.Fatalf("limit %d: %d bytes at %d, want %d at %d", limit, l.size, l.offset, len(want), offset)
			}
			if l.text != nil && !bytes.Equal(l.text, want) {
				t.Fatalf("limit %d: the line of %d bytes at %d has %d other bytes", limit, len(want), offset, len(l.text))
			}
			offset += l.size + 1
		}
		if r.in.Size() != limit {
			t.Errorf("limit %d: a buffer of %d bytes", limit, r.in.Size())
		}
	}
}

// A source that ends before its time, or cannot be read, is an error at that byte.
func TestLineReaderNoticesAChangedSource(t *testing.T) {
	for name, c := range map[string]struct {
		src  io.ReaderAt
		size int64
		want error
	}{
		"whole":          {strings.NewReader("abc\nde"), 6, io.EOF},
		"cut in a line":  {strings.NewReader("abc\nde"), 7, ErrSourceChanged},
		"cut at its end": {strings.NewReader("abc\n"), 5, ErrSourceChanged},
		"of a long line": {strings.NewReader(strings.Repeat("x", 40)), 50, ErrSourceChanged},
		"a broken disk":  {&brokenDisk{strings.NewReader("abc\nde"), 0}, 6, errDisk},
	} {
		r := newLineReader(c.src, c.size, 16)
		var err error
		for err == nil {
			_, err = r.next()
		}
		if !errors.Is(err, c.want) || c.want != io.EOF && !strings.Contains(err.Error(), "read source at byte") {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestI3_DamagedLongPagesAreFound flips bits all over an object that is one
// large page for the most part.
func TestI3_DamagedLongPagesAreFound(t *testing.T) {
	source := []byte(longLine(rowread.LargePage+rowread.LargePage/2) + "\n")
	in := inputs(t, convertBytes(t, source, defaultLimits()))[0]
	content := make([]byte, in.Size)
	if _, err := in.ReadAt(content, 0); err != nil {
		t.Fatal(err)
	}
	positions := 17
	if testing.Short() {
		positions = 4
	}
	for at := 5; at < len(content); at += len(content) / positions {
		content[at] ^= 0x10
		damaged := Input{Name: "x", ReaderAt: bytes.NewReader(content), Size: in.Size}
		if err := Restore(t.Context(), []Input{damaged}, io.Discard); err == nil {
			t.Errorf("byte %d was changed and nothing was said", at)
		}
		content[at] ^= 0x10
	}
}

// A page of a streamed column may be larger than one read.
func TestLargeStreamedPage(t *testing.T) {
	lim := defaultLimits()
	lim.file.Page = 512 << 10
	var source bytes.Buffer
	for i := range 20 {
		fmt.Fprintf(&source, "%s\n", longLine(400<<10+i))
	}
	res := convertBytes(t, source.Bytes(), lim)
	in := inputs(t, res)
	m := &openFull(t, in[0]).Metadata().RowGroups[0].Columns[auditline.ResponseObject].MetaData
	if m.TotalUncompressedSize < rowread.LargePage || len(m.EncodingStats) != 1 || m.EncodingStats[0].PageType != format.DataPageV2 || m.EncodingStats[0].Count != 1 {
		t.Fatalf("not one large page: %d bytes, %+v", m.TotalUncompressedSize, m.EncodingStats)
	}
	var out strings.Builder
	if err := Restore(t.Context(), in, &out); err != nil || out.String() != source.String() {
		t.Fatalf("%d bytes restored of %d: %v", out.Len(), source.Len(), err)
	}
}
