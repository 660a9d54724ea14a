package parquet

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/parquet/internal/objecttest"
	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// sortedColumns are the columns by which rows are sorted.
var sortedColumns = [...]auditline.Field{auditline.ObjectResource, auditline.ObjectNamespace, auditline.ObjectName, auditline.StageTimestamp, schema.SourceLine, schema.LinePart}

// sortedRows returns the sort columns of every row, row group by row group, and
// the declared order.
func sortedRows(t *testing.T, res Result) (groups [][][]pq.Value, declared [][]format.SortingColumn) {
	t.Helper()
	b, err := os.ReadFile(res.Objects[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := pq.OpenFile(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range f.RowGroups() {
		declared = append(declared, f.Metadata().RowGroups[i].SortingColumns)
		rows := make([][]pq.Value, g.NumRows())
		for _, column := range sortedColumns {
			n := 0
			objecttest.EachValue(t, g.ColumnChunks()[column], func(_ int, v pq.Value) {
				rows[n] = append(rows[n], v.Clone())
				n++
			})
		}
		groups = append(groups, rows)
	}
	return groups, declared
}

// compareValues compares as Parquet does, null first.
func compareValues(a, b pq.Value) int {
	switch {
	case a.IsNull() || b.IsNull():
		return cmp.Compare(b2i(!a.IsNull()), b2i(!b.IsNull()))
	case a.Kind() == pq.ByteArray:
		return bytes.Compare(a.ByteArray(), b.ByteArray())
	case a.Kind() == pq.Int32:
		return cmp.Compare(a.Int32(), b.Int32())
	default:
		return cmp.Compare(a.Int64(), b.Int64())
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// linesWithNames returns lines about objects whose names, namespaces and times
// are many, few, empty or missing.
func linesWithNames(names []string) []byte {
	random := rand.New(rand.NewPCG(3, 4))
	var b bytes.Buffer
	member := func(name, value string) string {
		if value == "-" {
			return ""
		}
		return fmt.Sprintf(`,%q:%q`, name, value)
	}
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	for range 3000 {
		ref := member("resource", pick("pods", "po", "-", "")) + member("namespace", pick("-", "a", "b", "")) + member("name", pick(names...))
		if ref != "" {
			ref = `,"objectRef":{` + ref[1:] + `}`
		}
		stamp := fmt.Sprintf(`"2026-11-22T16:59:%02d.%06dZ"`, random.IntN(60), random.IntN(3))
		if random.IntN(20) == 0 {
			stamp = "null"
		}
		fmt.Fprintf(&b, `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"x","stage":"Panic","requestURI":"/","verb":"get","user":{}%s,"requestReceivedTimestamp":%s,"stageTimestamp":%s}`+"\n", ref, stamp, stamp)
	}
	return b.Bytes()
}

func TestDeclaredOrderIsTrue(t *testing.T) {
	lim := defaultLimits()
	lim.file.RowGroup = 100 << 10
	torn := `{"kind":"Event"` + strings.Repeat(strings.TrimSpace(canonicalLine), 3) + "\n\n\x00\n"
	source := append(linesWithNames([]string{"-", "", "a", "b", "a!", "ä", "\x01", "a\\u0000b", "a\\u0000"}), torn...)
	groups, declared := sortedRows(t, roundTrip(t, source, lim))
	if len(groups) < 3 {
		t.Fatalf("%d row groups, want several", len(groups))
	}
	for i, rows := range groups {
		checkOrder(t, i, rows, declared[i])
	}
}

// checkOrder proves that the rows of a row group are in the order that it declares.
func checkOrder(t *testing.T, group int, rows [][]pq.Value, declared []format.SortingColumn) {
	t.Helper()
	if len(declared) != len(sortedColumns) {
		t.Errorf("row group %d declares %d columns", group, len(declared))
	}
	for n := 1; n < len(rows); n++ {
		order := 0
		for c := 0; c < len(rows[n]) && order == 0; c++ {
			order = compareValues(rows[n-1][c], rows[n][c])
		}
		if order >= 0 {
			t.Fatalf("row group %d: row %d is %v after %v", group, n, rows[n], rows[n-1])
		}
	}
}

func TestOrderOfCutKeysIsNotDeclared(t *testing.T) {
	long := strings.Repeat("n", 512) // as much as counts
	for names, want := range map[string]int{long: len(sortedColumns), long + "a": 0} {
		_, declared := sortedRows(t, roundTrip(t, linesWithNames([]string{names, "a"}), defaultLimits()))
		if len(declared) != 1 || len(declared[0]) != want {
			t.Errorf("names of %d bytes: declared is %v, want %d columns", len(names), declared, want)
		}
	}
}

// A sample at the wrong one of two objectRefs must not show in the object: its
// rows are in the order of its columns, or it is made again without samples.
func TestOrderAfterAWrongSample(t *testing.T) {
	const low, between, high = "b", "c", "x"
	line := func(resources ...string) string {
		var refs string
		for _, r := range resources {
			refs += `"objectRef":{"resource":"` + r + `"},`
		}
		return strings.Replace(simpleEvent("x"), `"requestReceivedTimestamp"`, refs+`"requestReceivedTimestamp"`, 1) + "\n"
	}
	for name, source := range map[string]string{
		"before another":      line(low, high) + line(between),
		"before no sample":    line(low, high) + " " + line(between),
		"behind a later line": line(high, low) + line(low),
		"without an effect":   line(low, high) + line("y"),
		"no wrong sample":     line(high) + line(low) + line(between),
		"itself, but later":   strings.ReplaceAll(line(low, high), "2026", "2027") + line(high),
		"itself, but before":  line(low, high) + strings.ReplaceAll(line(high), "2026", "2027"),
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Config{Meta: testMeta(), File: audittest.FastDir(t) + "/x.parquet"}
			res := convertWith(t, []byte(source), cfg, defaultLimits())
			groups, declared := sortedRows(t, res)
			for i, rows := range groups {
				checkOrder(t, i, rows, declared[i])
			}
			if got := convertCarefully(t, source, cfg).Objects[0].SHA256; got != res.Objects[0].SHA256 {
				t.Error("the object differs from the one made without samples")
			}
		})
	}
}
