package objectfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/bloom"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/parquet/internal/rowsort"
	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

func TestBoundsOfValues(t *testing.T) {
	int32s := func(values ...int32) (all []string) {
		for _, v := range values {
			all = append(all, string(binary.LittleEndian.AppendUint32(nil, uint32(v))))
		}
		return all
	}
	int64s := func(values ...int64) (all []string) {
		for _, v := range values {
			all = append(all, string(binary.LittleEndian.AppendUint64(nil, uint64(v))))
		}
		return all
	}
	fits, long := strings.Repeat("x", maxBound), strings.Repeat("x", maxBound+1)
	for name, c := range map[string]struct {
		kind     schema.Kind
		values   []string
		min, max string
		unknown  bool
	}{
		"no values":               {kind: schema.Text, unknown: true},
		"one":                     {kind: schema.Text, values: []string{"a"}, min: "a", max: "a"},
		"the empty text":          {kind: schema.Text, values: []string{"a", ""}, min: "", max: "a"},
		"bytes above ASCII":       {kind: schema.Text, values: []string{"a", "\xff", "z"}, min: "a", max: "\xff"},
		"a prefix":                {kind: schema.Text, values: []string{"ab", "a", "abc"}, min: "a", max: "abc"},
		"as long as is kept":      {kind: schema.Text, values: []string{fits, "y"}, min: fits, max: "y"},
		"longer than kept":        {kind: schema.Text, values: []string{"a", long, "b"}, unknown: true},
		"negative 32-bit numbers": {kind: schema.Int32, values: int32s(3, -1, 2), min: int32s(-1)[0], max: int32s(3)[0]},
		"negative 64-bit numbers": {kind: schema.Int64, values: int64s(3, -1, 2), min: int64s(-1)[0], max: int64s(3)[0]},
		"numbers of many bytes":   {kind: schema.Int64, values: int64s(256, 1), min: int64s(1)[0], max: int64s(256)[0]},
		"extreme times":           {kind: schema.Micros, values: int64s(math.MaxInt64, math.MinInt64), min: int64s(math.MinInt64)[0], max: int64s(math.MaxInt64)[0]},
	} {
		t.Run(name, func(t *testing.T) {
			whole, parts := bounds{kind: c.kind}, bounds{kind: c.kind}
			for _, v := range c.values {
				whole.add([]byte(v))
				part := bounds{kind: c.kind}
				part.add([]byte(v))
				parts.merge(&part)
			}
			for _, b := range []*bounds{&whole, &parts} {
				if b.known() == c.unknown || b.known() && (string(b.min) != c.min || string(b.max) != c.max) {
					t.Errorf("%v: %q to %q, want %q to %q", b.known(), b.min, b.max, c.min, c.max)
				}
			}
			if whole.reset(); whole.known() {
				t.Error("there are bounds after a reset")
			}
		})
	}
}

// The bounds of a page are the same, however it holds its values.
func TestBoundsOfEncodedValues(t *testing.T) {
	values := []string{"m", "m", "b", "zz", "b"}
	dict := rowsort.NewDictionary(true)
	var numbers []int32
	var plain []byte
	for _, v := range values {
		numbers = append(numbers, dict.Number([]byte(v)))
		plain = append(binary.LittleEndian.AppendUint32(plain, uint32(len(v))), v...)
	}
	fixed := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, 5), uint32(0xffffffff))
	for name, c := range map[string]struct {
		kind     schema.Kind
		add      func(*bounds)
		min, max string
	}{
		"numbers of a dictionary": {schema.Text, func(b *bounds) { b.addNumbers(dict, numbers) }, "b", "zz"},
		"plain texts":             {schema.Text, func(b *bounds) { b.addPlain(plain) }, "b", "zz"},
		"plain numbers":           {schema.Int32, func(b *bounds) { b.addPlain(fixed) }, "\xff\xff\xff\xff", "\x05\x00\x00\x00"},
		"64-bit numbers":          {schema.Int64, func(b *bounds) { b.addInts([]int64{5, -1, 3}) }, strings.Repeat("\xff", 8), "\x05" + strings.Repeat("\x00", 7)},
	} {
		b := bounds{kind: c.kind}
		if c.add(&b); string(b.min) != c.min || string(b.max) != c.max {
			t.Errorf("%s: %q to %q, want %q to %q", name, b.min, b.max, c.min, c.max)
		}
	}
}

