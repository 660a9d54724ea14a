package rowsort

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

// keyed is a row with the key that it is added with.
type keyed struct {
	ref Ref
	key string
}

// sorted returns rows as an index with a limit gives them back.
func sorted(t *testing.T, rows []keyed, memory int) (got []Ref, runs int) {
	t.Helper()
	x := NewIndex(t.TempDir(), Limits{Memory: memory, Spill: 1 << 30}, 1<<20)
	for _, r := range rows {
		if err := x.Add(r.ref, []byte(r.key)); err != nil {
			t.Fatal(err)
		}
	}
	next, err := x.Sorted()
	if err != nil {
		t.Fatal(err)
	}
	for {
		r, ok, err := next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		r.key = 0 // its number is the index's own
		got = append(got, r)
	}
	if names, err := os.ReadDir(x.runs.work); err != nil || len(names) > 0 {
		t.Errorf("the work directory has %v (%v): a crash would leave it behind", names, err)
	}
	if err := x.Close(); err != nil {
		t.Error(err)
	}
	return got, len(x.runs.ends)
}

// Rows are in the order of day, key, time, line and part, whether they fit into
// the memory, make a few runs, or a run for every few rows.
func TestOrderOfRows(t *testing.T) {
	few := []keyed{ // in their order
		{Ref{Day: -1, Line: 9, Time: 5}, "z"},
		{Ref{Day: 0, Line: 8, Time: NoTime}, ""},
		{Ref{Day: 0, Line: 7, Time: math.MinInt64 + 1}, ""},
		{Ref{Day: 0, Line: 2, Time: 1}, "a"},
		{Ref{Day: 0, Line: 3, Time: 1}, "a"},
		{Ref{Day: 0, Line: 3, Part: 1, Time: 1}, "a"},
		{Ref{Day: 0, Line: 3, Part: 2, Time: 1}, "a"},
		{Ref{Day: 0, Line: 1, Time: 2}, "a"},
		{Ref{Day: 0, Line: 4, Time: 0}, "a\x00"},
		{Ref{Day: 0, Line: 5, Time: 0}, "ab"},
		{Ref{Day: 1, Line: 6, Time: math.MaxInt64, Size: math.MaxUint32, Offset: 1 << 50}, "a"},
	}
	random := rand.New(rand.NewPCG(1, 2))
	var many []keyed
	for n := range 5000 {
		many = append(many, keyed{
			Ref{Line: uint32(n + 1), Offset: int64(n) * 100, Size: uint32(n), Day: int32(random.IntN(3)) - 1, Time: random.Int64N(50)},
			strings.Repeat("k", random.IntN(60)) + fmt.Sprint(random.IntN(40)),
		})
	}
	slices.SortFunc(many, func(a, b keyed) int {
		return cmp.Or(cmp.Compare(a.ref.Day, b.ref.Day), cmp.Compare(a.key, b.key), cmp.Compare(a.ref.Time, b.ref.Time), cmp.Compare(a.ref.Line, b.ref.Line))
	})
	for name, c := range map[string]struct {
		rows    []keyed
		memory  int
		minRuns int
	}{
		"none":                {nil, 1 << 20, 0},
		"few, in memory":      {few, 1 << 20, 0},
		"few, a run for each": {few, 1, len(few)},
		"many, in memory":     {many, 1 << 20, 0},
		"many, a few runs":    {many, 100 << 10, 2},
		"many, very many":     {many, 1 << 10, 200},
	} {
		t.Run(name, func(t *testing.T) {
			shuffled := slices.Clone(c.rows)
			random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			got, runs := sorted(t, shuffled, c.memory)
			if len(got) != len(c.rows) || runs < c.minRuns || c.minRuns == 0 && runs > 0 {
				t.Fatalf("%d rows from %d runs, want %d from %d", len(got), runs, len(c.rows), c.minRuns)
			}
			for i, want := range c.rows {
				if got[i] != want.ref {
					t.Fatalf("row %d is %+v, want %+v with %q", i, got[i], want.ref, want.key)
				}
			}
		})
	}
}

