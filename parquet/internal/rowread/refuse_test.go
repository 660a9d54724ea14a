package rowread

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// The headers of pages as objectfile writes them.

func dataHead(change func(*format.PageHeader)) format.PageHeader {
	h := format.PageHeader{Type: format.DataPage, UncompressedPageSize: 100, CompressedPageSize: 50, CRC: 7}
	h.DataPageHeader.Valid = true
	h.DataPageHeader.V = format.DataPageHeader{NumValues: 10, DefinitionLevelEncoding: format.RLE, RepetitionLevelEncoding: format.RLE}
	change(&h)
	return h
}

func streamHead(change func(*format.PageHeader)) format.PageHeader {
	h := format.PageHeader{Type: format.DataPageV2, UncompressedPageSize: 100, CompressedPageSize: 50}
	h.DataPageHeaderV2.Valid = true
	h.DataPageHeaderV2.V = format.DataPageHeaderV2{NumValues: 10, NumNulls: 1, NumRows: 10, DefinitionLevelsByteLength: 4}
	change(&h)
	return h
}

func dictionaryHead(change func(*format.PageHeader)) format.PageHeader {
	h := format.PageHeader{Type: format.DictionaryPage, UncompressedPageSize: 100, CompressedPageSize: 50}
	h.DictionaryPageHeader.Valid = true
	h.DictionaryPageHeader.V = format.DictionaryPageHeader{NumValues: 10}
	change(&h)
	return h
}