// Levels are stored in runs after their length, repetition first; none where the
// highest is 0.
func TestLevelsOfPages(t *testing.T) {
	for name, c := range map[string]struct {
		levels levels
		add    [][2]uint8 // repetition, definition
		empty  int        // rows without anything
		rows   int
		count  int
		nulls  int
	}{
		"required":         {levels{}, nil, 5, 5, 5, 0},
		"optional":         {levels{maxDef: 1}, [][2]uint8{{0, 1}, {0, 0}, {0, 1}}, 0, 3, 3, 1},
		"a list":           {levels{maxRep: 1, maxDef: 2}, [][2]uint8{{0, 2}, {1, 2}, {0, 1}, {0, 0}}, 0, 3, 4, 2},
		"lists in a map":   {levels{maxRep: 2, maxDef: 3}, [][2]uint8{{0, 3}, {2, 3}, {1, 2}}, 2, 3, 5, 3},
		"many empty rows":  {levels{maxRep: 1, maxDef: 2}, nil, 1000, 1000, 1000, 1000},
		"no rows":          {levels{maxDef: 1}, nil, 0, 0, 0, 0},
		"values and nulls": {levels{maxDef: 1}, [][2]uint8{{0, 1}}, 7, 8, 8, 7},
	} {
		t.Run(name, func(t *testing.T) {
			l := c.levels
			var reps, defs []uint8
			for _, a := range c.add {
				l.add(a[0], a[1])
				reps, defs = append(reps, a[0]), append(defs, a[1])
			}
			l.addRows(c.empty)
			reps, defs = append(reps, make([]uint8, c.empty)...), append(defs, make([]uint8, c.empty)...)
			if l.rows != c.rows || l.count() != c.count || l.nulls() != c.nulls {
				t.Errorf("%d rows, %d values, %d nulls; want %d, %d, %d", l.rows, l.count(), l.nulls(), c.rows, c.count, c.nulls)
			}
			rest := l.append([]byte("before"))[len("before"):]
			for _, kind := range []struct {
				highest uint8
				want    []uint8
			}{{l.maxRep, reps}, {l.maxDef, defs}} {
				if kind.highest == 0 {
					continue
				}
				n := 4 + int(binary.LittleEndian.Uint32(rest))
				e := rle.Encoding{BitWidth: int(math.Ceil(math.Log2(float64(kind.highest) + 1)))}
				got, err := e.DecodeLevels(nil, rest[4:n])
				if err != nil || !slices.Equal(got[:len(kind.want)], kind.want) {
					t.Errorf("levels %v, want %v (%v)", got, kind.want, err)
				}
				rest = rest[n:]
			}
			if l.reset(); len(rest) > 0 || l.rows != 0 || l.count() != 0 {
				t.Errorf("%d bytes behind the levels, %d rows after a reset", len(rest), l.rows)
			}
		})
	}
}

// Of absent values at most some in a hundred pass a filter, and every value does.
func TestFilterOfAChunk(t *testing.T) {
	dict := rowsort.NewDictionary(true)
	var f filter
	for i := range 3000 {
		v := fmt.Appendf(nil, "value-%d", i)
		if i%3 == 0 {
			dict.Number(v)
			continue
		}
		f.add(v)
		f.add(v) // its neighbour is the same
	}
	f.addAll(dict)
	if len(f) != 3000 {
		t.Errorf("%d values, want 3000", len(f))
	}
	encoded, err := f.encode()
	if err != nil {
		t.Fatal(err)
	}
	var header format.BloomFilterHeader
	in := bytes.NewReader(encoded)
	if err := thrift.NewDecoder(new(thrift.CompactProtocol).NewReader(in)).Decode(&header); err != nil {
		t.Fatal(err)
	}
	bits := encoded[len(encoded)-int(header.NumBytes):]
	if got := 8 * len(bits) / 3000; got < bloomBits || got > 2*bloomBits {
		t.Errorf("%d bits for each value, want %d", got, bloomBits)
	}
	passed := 0
	for i := range 6000 {
		ok, err := bloom.CheckSplitBlock(bytes.NewReader(bits), int64(len(bits)), bloom.XXH64{}.Sum64(fmt.Appendf(nil, "value-%d", i)))
		if err != nil || i < 3000 && !ok {
			t.Fatalf("value %d: %v, %v", i, ok, err)
		}
		if i >= 3000 && ok {
			passed++
		}
	}
	if passed > 3000*5/100 {
		t.Errorf("%d of 3000 absent values pass", passed)
	}
}

