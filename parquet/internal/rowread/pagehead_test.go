package rowread

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// rawPage is a page as it stands in a chunk, without a checksum: faults
// in it must be found by who reads it.
type rawPage struct {
	levels, body []byte // body is compressed here
	second       bool
	encoding     format.Encoding
	values       int32
	size         int32 // added to the size that is right
}

func (p rawPage) bytes(tb testing.TB) []byte {
	tb.Helper()
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		tb.Fatal(err)
	}
	defer encoder.Close()
	content := p.body
	if !p.second {
		content = append(append(binary.LittleEndian.AppendUint32(nil, uint32(len(p.levels))), p.levels...), p.body...)
	}
	packed := encoder.EncodeAll(content, nil)
	h := format.PageHeader{Type: format.DataPage, UncompressedPageSize: int32(len(content)) + p.size, CompressedPageSize: int32(len(packed))}
	if p.second {
		h.Type = format.DataPageV2
		h.UncompressedPageSize += int32(len(p.levels))
		h.CompressedPageSize += int32(len(p.levels))
		h.DataPageHeaderV2.Valid = true
		h.DataPageHeaderV2.V = format.DataPageHeaderV2{NumValues: p.values, Encoding: p.encoding, DefinitionLevelsByteLength: int32(len(p.levels))}
		packed = append(bytes.Clone(p.levels), packed...)
	} else {
		h.DataPageHeader.Valid = true
		h.DataPageHeader.V = format.DataPageHeader{NumValues: p.values, Encoding: p.encoding, DefinitionLevelEncoding: format.RLE, RepetitionLevelEncoding: format.RLE}
	}
	head, err := thrift.Marshal(new(thrift.CompactProtocol), &h)
	if err != nil {
		tb.Fatal(err)
	}
	return append(head, packed...)
}

// readChunk reads the values of a chunk of texts, or of numbers, to its end or to the first error.
func readChunk(tb testing.TB, chunk []byte, numbers bool) (values []string, err error) {
	tb.Helper()
	unpack, err := newUnpacker()
	if err != nil {
		tb.Fatal(err)
	}
	defer unpack.whole.Close()
	var c columnReader
	defer c.page.close()
	d := schema.Column{Kind: schema.Blob, Encoding: schema.Plain, Streamed: true}
	if numbers {
		d.Kind, d.Encoding = schema.Int64, schema.Delta
	}
	c.open(bytes.NewReader(chunk), d, storedChunk{size: int64(len(chunk))}, unpack)
	for {
		def, err := c.next()
		var v string
		switch {
		case err == nil && def > 0 && numbers:
			var n int64
			n, err = c.number()
			v = fmt.Sprint(n)
		case err == nil && def > 0:
			var b []byte
			b, err = c.bytes()
			v = string(b)
		}
		if err != nil {
			return values, err
		}
		values = append(values, v)
	}
}

func TestRawPages(t *testing.T) {
	plain := []byte("\x02\x00\x00\x00ab\x01\x00\x00\x00c")
	numbers, err := new(delta.BinaryPackedEncoding).EncodeInt64(nil, []int64{7, -9})
	if err != nil {
		t.Fatal(err)
	}
	const deltas = format.DeltaBinaryPacked
	both := []byte{2 << 1, 1}                                  // two times 1
	many := binary.AppendUvarint(nil, 1<<31)                   // a run of 2^30
	huge := []byte("\x80\x01\x04\xff\xff\xff\x7f\x00\x00\x00") // 2^28 numbers
	for name, c := range map[string]struct {
		page rawPage
		want string // of the values, or none
	}{
		"plain":              {rawPage{levels: both, body: plain, values: 2}, "[ab c]"},
		"plain, second":      {rawPage{levels: both, body: plain, values: 2, second: true}, "[ab c]"},
		"numbers":            {rawPage{levels: both, body: numbers, values: 2, encoding: deltas}, "[7 -9]"},
		"numbers, second":    {rawPage{levels: both, body: numbers, values: 2, encoding: deltas, second: true}, "[7 -9]"},
		"one too many":       {rawPage{levels: []byte{3 << 1, 1}, body: plain, values: 3}, ""},
		"one too few":        {rawPage{levels: []byte{1 << 1, 1}, body: plain, values: 1}, ""},
		"one number missing": {rawPage{levels: []byte{3 << 1, 1}, body: numbers, values: 3, encoding: deltas}, ""},
		"one number too few": {rawPage{levels: []byte{1 << 1, 1}, body: numbers, values: 1, encoding: deltas}, ""},
		"levels":             {rawPage{levels: append(many, 1), body: plain, values: 2, second: true}, ""},
		"many numbers":       {rawPage{levels: both, body: huge, values: 2, encoding: deltas}, ""},
		"other size":         {rawPage{levels: both, body: plain, values: 2, size: 1}, ""},
		"claims much":        {rawPage{levels: both, body: numbers, values: 2, encoding: deltas, size: 1 << 28}, ""},
		"bomb":               {rawPage{levels: both, body: make([]byte, 64<<20), values: 2, size: -60 << 20}, ""},
	} {
		page := c.page.bytes(t)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		values, err := readChunk(t, page, c.page.encoding == deltas)
		runtime.ReadMemStats(&after)
		if (err == errShort) != (c.want != "") || c.want != "" && fmt.Sprint(values) != c.want {
			t.Errorf("%s: %q, %v", name, values, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 16<<20 {
			t.Errorf("%s: %d bytes were allocated", name, n)
		}
	}
}

// FuzzPage reads pages of any content: an error or values, and no panic.
func FuzzPage(f *testing.F) {
	for _, second := range []bool{false, true} {
		f.Add([]byte{4, 1}, []byte("\x02\x00\x00\x00ab\x01\x00\x00\x00c"), int32(2), int32(0), second, false)
		f.Add([]byte{4, 1}, []byte("\x80\x01\x04\x02\x04\x01\x00\x00\x00\x00"), int32(2), int32(0), second, true)
		f.Add([]byte{3, 0x55}, []byte("\x80\x01\x04\x03\xfe\xff\xff\xff\x0f"), int32(8), int32(1), second, true)
	}
	f.Fuzz(func(t *testing.T, levels, body []byte, values, size int32, second, numbers bool) {
		p := rawPage{levels: levels, body: body, values: values, size: size, second: second}
		if numbers {
			p.encoding = format.DeltaBinaryPacked
		}
		page := p.bytes(t)
		got, err := readChunk(t, append(bytes.Clone(page), page...), numbers)
		if err == nil || err == io.EOF || len(got) > 2*max(int(values), 0) {
			t.Errorf("%d values of %d, %v", len(got), values, err)
		}
	})
}
