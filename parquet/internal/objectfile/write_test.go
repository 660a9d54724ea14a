package objectfile_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	pq "github.com/parquet-go/parquet-go"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/parquet/internal/objectfile"
	"github.com/auditsidecar/auditsidecar/parquet/internal/objecttest"
	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// open writes an object whose rows are lines, and opens it with the library.
func open(tb testing.TB, lines [][]byte, lim objectfile.Limits) *pq.File {
	tb.Helper()
	in := bytes.NewReader(objecttest.Write(tb, lines, lim))
	f, err := pq.OpenFile(in, in.Size())
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

func TestObjectsHaveBoundsAndFiltersForEveryValue(t *testing.T) {
	f := open(t, slices.Collect(audittest.Lines(audittest.Corpus(t, "diverse.log"))), objecttest.TinyLimits())
	if len(f.RowGroups()) < 3 {
		t.Fatalf("%d row groups, want several", len(f.RowGroups()))
	}
	defs := schema.Columns()
	for g, group := range f.RowGroups() {
		for c, chunk := range group.ColumnChunks() {
			checkChunk(t, fmt.Sprintf("row group %d, column %s", g, defs[c].Name), defs[c], chunk)
		}
	}
}

func checkChunk(t *testing.T, name string, d schema.Column, chunk pq.ColumnChunk) {
	t.Helper()
	filter := chunk.BloomFilter()
	index, err := chunk.ColumnIndex()
	bounded := err == nil && index != nil && index.NumPages() > 0
	found, nulls := 0, map[int]int64{}
	objecttest.EachValue(t, chunk, func(page int, v pq.Value) {
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
	if d.Bloom && found > 0 && filter == nil {
		t.Errorf("%s: no bloom filter", name)
	}
	if d.Bounded && found > 0 && !bounded {
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
	line := bytes.Replace(bytes.TrimSpace([]byte(audittest.FullLine)), []byte(`"namespace":"n"`), fmt.Appendf(nil, `"namespace":"%s"`, long), 1)
	f := open(t, [][]byte{line}, objectfile.DefaultLimits())
	if s := f.Metadata().RowGroups[0].Columns[auditline.ObjectNamespace].MetaData.Statistics; s.MinValue != nil || s.MaxValue != nil {
		t.Errorf("bounds %q to %q, want none", s.MinValue, s.MaxValue)
	}
	if s := f.Metadata().RowGroups[0].Columns[auditline.ObjectName].MetaData.Statistics; string(s.MinValue) != "p" || string(s.MaxValue) != "p" {
		t.Errorf("bounds of the name %q to %q, want p", s.MinValue, s.MaxValue)
	}
}