// Hexadecimal IDs without a match take less than their digits: 19 of 36 bytes.
func TestCodecPacksLiterals(t *testing.T) {
	codec, err := NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	var ids []byte
	for range 1000 {
		ids = fmt.Appendf(ids, "%08x-%04x-%04x-%04x-%012x", random.Uint32(), random.Uint32()>>16, random.Uint32()>>16, random.Uint32()>>16, random.Uint64()>>16)
	}
	if got := len(codec.encode(nil, ids)); got > 21*1000 {
		t.Errorf("%d bytes for an ID", got/1000)
	}
}

// Frames written at once, in parts and as a stream unpack to the written bytes, in
// an order of any kind; a part may be empty.
func TestCodecFrames(t *testing.T) {
	codec, err := NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 1, 1000, pageWindow + 1, streamWindow + 1} {
		text := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
		half := size / 2
		var parts bytes.Buffer
		if err := codec.frame(&parts, [][]byte{text[:half], nil, text[half:]}); err != nil {
			t.Fatal(err)
		}
		stream, err := codec.stream()
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.add(text); err != nil {
			t.Fatal(err)
		}
		if err := stream.encoder.Close(); err != nil {
			t.Fatal(err)
		}
		prefixed := append(binary.LittleEndian.AppendUint32(nil, uint32(size)), text...)
		for name, c := range map[string]struct{ packed, want []byte }{
			"at once":  {codec.encode(nil, text), text},
			"in parts": {parts.Bytes(), text},
			"a stream": {stream.packed, prefixed},
		} {
			if got := unpacked(t, c.packed); !bytes.Equal(got, c.want) {
				t.Errorf("%d bytes %s: %d bytes come back", size, name, len(got))
			}
		}
		if stream.size != len(prefixed) {
			t.Errorf("%d bytes as a stream count %d", size, stream.size)
		}
		if codec.release(stream); stream.size != 0 || len(stream.packed) != 0 || len(codec.streams) != 1 {
			t.Errorf("released: %d bytes, %d packed, %d streams", stream.size, len(stream.packed), len(codec.streams))
		}
	}
}

func unpacked(t *testing.T, packed []byte) []byte {
	t.Helper()
	d, err := zstd.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	b, err := io.ReadAll(d)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The bodies of long values wait in a file without a name, whose space is given
// back after each row group.
func TestSpool(t *testing.T) {
	codec, err := NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	s := spool{work: t.TempDir()}
	for round := range 3 {
		var bodies []spooled
		for i := range 5 {
			body, crc, err := s.add(codec, []byte("head"), bytes.Repeat([]byte{byte('a' + i)}, 100_000*(i+round)))
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := s.copy(&b, body); err != nil {
				t.Fatal(err)
			}
			if crc32.ChecksumIEEE(b.Bytes()) != crc || int64(b.Len()) != body.size {
				t.Errorf("body %d of %d bytes has another checksum", i, b.Len())
			}
			bodies = append(bodies, body)
		}
		for i, body := range slices.Backward(bodies) {
			var b bytes.Buffer
			if err := s.copy(&b, body); err != nil {
				t.Fatal(err)
			}
			if got, want := unpacked(t, b.Bytes()), 4+100_000*(i+round); len(got) != want {
				t.Errorf("body %d has %d bytes, want %d", i, len(got), want)
			}
		}
		if err := s.reset(); err != nil {
			t.Fatal(err)
		}
		if info, err := s.file.Stat(); err != nil || info.Size() != 0 {
			t.Errorf("%d bytes after a row group (%v)", info.Size(), err)
		}
	}
	if names, err := os.ReadDir(s.work); err != nil || len(names) > 0 {
		t.Errorf("the work directory has %v (%v)", names, err)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}

func TestSpoolNeedsItsDirectory(t *testing.T) {
	codec, err := NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	s := spool{work: t.TempDir() + "/missing"}
	if _, _, err := s.add(codec, []byte("x")); err == nil || !strings.Contains(err.Error(), s.work) {
		t.Errorf("%v, want an error that names %s", err, s.work)
	}
	if err := s.reset(); err != nil {
		t.Error(err)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}
