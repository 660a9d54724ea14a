package rowread

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/parquet/internal/objectfile"
	"github.com/auditsidecar/auditsidecar/parquet/internal/objecttest"
	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// checkPageHead reads a header for each kind of column.
func checkPageHead(t *testing.T, b []byte) {
	for _, d := range schema.Columns() {
		left := int64(len(b)) + 1000
		in := bufio.NewReader(bytes.NewReader(append(bytes.Clone(b), make([]byte, 1000)...)))
		p, err := readPageHead(in, &d, left)
		if err != nil {
			continue
		}
		if p.size > maxPage || p.packed > left-p.head || p.levels > min(p.size, p.packed) || p.values < 0 || p.head > maxPageHead || !d.Allows(p.encoding) {
			t.Errorf("%s: taken is %+v of %d bytes", d.Name, p, left)
		}
	}
}

// newReader returns a reader of an object whose rows are lines.
func newReader(t *testing.T, lines [][]byte, lim objectfile.Limits) *Reader {
	t.Helper()
	in := bytes.NewReader(objecttest.Write(t, lines, lim))
	f, err := Open(in, in.Size())
	if err != nil {
		t.Fatal(err)
	}
	if f.Rows != int64(len(lines)) {
		t.Errorf("%d rows, want %d", f.Rows, len(lines))
	}
	r, err := NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// Rows come in the order in which they are stored, each with its own line: null,
// empty, in lists and in maps.
func TestRowsComeBack(t *testing.T) {
	with := func(old, changed string) []byte {
		line := strings.TrimSpace(audittest.FullLine)
		if !strings.Contains(line, old) {
			t.Fatalf("the full line has no %s", old)
		}
		return []byte(strings.Replace(line, old, changed, 1))
	}
	const user, ips = `"user":{"username":"alice"}`, `"sourceIPs":["127.0.0.1","::1"],`
	lines := [][]byte{
		with(user, user),
		with(ips, ""),
		with(ips, `"sourceIPs":["",""],`),
		with(user, `"user":{"username":"a","groups":["g"],"extra":{"":[""],"k":[],"l":["1","2"]}}`),
		with(user, `"user":{"uid":"u"}`),
		with(`"annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":""}`, `"annotations":{"":""}`),
		with(`,"annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":""}`, ""),
		with(`"verb":"get"`, `"verb":"get","tenant":{"a":[1]}`),
		with(`"code":200`, `"code":-1`),
		[]byte("no event"), {}, []byte("\x00\xff"),
	}
	for name, lim := range map[string]objectfile.Limits{"default": objectfile.DefaultLimits(), "tiny": objecttest.TinyLimits()} {
		t.Run(name, func(t *testing.T) {
			many := slices.Repeat(lines, 100)
			r := newReader(t, many, lim)
			var row Row
			var b auditline.Rebuilder
			for i, want := range many {
				if err := r.Next(&row); err != nil {
					t.Fatal(err)
				}
				var written bytes.Buffer
				if err := row.Write(&written, &b); err != nil {
					t.Fatal(err)
				}
				if got := row.Append([]byte("before "), &b); string(got) != "before "+string(want) || !bytes.Equal(written.Bytes(), want) {
					t.Fatalf("row %d is %q, written %q, want %q", i, got, written.Bytes(), want)
				}
				if row.Line != int64(i)+1 || row.Part != 0 || row.IsLong() || row.Size() > len(want) {
					t.Fatalf("row %d: line %d, part %d, %d bytes", i, row.Line, row.Part, row.Size())
				}
			}
			for range 2 {
				if err := r.Next(&row); !errors.Is(err, io.EOF) {
					t.Errorf("after the last row: %v", err)
				}
			}
		})
	}
}

// A column without any value is not read, unless its levels say that something
// is empty: a map of an empty list is not null.
func TestColumnsOfEmptyListsAreRead(t *testing.T) {
	line := []byte(strings.Replace(strings.TrimSpace(audittest.FullLine), `"user":{"username":"alice"}`, `"user":{"username":"alice","extra":{"k":[]}}`, 1))
	r := newReader(t, [][]byte{line}, objectfile.DefaultLimits())
	var row Row
	var b auditline.Rebuilder
	if err := r.Next(&row); err != nil || row.Raw != nil || !bytes.Equal(row.Append(nil, &b), line) {
		t.Errorf("%q, %v", row.Append(nil, &b), err)
	}
	if r.read[schema.UnknownFields] || !r.read[auditline.UserExtraValue] {
		t.Errorf("unknown fields are read: %v, empty lists: %v", r.read[schema.UnknownFields], r.read[auditline.UserExtraValue])
	}
}

// A row is long from the size on at which its line is not to be held twice.
func TestLongRows(t *testing.T) {
	for name, c := range map[string]struct {
		line []byte
		long bool
	}{
		"raw, as long as is kept": {bytes.Repeat([]byte("x"), auditline.MaxKept), false},
		"raw, longer":             {bytes.Repeat([]byte("x"), auditline.MaxKept+1), true},
		"columns, longer":         {bytes.Replace([]byte(strings.TrimSpace(audittest.FullLine)), []byte(`"alice"`), fmt.Appendf(nil, "%q", strings.Repeat("a", auditline.MaxKept)), 1), true},
	} {
		r := newReader(t, [][]byte{c.line}, objectfile.DefaultLimits())
		var row Row
		if err := r.Next(&row); err != nil || row.IsLong() != c.long {
			t.Errorf("%s: %d bytes, long %v, %v", name, row.Size(), row.IsLong(), err)
		}
	}
}

// Lists and maps whose columns do not fit together are damage.
func TestMapsMustFit(t *testing.T) {
	values := func(def ...int) string { return fmt.Sprint(def) }
	for name, c := range map[string]struct {
		keys  int      // of the map
		lists bool     // its values are lists
		cells [][2]int // repetition and definition level of each value
		ends  string   // of the lists of values; "" for damage
	}{
		"null":                      {0, false, [][2]int{{0, 0}}, values()},
		"empty":                     {0, false, [][2]int{{0, 1}}, values()},
		"a value for each key":      {2, false, [][2]int{{0, 3}, {1, 3}}, values(1, 2)},
		"a key without a value":     {2, false, [][2]int{{0, 3}, {1, 2}}, values(1, 1)},
		"fewer values":              {2, false, [][2]int{{0, 3}}, ""},
		"more values":               {1, false, [][2]int{{0, 3}, {1, 3}}, ""},
		"lists":                     {2, true, [][2]int{{0, 3}, {2, 3}, {1, 3}}, values(2, 3)},
		"an empty list":             {2, true, [][2]int{{0, 2}, {1, 3}}, values(0, 1)},
		"fewer lists":               {2, true, [][2]int{{0, 3}, {2, 3}}, ""},
		"more lists":                {1, true, [][2]int{{0, 3}, {1, 3}}, ""},
		"an end within a map":       {2, true, [][2]int{{0, 3}, {1, 1}}, ""},
		"nothing within a list":     {1, true, [][2]int{{0, 3}, {2, 0}}, ""},
		"very many values":          {1, false, slices.Repeat([][2]int{{1, 3}}, 1000), ""},
		"values of a map that none": {0, true, [][2]int{{0, 3}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			shape := schema.MapValue
			if c.lists {
				shape = schema.MapValues
			}
			d := schema.Column{Kind: schema.Text, Shape: shape}
			rep, def := d.MaxLevels()
			col := columnReader{def: d, maxRep: uint32(rep), maxDef: uint32(def), values: int64(len(c.cells))}
			var texts []byte
			for i, cell := range c.cells {
				if i > 0 { // the first one was read with the row
					col.reps.b = append(col.reps.b, 1<<1, byte(cell[0]))
				}
				col.defs.b = append(col.defs.b, 1<<1, byte(cell[1]))
				if cell[1] == def {
					texts = append(texts, "\x01\x00\x00\x00v"...)
				}
			}
			col.reps.width, col.defs.width, col.page.plain = 2, 2, texts
			m := &auditline.Map{Keys: make([][]byte, c.keys)}
			first, err := col.next()
			if err != nil {
				t.Fatal(err)
			}
			err = readValues(&col, first, m, c.lists)
			if len(m.Ends) > c.keys+1 {
				t.Errorf("%d ends for %d keys: reading goes past the damage", len(m.Ends), c.keys)
			}
			switch {
			case c.ends == "" && !errors.Is(err, errDamagedPage):
				t.Errorf("%v, ends %v; want damage", err, m.Ends)
			case c.ends != "" && (err != nil || fmt.Sprint(m.Ends) != c.ends):
				t.Errorf("ends %v, want %s (%v)", m.Ends, c.ends, err)
			}
		})
	}
}