// Claims of a page's header are bounded before it is believed: kinds, encodings,
// sizes and counts that no object of ours has are refused.
func TestPageHeadersAreRefused(t *testing.T) {
	text, body := schema.Column{Kind: schema.Text}, schema.Column{Kind: schema.Text, Encoding: schema.Plain, Streamed: true}
	delta := schema.Column{Kind: schema.Int64, Encoding: schema.Delta}
	left := int64(1 << 20) // bytes of the chunk
	same := func(*format.PageHeader) {}
	for name, c := range map[string]struct {
		column schema.Column
		head   format.PageHeader
		want   string // of the error; "" if it is taken
	}{
		"a page":                     {text, dataHead(same), ""},
		"a page of a streamed one":   {body, streamHead(same), ""},
		"a dictionary":               {text, dictionaryHead(same), ""},
		"numbers of a dictionary":    {text, dataHead(func(h *format.PageHeader) { h.DataPageHeader.V.Encoding = format.RLEDictionary }), ""},
		"deltas":                     {delta, dataHead(func(h *format.PageHeader) { h.DataPageHeader.V.Encoding = format.DeltaBinaryPacked }), ""},
		"deltas of texts":            {text, dataHead(func(h *format.PageHeader) { h.DataPageHeader.V.Encoding = format.DeltaBinaryPacked }), "encoding DELTA_BINARY_PACKED"},
		"the old dictionary":         {text, dataHead(func(h *format.PageHeader) { h.DataPageHeader.V.Encoding = 2 }), "encoding PLAIN_DICTIONARY"},
		"an unknown encoding":        {text, dataHead(func(h *format.PageHeader) { h.DataPageHeader.V.Encoding = 77 }), "with encoding"},
		"an index page":              {text, dataHead(func(h *format.PageHeader) { h.Type = format.IndexPage }), "no header of a page"},
		"an unknown kind":            {text, dataHead(func(h *format.PageHeader) { h.Type = 9 }), "no header of a page"},
		"a kind that it is not":      {text, dataHead(func(h *format.PageHeader) { h.Type = format.DictionaryPage }), "no header of a page"},
		"levels in another encoding": {text, dataHead(func(h *format.PageHeader) { h.DataPageHeader.V.DefinitionLevelEncoding = format.BitPacked }), "no header of a page"},
		"repetition bit-packed":      {text, dataHead(func(h *format.PageHeader) { h.DataPageHeader.V.RepetitionLevelEncoding = format.BitPacked }), "no header of a page"},
		"streamed, of another":       {text, streamHead(same), "of kind DATA_PAGE_V2"},
		"streamed with repetition":   {body, streamHead(func(h *format.PageHeader) { h.DataPageHeaderV2.V.RepetitionLevelsByteLength = 4 }), "no header of a page"},
		"streamed, not compressed":   {body, streamHead(func(h *format.PageHeader) { h.DataPageHeaderV2.V.IsCompressed = thrift.New(false) }), "no header of a page"},
		"more levels than bytes":     {body, streamHead(func(h *format.PageHeader) { h.DataPageHeaderV2.V.DefinitionLevelsByteLength = 51 }), "51 of levels"},
		"negative levels":            {body, streamHead(func(h *format.PageHeader) { h.DataPageHeaderV2.V.DefinitionLevelsByteLength = -1 }), "-1 of levels"},
		"more than the chunk":        {text, dataHead(func(h *format.PageHeader) { h.CompressedPageSize = 1 << 20 }), "1048576 packed"},
		"a negative packed size":     {text, dataHead(func(h *format.PageHeader) { h.CompressedPageSize = -1 }), "-1 bytes packed"},
		"a negative size":            {text, dataHead(func(h *format.PageHeader) { h.UncompressedPageSize = -1 }), "-1 unpacked"},
		"more than any line":         {text, dataHead(func(h *format.PageHeader) { h.UncompressedPageSize = maxPage + 1 }), "unpacked"},
		"as large as can be":         {text, dataHead(func(h *format.PageHeader) { h.UncompressedPageSize = maxPage }), ""},
		"a negative count":           {text, dataHead(func(h *format.PageHeader) { h.DataPageHeader.V.NumValues = -1 }), "-1 values"},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := thrift.Marshal(new(thrift.CompactProtocol), &c.head)
			if err != nil {
				t.Fatal(err)
			}
			in := bufio.NewReader(bytes.NewReader(append(b, make([]byte, left)...)))
			p, err := readPageHead(in, &c.column, left)
			if c.want == "" {
				if err != nil || p.kind != c.head.Type || p.head != int64(len(b)) || p.size != int64(c.head.UncompressedPageSize) || p.packed != 50 || p.values != 10 {
					t.Errorf("%+v, %v", p, err)
				}
				return
			}
			want := strings.ReplaceAll(c.want, "bytes packed", "packed")
			if !errors.Is(err, errDamagedPage) || !strings.Contains(strings.ReplaceAll(err.Error(), "bytes packed", "packed"), want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// A header is cut wherever the chunk ends, or longer than any of ours.
func TestPageHeadersAreCut(t *testing.T) {
	h := dataHead(func(*format.PageHeader) {})
	b, err := thrift.Marshal(new(thrift.CompactProtocol), &h)
	if err != nil {
		t.Fatal(err)
	}
	for end := range len(b) {
		in := bufio.NewReader(bytes.NewReader(b[:end]))
		if _, err := readPageHead(in, &schema.Column{}, int64(end)); !errors.Is(err, errDamagedPage) {
			t.Errorf("%d of %d bytes: %v", end, len(b), err)
		}
		// The chunk ends later, but the file does not have it.
		in = bufio.NewReader(bytes.NewReader(b[:end]))
		if _, err := readPageHead(in, &schema.Column{}, int64(len(b))); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d of %d bytes in the file: %v", end, len(b), err)
		}
	}
	long := append([]byte{0x88}, binary.AppendUvarint(nil, 2*maxPageHead)...) // a text that is skipped
	long = append(long, make([]byte, 4*maxPageHead)...)
	if _, err := readPageHead(bufio.NewReader(bytes.NewReader(long)), &schema.Column{}, int64(len(long))); !errors.Is(err, errDamagedPage) {
		t.Errorf("a long header: %v", err)
	}
}

// page is a page with its header, compressed.
func page(tb testing.TB, head format.PageHeader, content []byte) []byte {
	tb.Helper()
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		tb.Fatal(err)
	}
	defer encoder.Close()
	packed := encoder.EncodeAll(content, nil)
	head.UncompressedPageSize, head.CompressedPageSize = int32(len(content)), int32(len(packed))
	if head.CRC != 0 {
		head.CRC = int32(crc32.ChecksumIEEE(packed))
	}
	b, err := thrift.Marshal(new(thrift.CompactProtocol), &head)
	if err != nil {
		tb.Fatal(err)
	}
	return append(b, packed...)
}

// Pages that unpack to other values than their headers and the column allow are
// errors, and those before them are read.
func TestPagesOfADictionaryAreRefused(t *testing.T) {
	texts, numbers := schema.Column{Kind: schema.Text, Shape: schema.Required}, schema.Column{Kind: schema.Int32, Shape: schema.Required}
	dict := func(n int32, content string) []byte {
		return page(t, dictionaryHead(func(h *format.PageHeader) { h.DictionaryPageHeader.V.NumValues = n }), []byte(content))
	}
	values := func(n int32, e format.Encoding, content string) []byte {
		return page(t, dataHead(func(h *format.PageHeader) { h.DataPageHeader.V.NumValues, h.DataPageHeader.V.Encoding = n, e }), []byte(content))
	}
	const ab = "\x01\x00\x00\x00a\x01\x00\x00\x00b"
	one := "\x01\x02\x00" // width 1, a run of one 0
	for name, c := range map[string]struct {
		column schema.Column
		pages  [][]byte
		want   string // values
		err    string // after them; "" at the end of the chunk
	}{
		"texts":                    {texts, [][]byte{dict(2, ab), values(3, format.RLEDictionary, "\x01\x02\x01\x04\x00")}, "b a a", ""},
		"plain pages behind":       {texts, [][]byte{dict(2, ab), values(1, format.RLEDictionary, one), values(1, format.Plain, "\x01\x00\x00\x00c")}, "a c", ""},
		"no dictionary":            {texts, [][]byte{values(1, format.RLEDictionary, one)}, "", "damaged"},
		"two dictionaries":         {texts, [][]byte{dict(2, ab), values(1, format.RLEDictionary, one), dict(2, ab)}, "a", "a dictionary"},
		"fewer texts than claimed": {texts, [][]byte{dict(3, ab)}, "", "damaged"},
		"more texts than claimed":  {texts, [][]byte{dict(1, ab)}, "", "damaged"},
		"a text that is cut":       {texts, [][]byte{dict(2, ab[:len(ab)-1])}, "", "damaged"},
		"a length that is cut":     {texts, [][]byte{dict(2, ab+"\x01\x00")}, "", "damaged"},
		"a number beyond it":       {texts, [][]byte{dict(2, ab), values(1, format.RLEDictionary, "\x02\x02\x02")}, "", "damaged"},
		"numbers of 33 bits":       {texts, [][]byte{dict(2, ab), values(1, format.RLEDictionary, "\x21\x02\x00\x00\x00\x00\x00")}, "", "damaged"},
		"fewer numbers":            {texts, [][]byte{dict(2, ab), values(2, format.RLEDictionary, one)}, "a", "damaged"},
		"a page of nothing":        {texts, [][]byte{dict(2, ab), values(1, format.RLEDictionary, "")}, "", "damaged"},
		"integers":                 {numbers, [][]byte{dict(2, "\x07\x00\x00\x00\xff\xff\xff\xff"), values(2, format.RLEDictionary, "\x01\x03\x02")}, "7 -1", ""},
		"integers that are cut":    {numbers, [][]byte{dict(2, "\x07\x00\x00\x00\xff")}, "", "damaged"},
		"integers beyond it":       {numbers, [][]byte{dict(1, "\x07\x00\x00\x00"), values(1, format.RLEDictionary, "\x01\x02\x01")}, "", "damaged"},
		"plain integers":           {numbers, [][]byte{values(2, format.Plain, "\x07\x00\x00\x00\xff\xff\xff\xff")}, "7 -1", ""},
		"plain integers, cut":      {numbers, [][]byte{values(2, format.Plain, "\x07\x00\x00\x00\xff\xff\xff")}, "7", "damaged"},
		"plain integers too many":  {numbers, [][]byte{values(1, format.Plain, "\x07\x00\x00\x00\xff\xff\xff\xff")}, "7", "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readAll(t, c.column, bytes.Join(c.pages, nil))
			if got != c.want || (c.err == "") != errors.Is(err, errShort) || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q, %v; want %q, %q", got, err, c.want, c.err)
			}
		})
	}
}

