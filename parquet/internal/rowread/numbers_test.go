package rowread

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/rle"
)

// valueText reads the value that is due as text.
func valueText(c *columnReader) (string, error) {
	if c.def.IsText() {
		v, err := c.bytes()
		return string(v), err
	}
	n, err := c.number()
	return strconv.FormatInt(n, 10), err
}

// Numbers of every width come back as the library wrote them, in runs and packed.
func TestRunsAgreeWithTheLibrary(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for width := 1; width <= 31; width++ {
		var want []int32
		for len(want) < 1000 {
			v := int32(random.Uint32N(1 << width))
			for range 1 + random.IntN(20)*random.IntN(2) {
				want = append(want, v)
			}
		}
		e := rle.Encoding{BitWidth: width}
		b, err := e.EncodeInt32(nil, want)
		if err != nil {
			t.Fatal(err)
		}
		r := runs{b: b, width: uint(width)}
		for i, w := range want {
			if got, ok := r.next(); !ok || int32(got) != w {
				t.Fatalf("%d bits, number %d: %d, %v; want %d", width, i, got, ok, w)
			}
		}
		if !r.ended() {
			t.Errorf("%d bits: %d numbers and %d bytes are left", width, r.left, len(r.b))
		}
	}
}

func TestRuns(t *testing.T) {
	for name, c := range map[string]struct {
		width uint
		b     []byte
		want  []uint32 // until damage or the end, ten at most
		ended bool     // nothing is left then
	}{
		"nothing":                 {1, nil, nil, true},
		"a run":                   {3, []byte{3 << 1, 5}, []uint32{5, 5, 5}, true},
		"of two bytes":            {9, []byte{2 << 1, 0x34, 1}, []uint32{0x134, 0x134}, true},
		"a group of eight":        {2, []byte{1<<1 | 1, 0b11100100, 0b00011011}, []uint32{0, 1, 2, 3, 3, 2, 1, 0}, true},
		"empty runs":              {1, []byte{0, 1, 0, 1, 2 << 1, 1}, []uint32{1, 1}, true},
		"without bits":            {0, []byte{4 << 1}, []uint32{0, 0, 0, 0}, true},
		"two billion":             {1, []byte{0xfe, 0xff, 0xff, 0xff, 0x0f, 1}, slices.Repeat([]uint32{1}, 10), false},
		"two billion, packed":     {1, []byte{0xff, 0xff, 0xff, 0xff, 0x0f, 1}, nil, false},
		"a head that has no end":  {1, bytes.Repeat([]byte{0xff}, 12), nil, false},
		"a run without its value": {8, []byte{3 << 1}, nil, true},
		"a group that is cut":     {8, []byte{1<<1 | 1, 1, 2, 3}, nil, false},
		"one run, then damage":    {8, []byte{1 << 1, 7, 3 << 1}, []uint32{7}, true},
	} {
		r := runs{b: c.b, width: c.width}
		var got []uint32
		for len(got) < 10 {
			n, ok := r.next()
			if !ok {
				break
			}
			got = append(got, n)
		}
		if !slices.Equal(got, c.want) || r.ended() != c.ended && len(got) == 10 {
			t.Errorf("%s: %v, ended %v; want %v", name, got, r.ended(), c.want)
		}
	}
}

// Deltas of every size come back as the library wrote them, overflow included.
func TestDeltasAgreeWithTheLibrary(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, next := range map[string]func(i int) int64{
		"the same":     func(int) int64 { return 42 },
		"one by one":   func(i int) int64 { return int64(i) },
		"downwards":    func(i int) int64 { return int64(-7 * i) },
		"times":        func(i int) int64 { return 1_700_000_000_000_000 + int64(i)*1_000_000 + random.Int64N(1_000_000) },
		"any":          func(int) int64 { return int64(random.Uint64()) },
		"the extremes": func(i int) int64 { return [...]int64{math.MinInt64, math.MaxInt64, 0, -1}[i%4] },
		"any width":    func(i int) int64 { return int64(random.Uint64() >> (i % 64)) },
	} {
		for _, count := range []int{0, 1, 2, 32, 33, 128, 129, 1000} {
			var want []int64
			for i := range count {
				want = append(want, next(i))
			}
			b, err := new(delta.BinaryPackedEncoding).EncodeInt64(nil, want)
			if err != nil {
				t.Fatal(err)
			}
			d := newDeltas(b)
			var got []int64
			for v, ok := d.next(); ok; v, ok = d.next() {
				got = append(got, v)
			}
			if !slices.Equal(got, want) || len(d.b) > 0 || d.damaged {
				t.Errorf("%s: %d of %d numbers, %d bytes left, damaged %v", name, len(got), count, len(d.b), d.damaged)
			}
		}
	}
}

func TestDamagedDeltas(t *testing.T) {
	whole, err := new(delta.BinaryPackedEncoding).EncodeInt64(nil, []int64{1, 5, 2, 900})
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"nothing":              nil,
		"another block size":   append([]byte{0x80, 0x02}, whole[2:]...),
		"other miniblocks":     append([]byte{0x80, 0x01, 0x08}, whole[3:]...),
		"no first value":       whole[:4],
		"no widths":            whole[:7],
		"a miniblock is cut":   whole[:len(whole)-1],
		"a width of 65":        append(bytes.Clone(whole[:7]), append([]byte{65, 0, 0, 0}, make([]byte, 400)...)...),
		"a count without more": {0x80, 0x01, 0x04, 0xff, 0xff, 0xff, 0xff, 0x0f, 0},
	} {
		d := newDeltas(b)
		n := 0
		for _, ok := d.next(); ok && n < 1000; _, ok = d.next() {
			n++
		}
		if !d.damaged || n > 4 {
			t.Errorf("%s: %d numbers, damaged %v", name, n, d.damaged)
		}
	}
}

