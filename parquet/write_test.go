package parquet

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	pq "github.com/parquet-go/parquet-go"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
)

// openFull opens an object with all its indexes and filters.
func openFull(tb testing.TB, in Input) *pq.File {
	tb.Helper()
	f, err := pq.OpenFile(in, in.Size)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// eachValue calls f for every value of a chunk, with the number of its page.
func eachValue(tb testing.TB, chunk pq.ColumnChunk, f func(page int, v pq.Value)) {
	tb.Helper()
	pages := chunk.Pages()
	defer pages.Close()
	for n := 0; ; n++ {
		page, err := pages.ReadPage()
		if err != nil {
			return
		}
		values := make([]pq.Value, page.NumValues())
		k, _ := page.Values().ReadValues(values)
		for _, v := range values[:k] {
			f(n, v)
		}
		pq.Release(page)
	}
}

// textsOf returns the values of a text column of the first object.
func textsOf(tb testing.TB, res Result, c auditline.Field) []string {
	tb.Helper()
	var values []string
	for _, g := range openFull(tb, inputs(tb, res)[0]).RowGroups() {
		eachValue(tb, g.ColumnChunks()[c], func(_ int, v pq.Value) { values = append(values, string(v.ByteArray())) })
	}
	return values
}

func TestDirectoriesThatCannotBeSynced(t *testing.T) {
	if _, err := os.Stat("/proc/self"); err != nil {
		t.Skip("no /proc here")
	}
	if err := syncDir("/proc"); err != nil { // EINVAL
		t.Error(err)
	}
	if err := syncDir(t.TempDir()); err != nil {
		t.Error(err)
	}
	if err := syncDir(t.TempDir() + "/missing"); err == nil {
		t.Error("a directory that is missing is synced")
	}
}

func TestRowsAreSorted(t *testing.T) {
	res := convertBytes(t, audittest.Corpus(t, "diverse.log"), defaultLimits())
	f, err := openObject(inputs(t, res)[0], res.Objects[0].Size)
	if err != nil {
		t.Fatal(err)
	}
	o, err := newObjectReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var row storedRow
	var last []byte
	lastTime := int64(noTime)
	for o.next(&row) == nil {
		key := appendSortKey(nil, row.event.Object())
		us := stageTime(&row.event)
		if c := bytes.Compare(last, key); c > 0 || c == 0 && lastTime > us {
			t.Fatalf("line %d is out of order", row.line)
		}
		last, lastTime = key, us
	}
}

func TestTallyBoundsItsValues(t *testing.T) {
	var s tally
	for i := range 100 {
		s.add(fmt.Appendf(nil, "v%d", i))
	}
	s.add([]byte("v0"))
	got := s.counts()
	if got["v0"] != 2 || got[countedOther] != 100-maxCounted || len(got) != maxCounted+1 {
		t.Errorf("counts %v", got)
	}
}

func TestObjectsHaveBoundsAndFiltersForEveryValue(t *testing.T) {
	res := convertBytes(t, audittest.Corpus(t, "diverse.log"), tinyLimits())
	f := openFull(t, inputs(t, res)[0])
	if len(f.RowGroups()) < 3 {
		t.Fatalf("%d row groups, want several", len(f.RowGroups()))
	}
	defs := columnDefs()
	for g, group := range f.RowGroups() {
		for c, chunk := range group.ColumnChunks() {
			checkChunk(t, fmt.Sprintf("row group %d, column %s", g, defs[c].name), defs[c], chunk)
		}
	}
}

func checkChunk(t *testing.T, name string, d columnDef, chunk pq.ColumnChunk) {
	t.Helper()
	filter := chunk.BloomFilter()
	index, err := chunk.ColumnIndex()
	bounded := err == nil && index != nil && index.NumPages() > 0
	found, nulls := 0, map[int]int64{}
	eachValue(t, chunk, func(page int, v pq.Value) {
		if v.IsNull() {
			nulls[page]++
			return
		}
		found++
		if filter != nil {
			if ok, err := filter.Check(v); !ok || err != nil {
				t.Fatalf("%s: the bloom filter misses %v (%v)", name, v, err)
			}
		}
		if bounded && (chunk.Type().Compare(v, index.MinValue(page)) < 0 || chunk.Type().Compare(v, index.MaxValue(page)) > 0) {
			t.Fatalf("%s: %v is outside page %d's bounds %v to %v", name, v, page, index.MinValue(page), index.MaxValue(page))
		}
	})
	if d.bloom && found > 0 && filter == nil {
		t.Errorf("%s: no bloom filter", name)
	}
	if d.bounded && found > 0 && !bounded {
		t.Errorf("%s: no bounds", name)
	}
	for page, n := range nulls {
		if bounded && index.NullCount(page) != n {
			t.Errorf("%s: page %d has %d nulls, the index says %d", name, page, n, index.NullCount(page))
		}
	}
}

func TestLongValuesHaveNoBounds(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 257)
	res := roundTrip(t, bytes.Replace([]byte(canonicalLine), []byte(`"namespace":"n"`), fmt.Appendf(nil, `"namespace":"%s"`, long), 1), defaultLimits())
	f := openFull(t, inputs(t, res)[0])
	if s := f.Metadata().RowGroups[0].Columns[auditline.ObjectNamespace].MetaData.Statistics; s.MinValue != nil || s.MaxValue != nil {
		t.Errorf("bounds %q to %q, want none", s.MinValue, s.MaxValue)
	}
	if s := f.Metadata().RowGroups[0].Columns[auditline.ObjectName].MetaData.Statistics; string(s.MinValue) != "p" || string(s.MaxValue) != "p" {
		t.Errorf("bounds of the name %q to %q, want p", s.MinValue, s.MaxValue)
	}
}