// readAll returns the values of a chunk, and the error after them.
func readAll(t *testing.T, d schema.Column, chunk []byte) (values string, err error) {
	t.Helper()
	unpack, err := newUnpacker()
	if err != nil {
		t.Fatal(err)
	}
	defer unpack.whole.Close()
	var c columnReader
	defer c.page.close()
	c.open(bytes.NewReader(chunk), d, storedChunk{size: int64(len(chunk))}, unpack)
	var all []string
	for {
		_, err := c.next()
		var v string
		if err == nil {
			v, err = valueText(&c)
		}
		if err != nil {
			return strings.Join(all, " "), err
		}
		all = append(all, v)
	}
}

// A page whose bytes were changed after it was written is found by its checksum,
// and one that is cut by its size.
func TestDamagedBytesOfPages(t *testing.T) {
	d := schema.Column{Kind: schema.Text, Shape: schema.Required, Encoding: schema.Plain}
	whole := page(t, dataHead(func(h *format.PageHeader) { h.DataPageHeader.V.NumValues = 1 }), append([]byte{100, 0, 0, 0}, bytes.Repeat([]byte("x"), 100)...))
	if _, err := readAll(t, d, whole); !errors.Is(err, errShort) {
		t.Fatal(err)
	}
	for at := len(whole) - 10; at < len(whole); at++ {
		damaged := bytes.Clone(whole)
		damaged[at] ^= 1
		if _, err := readAll(t, d, damaged); !errors.Is(err, errDamagedPage) || !strings.Contains(err.Error(), "its checksum is") {
			t.Errorf("byte %d was changed: %v", at, err)
		}
		if _, err := readAll(t, d, whole[:at]); !errors.Is(err, errDamagedPage) {
			t.Errorf("cut at byte %d: %v", at, err)
		}
	}
}
