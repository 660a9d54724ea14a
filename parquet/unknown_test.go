package parquet

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/parquet/internal/rowread"
	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// changed is the canonical line with a change.
func changed(tb testing.TB, old, changed string) string {
	tb.Helper()
	line := strings.Replace(strings.TrimSpace(canonicalLine), old, changed, 1)
	if line == strings.TrimSpace(canonicalLine) {
		tb.Fatalf("nothing changed: %s is not there", old)
	}
	return line
}

// TestI3_UnknownFields has lines with fields of a later kube-apiserver: the
// column unknown_fields takes them, or raw the line.
func TestI3_UnknownFields(t *testing.T) {
	for name, c := range map[string]struct {
		old, changed string
		raw          int64
	}{
		"beside the verb":  {`"verb":"get"`, `"verb":"get","tenant":"team-a"`, 0},
		"an object":        {`"verb":"get"`, `"verb":"get","tenant":{ "name" : "\u003c" }`, 0},
		"at the end":       {`"authorization.k8s.io/reason":""}}`, `"authorization.k8s.io/reason":""},"z":0}`, 0},
		"behind a body":    {`"responseObject":"x"`, `"responseObject":"x","oldObject":{}`, 0},
		"alone in user":    {`{"username":"alice"}`, `{"region":"b"}`, 0},
		"in objectRef":     {`"namespace":"n"`, `"namespace":"n","shard":3`, 0},
		"objectRef twice":  {`"objectRef":{`, `"objectRef":{"x":1},"objectRef":{`, 1},
		"name in escapes":  {`"verb":"get"`, `"verb":"get","v\u0065rb":1`, 1},
		"invalid UTF-8":    {`"verb":"get"`, "\"verb\":\"get\",\"x\":\"\xff\"", 1},
		"longer than kept": {`"verb":"get"`, `"verb":"get","x":"` + strings.Repeat("y", 2<<20) + `"`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			source := canonicalLine + changed(t, c.old, c.changed) + "\n" + canonicalLine
			for _, lim := range []limits{defaultLimits(), tinyLimits()} {
				if res := roundTrip(t, []byte(source), lim); res.RawLines != c.raw {
					t.Errorf("%d lines have raw, want %d", res.RawLines, c.raw)
				}
			}
		})
	}
}

// TestUnknownFieldsCostLittle is the synthetic field of a later kube-apiserver,
// in every line.
func TestUnknownFieldsCostLittle(t *testing.T) {
	source := audittest.Corpus(t, "rotated.log")
	before := convertBytes(t, source, defaultLimits())
	for name, change := range map[string][2]string{
		"beside the verb": {`,"user":{`, `,"tenant":"team-a","user":{`},
		"in objectRef":    {`"objectRef":{`, `"objectRef":{"shard":"7",`},
		"many values":     {`,"user":{`, `,"tenant":"team-%d","user":{`},
	} {
		t.Run(name, func(t *testing.T) {
			var changed bytes.Buffer
			n := 0
			for line := range bytes.Lines(source) {
				n++
				with := change[1]
				if strings.Contains(with, "%d") {
					with = fmt.Sprintf(with, n%50)
				}
				changed.Write(bytes.Replace(line, []byte(change[0]), []byte(with), 1))
			}
			take := convertBytes
			if !testing.Short() || name == "beside the verb" {
				take = roundTrip
			}
			res := take(t, changed.Bytes(), defaultLimits())
			more := float64(res.Objects[0].Size)/float64(before.Objects[0].Size) - 1
			t.Logf("%d lines, raw %d before and %d with the field, size %+.2f %%", res.Lines, before.RawLines, res.RawLines, 100*more)
			if res.RawLines > before.RawLines || more > 0.03 {
				t.Errorf("the field costs %.1f %%, %d lines have raw; want at most 3 %%, and %d", 100*more, res.RawLines, before.RawLines)
			}
		})
	}
}