// FuzzNumbers reads numbers of any bytes: each takes a bit or a run of its own,
// so that they end, and there is no panic.
func FuzzNumbers(f *testing.F) {
	f.Add([]byte{3 << 1, 5, 1<<1 | 1, 0xe4}, uint8(2))
	f.Add([]byte{0x80, 0x01, 0x04, 0x04, 0x02, 0x02, 3, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, uint8(32))
	f.Fuzz(func(t *testing.T, b []byte, width uint8) {
		r := runs{b: b, width: uint(width % 33)}
		for range 10_000 {
			v, ok := r.next()
			if !ok {
				break
			}
			if uint(bits.Len32(v)) > (r.width+7)/8*8 {
				t.Fatalf("%d has more than %d bits", v, r.width)
			}
		}
		d := newDeltas(b)
		for range 10_000 {
			if _, ok := d.next(); !ok {
				break
			}
		}
		if len(d.b) > len(b) {
			t.Fatalf("%d bytes are left of %d", len(d.b), len(b))
		}
	})
}

// Values in Thrift's compact protocol are read as far as their bytes go, a field that is not known
// is skipped in any case, and lists take no more memory than the bytes are worth.
func TestCompactValues(t *testing.T) {
	type values struct {
		Third int32  `thrift:"3,optional"`
		Text  string `thrift:"4,optional"`
		Far   int32  `thrift:"100,optional"`
	}
	structs := func(n int) []byte {
		list := append([]byte{0x19, 0xfc}, binary.AppendUvarint(nil, uint64(n))...)
		return append(append(list, make([]byte, n)...), 0x25, 2, 0)
	}
	for name, c := range map[string]struct {
		b    []byte
		want values
		bad  bool
	}{
		"no fields":               {b: []byte{0}},
		"a number":                {b: []byte{0x35, 3, 0}, want: values{Third: -2}},
		"the largest is skipped":  {b: []byte{0x16, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x25, 2, 0}, want: values{Third: 1}},
		"a text":                  {b: []byte{0x48, 2, 'a', 'b', 0}, want: values{Text: "ab"}},
		"a field far away":        {b: []byte{0x05, 0xc8, 0x01, 4, 0}, want: values{Far: 2}},
		"booleans are skipped":    {b: []byte{0x11, 0x12, 0x15, 2, 0}, want: values{Third: 1}},
		"a byte is skipped":       {b: []byte{0x13, 0xff, 0x25, 2, 0}, want: values{Third: 1}},
		"a double is skipped":     {b: []byte{0x17, 1, 2, 3, 4, 5, 6, 7, 8, 0x25, 2, 0}, want: values{Third: 1}},
		"a list is skipped":       {b: []byte{0x19, 0x25, 2, 4, 0x25, 2, 0}, want: values{Third: 1}},
		"a list of booleans":      {b: []byte{0x19, 0x21, 1, 2, 0x25, 2, 0}, want: values{Third: 1}},
		"a set of structs":        {b: []byte{0x1a, 0x2c, 0x15, 2, 0, 0, 0x25, 2, 0}, want: values{Third: 1}},
		"a struct is skipped":     {b: []byte{0x1c, 0x18, 1, 'x', 0, 0x25, 2, 0}, want: values{Third: 1}},
		"a thousand structs":      {b: structs(1000), want: values{Third: 1}},
		"as deeply as ours":       {b: append(append(bytes.Repeat([]byte{0x1c}, 5), make([]byte, 5)...), 0)},
		"many structs of no size": {b: structs(1 << 20), bad: true},
		"no end":                  {b: []byte{0x35, 3}, bad: true},
		"a 32-bit number is not":  {b: []byte{0x35, 0xfe, 0xff, 0xff, 0xff, 0xff, 0x01, 0}, bad: true},
		"a field of no number":    {b: []byte{0x05, 0xfe, 0xff, 0xff, 0x01, 4, 0}, bad: true},
		"a text for a number":     {b: []byte{0x38, 1, 'a', 0}, bad: true},
		"a text that is cut":      {b: []byte{0x48, 3, 'a', 'b'}, bad: true},
		"a map":                   {b: []byte{0x1b, 0, 0}, bad: true},
		"an unknown kind":         {b: []byte{0x1e, 0}, bad: true},
		"a double that is cut":    {b: []byte{0x17, 1, 2, 3}, bad: true},
		"nested too deeply":       {b: append(bytes.Repeat([]byte{0x1c}, 2*maxNesting), make([]byte, 2*maxNesting+1)...), bad: true},
	} {
		var got values
		n, err := Unmarshal(c.b, &got)
		if (err != nil) != c.bad || !c.bad && (got != c.want || n != len(c.b)) {
			t.Errorf("%s: %+v of %d bytes, %v; want %+v, bad %v", name, got, n, err, c.want, c.bad)
		}
	}
}

// FuzzPageHead reads headers of any bytes: an accepted one is within its bounds.
func FuzzPageHead(f *testing.F) {
	f.Add([]byte{0x15, 0, 0x15, 200, 1, 0x15, 100, 0x2c, 0x15, 20, 0x15, 0, 0x15, 6, 0x15, 6, 0, 0})
	f.Add([]byte{0x15, 4, 0x15, 200, 1, 0x15, 100, 0x4c, 0x15, 20, 0x15, 0, 0, 0})
	f.Add([]byte{0x1c, 0x1c, 0x1c})
	f.Fuzz(checkPageHead)
}