// The order of lines may take Spill bytes more than the lines: then there are too
// many short ones.
func TestTooManyShortLines(t *testing.T) {
	for name, c := range map[string]struct {
		line  int64 // bytes of each
		spill int64
		want  error
	}{
		"empty lines":                  {1, 0, ErrTooMany},
		"lines as long as their order": {40, 0, nil},
		"short lines, much space":      {1, 1 << 20, nil},
		"a little too short":           {3, 2 << 10, ErrTooMany},
	} {
		x := NewIndex(t.TempDir(), Limits{Memory: 1 << 10, Spill: c.spill}, 1<<20)
		var err error
		for n := int64(0); n < 4000 && err == nil; n++ {
			err = x.Add(Ref{Offset: n * c.line, Line: uint32(n + 1), Size: uint32(c.line - 1)}, nil)
		}
		if !errors.Is(err, c.want) || c.want != nil && !strings.Contains(err.Error(), "bytes for their order") {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Without its directory an index fails when it spills, and says where.
func TestSpillingNeedsTheWorkDirectory(t *testing.T) {
	missing := t.TempDir() + "/missing"
	x := NewIndex(missing, Limits{Memory: 1}, 10)
	err := errors.Join(x.Add(Ref{}, nil), x.Add(Ref{}, nil))
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("index: %v", err)
	}
	if err := x.Close(); err != nil {
		t.Error(err)
	}
	o := NewLines(missing, 1)
	if err := o.Add(1, func(b []byte) []byte { return append(b, 'x') }); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("lines: %v", err)
	}
	if err := o.AddLong(1, func(io.Writer) error { return nil }); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a long line: %v", err)
	}
	if err := o.Close(); err != nil {
		t.Error(err)
	}
}

// A run that was cut on its way to the disk and back is an error, wherever the cut is.
func TestCutRuns(t *testing.T) {
	refs := []Ref{{Line: 300, Time: 1 << 40, Offset: 1 << 30, Size: 1 << 20, Part: 200, Day: 20000}, {Line: 301, Day: 20000}}
	keys := [][]byte{[]byte("a key")}
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	if err := errors.Join(writeRefs(w, refs, keys), w.Flush()); err != nil {
		t.Fatal(err)
	}
	first := 0 // bytes of the first row
	for end := b.Len(); end >= 0; end-- {
		u := refRun{r: bufio.NewReader(bytes.NewReader(b.Bytes()[:end]))}
		var got []Ref
		err := u.advance()
		for ; err == nil; err = u.advance() {
			got = append(got, u.head)
		}
		if len(got) == 1 {
			first = end
		}
		if whole := end == b.Len() || end == 0 || len(got) == 1 && errors.Is(err, io.EOF); whole != errors.Is(err, io.EOF) || !whole && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d of %d bytes: %d rows, %v", end, b.Len(), len(got), err)
		}
		if !slices.Equal(got, refs[:len(got)]) {
			t.Errorf("%d of %d bytes: rows %+v", end, b.Len(), got)
		}
	}
	if first == 0 {
		t.Error("no cut leaves one row")
	}
}

// numberRun is a run of numbers.
type numberRun struct {
	left []int
	head int
	err  error // at the end, or io.EOF
}

func (u *numberRun) advance() error {
	if len(u.left) == 0 {
		return cmp.Or(u.err, io.EOF)
	}
	u.head, u.left = u.left[0], u.left[1:]
	return nil
}

func (u *numberRun) compare(v *numberRun) int { return cmp.Compare(u.head, v.head) }

func TestMerger(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		runs  [][]int
		fails int // the run that fails at its end
		want  []int
		err   error
	}{
		"no runs":        {nil, -1, nil, nil},
		"an empty run":   {[][]int{{}, {1}}, -1, []int{1}, nil},
		"one run":        {[][]int{{1, 2, 3}}, -1, []int{1, 2, 3}, nil},
		"one by one":     {[][]int{{1, 4, 7}, {2, 5, 8}, {3, 6, 9}}, -1, []int{1, 2, 3, 4, 5, 6, 7, 8, 9}, nil},
		"one by another": {[][]int{{7, 8}, {1, 2}, {4}}, -1, []int{1, 2, 4, 7, 8}, nil},
		"equal heads":    {[][]int{{1, 1}, {1}, {0, 1}}, -1, []int{0, 1, 1, 1, 1}, nil},
		"one fails":      {[][]int{{1, 3}, {2}}, 1, []int{1}, broken},
		"one fails last": {[][]int{{1, 3}, {2}}, 0, []int{1, 2}, broken},
	} {
		var m merger[*numberRun]
		var err error
		for i, r := range c.runs {
			u := &numberRun{left: r}
			if i == c.fails {
				u.err = broken
			}
			err = errors.Join(err, m.put(u))
		}
		var got []int
		for err == nil && len(m) > 0 {
			head := m[0].head
			if err = m.advance(); err == nil {
				got = append(got, head)
			}
		}
		if !slices.Equal(got, c.want) || !errors.Is(err, c.err) {
			t.Errorf("%s: %v, %v; want %v, %v", name, got, err, c.want, c.err)
		}
	}
}