// A line so long that it is written in pieces has unknown fields as well; one of which no second
// copy is to be held keeps raw.
func TestUnknownFieldsOfLongLines(t *testing.T) {
	long := longLine(1300 << 10)
	for _, line := range []string{
		strings.Replace(long, `"verb"`, `"tenant":"a","verb"`, 1),
		strings.Replace(long, `"requestReceivedTimestamp"`, `"tenant":"a","requestReceivedTimestamp"`, 1),
		strings.Replace(longLine(300<<10), `"requestReceivedTimestamp"`, `"tenant":"a","requestReceivedTimestamp"`, 1),
	} {
		if res := roundTrip(t, []byte(simpleEvent("x")+"\n"+line+"\n"), defaultLimits()); res.RawLines > 0 {
			t.Errorf("%d lines have raw", res.RawLines)
		}
	}
	longer := strings.Replace(longLine(3<<20), `"verb"`, `"tenant":"a","verb"`, 1)
	if res := roundTrip(t, []byte(longer+"\n"), defaultLimits()); res.RawLines != 1 {
		t.Errorf("%d lines of 3 MiB have raw, want 1", res.RawLines)
	}
}

// Events inside a broken line have their unknown fields.
func TestUnknownFieldsOfSalvagedEvents(t *testing.T) {
	event := changed(t, `"verb":"get"`, `"verb":"get","tenant":"a"`)
	res := roundTrip(t, []byte(event[:300]+event+event+"\n"), defaultLimits())
	f, err := rowread.Open(inputs(t, res)[0], res.Objects[0].Size)
	if err != nil {
		t.Fatal(err)
	}
	o, err := rowread.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var row rowread.Row
	n := 0
	for o.Next(&row) == nil {
		if n++; string(row.Event.Unknown) != `{"verb":null,"tenant":"a"}` {
			t.Errorf("part %d has %q", row.Part, row.Event.Unknown)
		}
	}
	if n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
}

// Objects of another schema version are refused, and so are those whose columns are
// not those of their version.
func TestOtherSchemaVersions(t *testing.T) {
	in := inputs(t, convertBytes(t, []byte(canonicalLine), defaultLimits()))[0]
	object := make([]byte, in.Size)
	if _, err := in.ReadAt(object, 0); err != nil {
		t.Fatal(err)
	}
	version := func(v string) func(f *format.FileMetaData) {
		return func(f *format.FileMetaData) { setPair(f, schema.VersionKey, v) }
	}
	for name, c := range map[string]struct {
		change func(*format.FileMetaData)
		want   string
	}{
		"version 0":                 {version("0"), `schema version "0", want "1"`},
		"a version to come":         {version("2"), `schema version "2", want "1"`},
		"no version":                {version(""), `schema version "", want "1"`},
		"the version, in more text": {version("1.0"), `schema version "1.0", want "1"`},
		"a column less":             {func(f *format.FileMetaData) { f.Schema = f.Schema[:len(f.Schema)-1] }, "the columns are others"},
		"another field ID":          {func(f *format.FileMetaData) { f.Schema[1].FieldID = 99 }, "the columns are others"},
		"no field ID":               {func(f *format.FileMetaData) { f.Schema[1].FieldID = 0 }, "the columns are others"},
	} {
		err := Restore(t.Context(), []Input{input(withFooter(t, object, c.change))}, io.Discard)
		if !errors.Is(err, ErrNotOurs) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want ErrNotOurs with %q", name, err, c.want)
		}
	}
}

// An object that an earlier build wrote is the test vector of docs/spec/schema.md. It was made by
//
//	auditsidecar convert version-1.log -o version-1.parquet
func TestVersion1IsRead(t *testing.T) {
	object, want := audittest.ReadFile(t, "testdata/version-1.parquet"), audittest.ReadFile(t, "testdata/version-1.log")
	var got bytes.Buffer
	if err := Restore(t.Context(), []Input{input(object)}, &got); err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%q, %v, want %q", got.Bytes(), err, want)
	}
	m, err := ReadMeta(bytes.NewReader(object), int64(len(object)))
	if err != nil || m.SourceName != "version-1.log" || m.SourceLines != 5 || m.Rows != 6 || m.FinalNewline || m.SourceSHA256 != sha256.Sum256(want) {
		t.Errorf("%+v, %v", m, err)
	}
	page := string(audittest.ReadFile(t, "../docs/spec/schema.md"))
	m.Holes, m.Increment.FirstLine = []Hole{{}}, 1 // for the keys that not all objects have
	for _, pair := range m.pairs() {
		if !strings.Contains(page, "`"+pair[0]+"`") {
			t.Errorf("the page does not have the key %s", pair[0])
		}
	}
}
