package schema

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// stored is how docs/DESIGN.md, "Parquet", says that a column is stored.
type stored struct {
	node     string // of the top-level column, as the library prints its type
	encoding Encoding
	bloom    bool
	bounded  bool
}

const (
	text   = "STRING"
	micros = "TIMESTAMP(isAdjustedToUTC=true,unit=MICROS)"
)

// TestColumnsAreStoredAsDocumented has every leaf column by its name and, in a list or a map, that of the leaf.
func TestColumnsAreStoredAsDocumented(t *testing.T) {
	want := map[string]stored{
		"level":                            {text, Dictionary, false, true},
		"stage":                            {text, Dictionary, false, true},
		"verb":                             {text, Dictionary, false, true},
		"audit_id":                         {text, DeltaLength, true, false},
		"request_uri":                      {text, Plain, false, false},
		"user_agent":                       {text, Dictionary, false, false},
		"user_name":                        {text, Dictionary, true, true},
		"user_uid":                         {text, Dictionary, false, true},
		"user_groups.element":              {text, Dictionary, false, false},
		"user_extra.key":                   {text, Dictionary, false, false},
		"user_extra.element":               {text, Dictionary, false, false},
		"impersonated_user_name":           {text, Dictionary, false, true},
		"impersonated_user_uid":            {text, Dictionary, false, true},
		"impersonated_user_groups.element": {text, Dictionary, false, false},
		"impersonated_user_extra.key":      {text, Dictionary, false, false},
		"impersonated_user_extra.element":  {text, Dictionary, false, false},
		"impersonation_constraint":         {text, Dictionary, false, true},
		"source_ips.element":               {text, Dictionary, true, false},
		"object_resource":                  {text, Dictionary, false, true},
		"object_namespace":                 {text, Dictionary, true, true},
		"object_name":                      {text, Dictionary, true, true},
		"object_uid":                       {text, Dictionary, false, false},
		"object_api_group":                 {text, Dictionary, false, true},
		"object_api_version":               {text, Dictionary, false, true},
		"object_resource_version":          {text, Dictionary, false, false},
		"object_subresource":               {text, Dictionary, false, true},
		"response_code":                    {"INT32", Dictionary, false, true},
		"response_status":                  {text, Dictionary, false, true},
		"response_reason":                  {text, Dictionary, false, true},
		"response_message":                 {text, Plain, false, false},
		"response_details":                 {text, Dictionary, false, false},
		"request_object":                   {text, Plain, false, false},
		"response_object":                  {text, Plain, false, false},
		"request_received_timestamp":       {micros, Delta, false, true},
		"stage_timestamp":                  {micros, Delta, false, true},
		"annotations.key":                  {text, Dictionary, false, false},
		"annotations.value":                {text, Dictionary, false, false},
		"raw":                              {"BYTE_ARRAY", Plain, false, false},
		"decode_status":                    {text, Dictionary, false, true},
		"node":                             {text, Dictionary, false, false},
		"epoch":                            {text, Dictionary, false, false},
		"source_file":                      {text, Dictionary, false, false},
		"seq":                              {"INT64", Dictionary, false, true},
		"source_line":                      {"INT64", Delta, false, true},
		"line_part":                        {"INT32", Dictionary, false, true},
		"unknown_fields":                   {text, Dictionary, false, false},
	}
	schema := New()
	for i, path := range schema.Columns() {
		d := Columns()[i]
		if path[0] != d.Name {
			t.Fatalf("column %d is %s in the schema and %s in the definitions", i, path[0], d.Name)
		}
		name := path[0]
		if len(path) > 1 {
			name += "." + path[len(path)-1]
		}
		w, ok := want[name]
		if !ok {
			t.Errorf("%s is not expected", name)
			continue
		}
		delete(want, name)
		leaf, _ := schema.Lookup(path...)
		if got := (stored{leaf.Node.Type().String(), d.Encoding, d.Bloom, d.Bounded}); got != w {
			t.Errorf("%s is stored as %+v, want %+v", name, got, w)
		}
	}
	for name := range want {
		t.Errorf("there is no column %s", name)
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
		"dictionary":   {Dictionary, []format.Encoding{format.RLEDictionary}},
		"plain":        {Plain, nil},
		"delta":        {Delta, []format.Encoding{format.DeltaBinaryPacked}},
		"delta length": {DeltaLength, []format.Encoding{format.DeltaLengthByteArray}},
	} {
		d := Column{Encoding: c.encoding}
		for _, e := range slices.Concat(always, never, []format.Encoding{format.RLEDictionary, format.DeltaBinaryPacked, format.DeltaLengthByteArray}) {
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

// docs/DESIGN.md, "Parquet", has a row for every column.
func TestDesignNamesEveryColumn(t *testing.T) {
	design, err := os.ReadFile("../../../docs/DESIGN.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(design), "\n| column | Parquet type")
	table, _, _ = strings.Cut(table, "\n\n")
	braces := regexp.MustCompile(`(\w+_)\{([\w,]+)\}`)
	table = braces.ReplaceAllStringFunc(table, func(s string) string {
		m := braces.FindStringSubmatch(s)
		return m[1] + strings.Join(strings.Split(m[2], ","), " "+m[1])
	})
	for _, d := range Columns() {
		if !regexp.MustCompile(`\b` + d.Name + `\b`).MatchString(table) {
			t.Errorf("the table of columns does not have %s", d.Name)
		}
	}
}
