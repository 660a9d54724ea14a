package parquet

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/parquet/internal/rowread"
)

// TestI3_HolesComeBack puts long runs of NUL bytes everywhere in a source. No row
// has one, every event around them has its row, and the bytes come back.
func TestI3_HolesComeBack(t *testing.T) {
	a, b := simpleEvent("a"), simpleEvent("b")
	nuls := func(n int) string { return strings.Repeat("\x00", n) }
	const least = 1 << 10 // of tinyLimits
	for _, c := range []struct {
		name   string
		source string
		holes  []Hole
		events int64 // rows with an event
	}{
		{name: "none", source: a + "\n" + b + "\n", events: 2},
		{name: "one byte too short", source: a + "\n" + nuls(least-1) + b + "\n", events: 2},
		{name: "at the beginning", source: nuls(least) + a + "\n" + b + "\n", holes: []Hole{{0, least - 1}}, events: 2},
		{name: "between two lines", source: a + "\n" + nuls(9000) + b + "\n", holes: []Hole{{int64(len(a)) + 1, 8999}}, events: 2},
		{name: "behind a torn line", source: a[:50] + nuls(9000) + b + "\n", holes: []Hole{{50, 8999}}, events: 1},
		{name: "between two events of a line", source: a + nuls(9000) + b + "\n", holes: []Hole{{int64(len(a)), 8999}}, events: 2},
		{name: "within an event", source: a[:50] + nuls(9000) + a[50:] + "\n", holes: []Hole{{50, 8999}}, events: 0},
		{name: "at the end", source: a + "\n" + nuls(5000), holes: []Hole{{int64(len(a)) + 1, 4999}}, events: 1},
		{name: "at the end of a line", source: a + nuls(5000) + "\n" + b, holes: []Hole{{int64(len(a)), 4999}}, events: 2},
		{name: "a line of its own", source: a + "\n" + nuls(5000) + "\n" + b, holes: []Hole{{int64(len(a)) + 1, 4999}}, events: 2},
		{name: "nothing else", source: nuls(readSize + 5), holes: []Hole{{0, readSize + 4}}},
		{
			name: "several", source: nuls(2000) + a + nuls(3000) + "x" + nuls(readSize) + b + "\n" + nuls(4000) + a + "\n", events: 3,
			holes: []Hole{{0, 1999}, {2000 + int64(len(a)), 2999}, {5001 + int64(len(a)), readSize - 1}, {int64(5002 + len(a) + readSize + len(b)), 3999}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			res := roundTrip(t, []byte(c.source), tinyLimits())
			if !slices.Equal(res.Holes, c.holes) {
				t.Errorf("holes %v, want %v", res.Holes, c.holes)
			}
			var events int64
			for _, in := range inputs(t, res) {
				for _, row := range readRows(t, in) {
					if len(row.Raw) > 3*len(a)+2*least {
						t.Errorf("line %d has a cell of %d bytes", row.Line, len(row.Raw))
					}
					if row.Event.Text(auditline.AuditID) != nil {
						events++
					}
				}
			}
			if events != c.events {
				t.Errorf("%d rows with an event, want %d", events, c.events)
			}
		})
	}
}

// readRows reads all rows of an object.
func readRows(t *testing.T, in Input) (rows []rowread.Row) {
	t.Helper()
	f, err := rowread.Open(in, in.Size)
	if err != nil {
		t.Fatal(err)
	}
	o, err := rowread.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	for {
		var row rowread.Row
		if err := o.Next(&row); errors.Is(err, io.EOF) {
			return rows
		} else if err != nil {
			t.Fatal(err)
		}
		row.Raw = bytes.Clone(row.Raw)
		rows = append(rows, row)
	}
}

