package schema

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// documented is the table of columns in docs/spec/schema.md: the cells before the content, by ID.
func documented(t *testing.T) (rows []string) {
	t.Helper()
	page, err := os.ReadFile("../../../docs/spec/schema.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(page)) {
		if cells := strings.Split(line, "|"); len(cells) == 9 && regexp.MustCompile(`^ \d+ $`).MatchString(cells[1]) {
			rows = append(rows, strings.Join(strings.Fields(strings.Join(cells[1:7], " | ")), " "))
		}
	}
	return rows
}

// kinds are the types in the table, by the library's names.
var kinds = map[string]string{
	"STRING": "STRING", "LIST": "LIST", "MAP": "MAP", "INT(32,true)": "INT32", "INT(64,true)": "INT64", "<nil>": "BYTE_ARRAY",
	"TIMESTAMP(isAdjustedToUTC=true,unit=MICROS)": "TIMESTAMP",
}

// TestColumnsAreAsDocumented compares the schema that is in every footer, and the definitions that its
// leaf columns are written by, with the table in docs/spec/schema.md.
func TestColumnsAreAsDocumented(t *testing.T) {
	elements, _, err := Parts()
	if err != nil {
		t.Fatal(err)
	}
	encodings := [...]string{Dictionary: "dictionary", Plain: "PLAIN", Delta: "DELTA_BINARY_PACKED"}
	want, leaf := documented(t), 0
	var got []string
	var walk func(path []string)
	walk = func(path []string) {
		e := elements[0]
		elements = elements[1:]
		if e.RepetitionType.V != format.Repeated {
			path = append(path, e.Name)
			null, encoding := "", ""
			var extras []string
			if e.RepetitionType.V == format.Optional {
				null = "yes"
			}
			if e.NumChildren.V == 0 {
				d := Columns()[leaf]
				leaf++
				encoding = encodings[d.Encoding]
				if d.Bloom {
					extras = append(extras, "bloom")
				}
				if d.Bounded {
					extras = append(extras, "bounds")
				}
			}
			row := fmt.Sprintf("%d | %s | %s | %s | %s | %s", e.FieldID, strings.Join(path, "."), kinds[fmt.Sprint(e.LogicalType.Value)], null, encoding, strings.Join(extras, ", "))
			got = append(got, strings.Join(strings.Fields(row), " "))
		} else if e.FieldID != 0 {
			t.Errorf("the group %s of %q has ID %d", e.Name, path, e.FieldID)
		}
		for range e.NumChildren.V {
			walk(path)
		}
	}
	for elements = elements[1:]; len(elements) > 0; {
		walk(nil)
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("row %d: the schema has\n%q, the page\n%q", i+1, got[min(i, len(got)):], want[min(i, len(want)):])
		}
	}
}

// Engines make columns of the partition keys in a path.
func TestNoColumnIsAPartitionKey(t *testing.T) {
	for _, d := range Columns() {
		if d.Name == "cluster" || d.Name == "dt" {
			t.Errorf("the column %s is a partition key", d.Name)
		}
	}
}

// The levels and types that the writer uses are those of the schema that readers see.
func TestLevelsAndTypesAreThoseOfTheSchema(t *testing.T) {
	schema := New()
	physical := map[pq.Kind]format.Type{pq.ByteArray: format.ByteArray, pq.Int32: format.Int32, pq.Int64: format.Int64}
	for i, path := range schema.Columns() {
		d := Columns()[i]
		leaf, ok := schema.Lookup(path...)
		rep, def := d.MaxLevels()
		if !ok || leaf.MaxRepetitionLevel != rep || leaf.MaxDefinitionLevel != def {
			t.Errorf("%s has the levels %d and %d, the schema %d and %d", d.Name, rep, def, leaf.MaxRepetitionLevel, leaf.MaxDefinitionLevel)
		}
		if want := physical[leaf.Node.Type().Kind()]; d.Physical() != want || d.IsText() != (want == format.ByteArray) {
			t.Errorf("%s is stored as %v, text %v; the schema has %v", d.Name, d.Physical(), d.IsText(), want)
		}
	}
}

// Every decoded column is optional, and those of the object itself are required:
// null is not the empty string.
func TestDecodedColumnsAreOptional(t *testing.T) {
	required := []string{"decode_status", "node", "epoch", "source_file", "seq", "source_line", "line_part"}
	for _, f := range New().Fields() {
		if f.Optional() == slices.Contains(required, f.Name()) || f.Repeated() {
			t.Errorf("%s: optional %v, repeated %v", f.Name(), f.Optional(), f.Repeated())
		}
	}
}

// Bodies alone are streamed, with pages of 4 MB where others have 128 KB; they
// have no bounds, and levels that a reader need not unpack.
func TestStreamedColumns(t *testing.T) {
	for _, d := range Columns() {
		body := d.Name == "request_object" || d.Name == "response_object"
		if d.Streamed != body || body && (d.Pages*128<<10 != 4<<20 || d.Bounded || d.Bloom || d.Encoding != Plain || d.Shape != Scalar) {
			t.Errorf("%+v", d)
		}
	}
}

func TestAllowedEncodings(t *testing.T) {
	always := []format.Encoding{format.Plain, format.RLE}
	never := []format.Encoding{2 /* the old PLAIN_DICTIONARY */, format.BitPacked, format.DeltaByteArray, format.ByteStreamSplit, 99}
	for name, c := range map[string]struct {
		encoding Encoding
		own      []format.Encoding
	}{
		"dictionary": {Dictionary, []format.Encoding{format.RLEDictionary}},
		"plain":      {Plain, nil},
		"delta":      {Delta, []format.Encoding{format.DeltaBinaryPacked}},
	} {
		d := Column{Encoding: c.encoding}
		for _, e := range slices.Concat(always, never, []format.Encoding{format.RLEDictionary, format.DeltaBinaryPacked}) {
			want := slices.Contains(always, e) || slices.Contains(c.own, e)
			if d.Allows(e) != want {
				t.Errorf("%s: %v is allowed: %v, want %v", name, e, d.Allows(e), want)
			}
		}
	}
}

// The parts of a footer are those of the schema, in the order of the columns.
func TestParts(t *testing.T) {
	elements, orders, err := Parts()
	if err != nil {
		t.Fatal(err)
	}
	if len(orders) != int(NumColumns) {
		t.Errorf("%d column orders, want %d", len(orders), NumColumns)
	}
	var leaves []string
	for _, e := range elements {
		if e.NumChildren.V == 0 {
			leaves = append(leaves, e.Name)
		}
	}
	for i, path := range New().Columns() {
		if i >= len(leaves) || leaves[i] != path[len(path)-1] {
			t.Fatalf("leaf %d of %q is not %q", i, leaves, path)
		}
	}
}
