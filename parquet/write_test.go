package parquet

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	pq "github.com/parquet-go/parquet-go"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/parquet/internal/objecttest"
	"github.com/auditsidecar/auditsidecar/parquet/internal/rowread"
	"github.com/auditsidecar/auditsidecar/parquet/internal/rowsort"
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

// textsOf returns the values of a text column of the first object.
func textsOf(tb testing.TB, res Result, c auditline.Field) []string {
	tb.Helper()
	var values []string
	for _, g := range openFull(tb, inputs(tb, res)[0]).RowGroups() {
		objecttest.EachValue(tb, g.ColumnChunks()[c], func(_ int, v pq.Value) { values = append(values, string(v.ByteArray())) })
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
	f, err := rowread.Open(inputs(t, res)[0], res.Objects[0].Size)
	if err != nil {
		t.Fatal(err)
	}
	o, err := rowread.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var row rowread.Row
	var last []byte
	lastTime := int64(rowsort.NoTime)
	for o.Next(&row) == nil {
		key := rowsort.AppendKey(nil, row.Event.Object())
		us := stageTime(&row.Event)
		if c := bytes.Compare(last, key); c > 0 || c == 0 && lastTime > us {
			t.Fatalf("line %d is out of order", row.Line)
		}
		last, lastTime = key, us
	}
}

func TestTallyBoundsItsValues(t *testing.T) {
	s := tally{}
	for i := range 100 {
		s.add(fmt.Appendf(nil, "v%d", i))
	}
	s.add([]byte("v0"))
	got := s.counts()
	if got["v0"] != 2 || got[countedOther] != 100-maxCounted || len(got) != maxCounted+1 {
		t.Errorf("counts %v", got)
	}
}