// TestI8_HoleOf600MiBTakesNoMemory converts, checks and restores a file that ENOSPC
// leaves.
func TestI8_HoleOf600MiBTakesNoMemory(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.log")
	hole := int64(600 << 20)
	if testing.Short() {
		hole = 48 << 20
	}
	lines := []byte(simpleEvent("a") + "\n" + simpleEvent("b") + "\n")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(lines, hole); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	res, err := Convert(t.Context(), f, hole+int64(len(lines)), Config{Meta: testMeta(), Dir: dir, Root: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(t.Context(), res); err != nil { // restores all of it
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := int64(after.TotalAlloc - before.TotalAlloc); got > hole/3 {
		t.Errorf("%d MiB were allocated in all", got>>20)
	}
	if res.Salvaged != 1 || res.Lines != 2 || res.Undecodable != 0 {
		t.Errorf("%+v", res)
	}
}

// TestHolesInMetadataAreChecked reads the claims of a damaged or a hostile object.
func TestHolesInMetadataAreChecked(t *testing.T) {
	res := convertBytes(t, []byte(strings.Repeat("\x00", 5000)+simpleEvent("a")+"\n"), tinyLimits())
	object, err := os.ReadFile(res.Objects[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	const is = "0+4999"
	for _, text := range []string{"9+9999", "5+9998", "1+-999", "+04999", "0+0000", "-1+499", "0-4999", "0+1,1+", "1+1,0+1", "a+4999"} {
		bad := bytes.Replace(object, []byte(is), []byte((text + "      ")[:len(is)]), 1)
		if _, err := ReadMeta(bytes.NewReader(bad), int64(len(bad))); !errors.Is(err, ErrNotOurs) {
			t.Errorf("%s: error %v, want ErrNotOurs", text, err)
		}
	}
	bad := bytes.Replace(object, []byte(is), []byte("0+4990"), 1)
	if err := Restore(t.Context(), []Input{{Name: "bad", ReaderAt: bytes.NewReader(bad), Size: int64(len(bad))}}, io.Discard); !errors.Is(err, ErrMismatch) {
		t.Errorf("a hole of another size: error %v, want ErrMismatch", err)
	}
}

// TestHolesAreBounded finds a bounded number in a source of nothing else.
func TestHolesAreBounded(t *testing.T) {
	source := bytes.Repeat([]byte(strings.Repeat("\x00", 1<<10)+"x"), 3*maxHoles)
	d, err := digestOf(t.Context(), bytes.NewReader(source), int64(len(source)), Config{}, tinyLimits())
	if err != nil || len(d.holes) > maxHoles {
		t.Errorf("%d holes, %v", len(d.holes), err)
	}
	roundTrip(t, source[:100<<10], tinyLimits())
}

// TestWithoutHolesReadsAnywhere compares reads of any size at any offset.
func TestWithoutHolesReadsAnywhere(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var source, want []byte
	for range 50 {
		text := bytes.Repeat([]byte{byte('a' + random.IntN(26))}, 1+random.IntN(30))
		source, want = append(source, text...), append(want, text...)
		n := 2 + random.IntN(20)
		source, want = append(source, make([]byte, n)...), append(want, 0)
	}
	d, err := digestOf(t.Context(), bytes.NewReader(source), int64(len(source)), Config{}, limits{hole: 2})
	if err != nil {
		t.Fatal(err)
	}
	r, size := withoutHoles(bytes.NewReader(source), int64(len(source)), d.holes)
	if size != int64(len(want)) {
		t.Fatalf("%d bytes are left, want %d", size, len(want))
	}
	for at := range want {
		p := make([]byte, 1+random.IntN(len(want)))
		n, err := r.ReadAt(p, int64(at))
		rest := want[at:]
		if n != min(len(p), len(rest)) || !bytes.Equal(p[:n], rest[:n]) || (err == nil) != (n == len(p)) {
			t.Fatalf("at %d: %d of %d bytes, %v", at, n, len(p), err)
		}
	}
	var back bytes.Buffer
	w := holeWriter{ctx: t.Context(), to: &back, holes: d.holes}
	for len(want) > 0 {
		n := min(len(want), 1+random.IntN(9))
		if _, err := w.Write(want[:n]); err != nil {
			t.Fatal(err)
		}
		want = want[n:]
	}
	if !bytes.Equal(back.Bytes(), source) {
		t.Error("the holes are not where they were")
	}
}