// A name counts for the order with its first 512 bytes; a row group whose key is
// cut does not declare its order.
func TestKeysOfLongNames(t *testing.T) {
	name := func(n int, end string) []byte { return []byte(strings.Repeat("n", n) + end) }
	for label, c := range map[string]struct {
		a, b auditline.Object
		cut  bool // a's
		want int
	}{
		"equal":                   {auditline.Object{Name: name(512, "")}, auditline.Object{Name: name(512, "")}, false, 0},
		"the last that counts":    {auditline.Object{Name: name(511, "a")}, auditline.Object{Name: name(511, "b")}, false, -1},
		"the first that does not": {auditline.Object{Name: name(512, "a")}, auditline.Object{Name: name(512, "b")}, true, 0},
		"a long resource":         {auditline.Object{Resource: name(513, "")}, auditline.Object{Resource: name(512, "")}, true, 0},
		"a long namespace":        {auditline.Object{Namespace: name(513, "")}, auditline.Object{Namespace: name(512, "")}, true, 0},
		"cut, then the next part": {auditline.Object{Namespace: name(600, ""), Name: []byte("b")}, auditline.Object{Namespace: name(700, ""), Name: []byte("a")}, true, 1},
		"null before empty":       {auditline.Object{}, auditline.Object{Name: []byte{}}, false, -1},
		"empty before NUL":        {auditline.Object{Name: []byte{}}, auditline.Object{Name: []byte{0}}, false, -1},
		"resource before name":    {auditline.Object{Resource: []byte("a"), Name: []byte("z")}, auditline.Object{Resource: []byte("b")}, false, -1},
	} {
		if got := bytes.Compare(AppendKey(nil, c.a), AppendKey(nil, c.b)); got != c.want || CutsKey(c.a) != c.cut {
			t.Errorf("%s: %d, cut %v; want %d, %v", label, got, CutsKey(c.a), c.want, c.cut)
		}
	}
}

// A dictionary keeps its values as they go into the page: PLAIN encoded, byte
// arrays after their lengths.
func TestDictionaryPages(t *testing.T) {
	for name, c := range map[string]struct {
		prefixed bool
		values   []string
		numbers  []int32
		page     string
	}{
		"texts":          {true, []string{"b", "a", "b", "", "a"}, []int32{0, 1, 0, 2, 1}, "\x01\x00\x00\x00b\x01\x00\x00\x00a\x00\x00\x00\x00"},
		"numbers":        {false, []string{"\x01\x00\x00\x00", "\x02\x00\x00\x00", "\x01\x00\x00\x00"}, []int32{0, 1, 0}, "\x01\x00\x00\x00\x02\x00\x00\x00"},
		"the empty text": {true, []string{"", "", "x", ""}, []int32{0, 0, 1, 0}, "\x00\x00\x00\x00\x01\x00\x00\x00x"},
		"prefixes":       {true, []string{"a", "ab", "abc"}, []int32{0, 1, 2}, "\x01\x00\x00\x00a\x02\x00\x00\x00ab\x03\x00\x00\x00abc"},
		"none":           {true, nil, nil, ""},
	} {
		d := NewDictionary(c.prefixed)
		for range 2 { // the second time after a reset
			var numbers []int32
			for _, v := range c.values {
				n := d.Number([]byte(v))
				if numbers = append(numbers, n); string(d.Value(n)) != v {
					t.Errorf("%s: value %d is %q, want %q", name, n, d.Value(n), v)
				}
			}
			if !slices.Equal(numbers, c.numbers) || string(d.Bytes()) != c.page {
				t.Errorf("%s: numbers %v, page %q; want %v, %q", name, numbers, d.Bytes(), c.numbers, c.page)
			}
			if d.Reset(); d.Len() != 0 || len(d.Bytes()) != 0 {
				t.Errorf("%s: %d values after a reset", name, d.Len())
			}
		}
	}
}
