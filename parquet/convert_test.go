package parquet

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	pq "github.com/parquet-go/parquet-go"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/parquet/internal/objectfile"
	"github.com/auditsidecar/auditsidecar/parquet/internal/objecttest"
	"github.com/auditsidecar/auditsidecar/parquet/internal/rowsort"
	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// testMeta is the origin of every source in these tests.
func testMeta() Meta {
	return Meta{
		Cluster: "test", Node: "node-1", Epoch: "20260102T150405abcdef", Seq: 7,
		SourceName: "audit-2026-11-22T17-00-27.978.log",
		Rotated:    time.Date(2026, 11, 22, 17, 0, 27, 978e6, time.UTC),
		Converter:  "test",
	}
}

// convertBytes converts source in a fresh directory and checks the result.
func convertBytes(tb testing.TB, source []byte, lim limits) Result {
	tb.Helper()
	return convertWith(tb, source, Config{Meta: testMeta(), Dir: audittest.FastDir(tb)}, lim)
}

func convertWith(tb testing.TB, source []byte, cfg Config, lim limits) Result {
	tb.Helper()
	res, err := convert(context.Background(), bytes.NewReader(source), int64(len(source)), cfg, lim)
	if err != nil {
		tb.Fatalf("convert: %v", err)
	}
	return res
}

func inputs(tb testing.TB, res Result) []Input {
	tb.Helper()
	var in []Input
	for _, o := range res.Objects {
		b, err := os.ReadFile(o.Path)
		if err != nil {
			tb.Fatal(err)
		}
		in = append(in, Input{Name: filepath.Base(o.Path), ReaderAt: bytes.NewReader(b), Size: int64(len(b))})
	}
	return in
}

// roundTrip converts, checks and restores source and compares.
func roundTrip(tb testing.TB, source []byte, lim limits) Result {
	tb.Helper()
	res := convertBytes(tb, source, lim)
	if want := sha256.Sum256(source); res.SHA256 != want || res.Bytes != int64(len(source)) {
		tb.Fatalf("result: %d bytes, %x; want %d, %x", res.Bytes, res.SHA256, len(source), want)
	}
	if err := Check(context.Background(), res); err != nil {
		tb.Fatalf("check: %v", err)
	}
	var out bytes.Buffer
	if err := Restore(context.Background(), inputs(tb, res), &out); err != nil {
		tb.Fatalf("restore: %v", err)
	}
	if !bytes.Equal(out.Bytes(), source) {
		at := 0
		for at < min(out.Len(), len(source)) && out.Bytes()[at] == source[at] {
			at++
		}
		tb.Fatalf("restored %d bytes differ from %d at %d", out.Len(), len(source), at)
	}
	return res
}

// tinyLimits make every spill and every boundary happen in a small source.
func tinyLimits() limits {
	return limits{
		sort: rowsort.Limits{Memory: 4 << 10, Spill: 64 << 20},
		file: objectfile.Limits{RowGroup: 200 << 10, Buffered: 60 << 10, Page: 2 << 10, Dictionary: 2 << 10, Long: 1 << 10},
		hole: 1 << 10,
	}
}

func TestI3_CorpusComesBack(t *testing.T) {
	for _, name := range audittest.Names() {
		for label, lim := range map[string]limits{"default": defaultLimits(), "tiny": tinyLimits()} {
			if name == "rotated.log" && (label == "tiny" || testing.Short()) {
				continue // ten times as long as the others, and like diverse.log
			}
			t.Run(name+"/"+label, func(t *testing.T) {
				source := audittest.Corpus(t, name)
				res := roundTrip(t, source, lim)
				t.Logf("%d lines, %d raw, %d salvaged, %d undecodable, %d objects, size %.1f %%",
					res.Lines, res.RawLines, res.Salvaged, res.Undecodable, len(res.Objects),
					100*float64(res.Objects[0].Size)/float64(res.Bytes))
			})
		}
	}
}

func TestI3_AnyBytesComeBack(t *testing.T) {
	event := strings.TrimSpace(canonicalLine)
	cases := map[string]string{
		"empty":               "",
		"one newline":         "\n",
		"empty lines":         "\n\n\n",
		"no final newline":    event,
		"CRLF":                event + "\r\n" + event + "\r\n",
		"NULs":                "\x00\x00\x00\n\x00",
		"NUL hole":            strings.Repeat("\x00", 5000) + event + "\n",
		"text":                "hello\nworld",
		"invalid UTF-8":       "\xff\xfe\n" + strings.Replace(event, "alice", "al\xffce", 1) + "\n",
		"glued":               event[:200] + event + "\n" + event + event + "\n",
		"torn":                event + "\n" + event[:300],
		"spaces":              " " + event + " \n",
		"other order":         `{"level":"Metadata","kind":"Event","apiVersion":"audit.k8s.io/v1"}` + "\n",
		"not an event":        `{"kind":"Pod"}` + "\n[]\nnull\n1\n",
		"deep":                strings.Repeat("[", 100000) + "\n" + strings.Repeat(`{"a":`, 20000) + "\n",
		"carriage returns":    "\r\r\n\r",
		"duplicate keys":      strings.Replace(event, `"verb":"get"`, `"verb":"get","verb":"list"`, 1) + "\n",
		"user without fields": strings.Replace(event, `{"username":"alice"}`, `{}`, 1) + "\n",
		"huge number":         strings.Replace(event, `"code":200`, `"code":99999999999999999999`, 1) + "\n",
		"lone surrogate":      strings.Replace(event, "alice", `\ud800`, 1) + "\n",
		"control character":   strings.Replace(event, "alice", "a\x01b", 1) + "\n",
	}
	for name, source := range cases {
		t.Run(name, func(t *testing.T) { roundTrip(t, []byte(source), defaultLimits()) })
	}
}

// canonicalLine has every field that kube-apiserver can write.
const canonicalLine = audittest.FullLine

func TestI3_CanonicalLineNeedsNoRaw(t *testing.T) {
	res := roundTrip(t, []byte(canonicalLine), defaultLimits())
	if res.RawLines != 0 || res.Undecodable != 0 {
		t.Errorf("%d raw, %d undecodable; want none", res.RawLines, res.Undecodable)
	}
}

func TestI3_RealLinesNeedNoRaw(t *testing.T) {
	source := audittest.Corpus(t, "rotated.log")
	res := convertBytes(t, source, defaultLimits())
	if res.RawLines*500 > res.Lines {
		t.Errorf("%d of %d real lines keep raw; want at most 0.2 %%", res.RawLines, res.Lines)
	}
}

func TestConvertSplitsByDay(t *testing.T) {
	var source strings.Builder
	for _, day := range []string{"2026-11-20", "2026-11-21", "2026-11-23"} {
		source.WriteString(strings.Replace(canonicalLine, `"stageTimestamp":"2026-11-22`, `"stageTimestamp":"`+day, 1))
	}
	source.WriteString("no event\n")
	res := roundTrip(t, []byte(source.String()), defaultLimits())
	var got []string
	for _, o := range res.Objects {
		got = append(got, fmt.Sprintf("%s %s %d", filepath.Base(o.Path), o.Day, o.Rows))
	}
	want := "2026-11-20.parquet 2026-11-20 1|2026-11-21.parquet 2026-11-21 1|2026-11-23.parquet 2026-11-23 2"
	if strings.Join(got, "|") != want {
		t.Errorf("objects %q, want %q", strings.Join(got, "|"), want)
	}
	in := inputs(t, res)
	err := Restore(t.Context(), in[:2], &bytes.Buffer{})
	if !errors.Is(err, ErrIncomplete) || !strings.Contains(err.Error(), "2026-11-23") {
		t.Errorf("restore without the last day: %v; want ErrIncomplete that names it", err)
	}
}

// lineOf is an event of a day that many days after the rotation of testMeta.
func lineOf(days int) string {
	day := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC).AddDate(0, 0, days).Format("2006-01-02")
	return strings.Replace(canonicalLine, `"stageTimestamp":"2026-11-22`, `"stageTimestamp":"`+day, 1)
}

// strays counts the rows that are not in the object of their day.
func strays(t *testing.T, res Result) int64 {
	t.Helper()
	var n int64
	for _, in := range inputs(t, res) {
		for _, g := range openFull(t, in).RowGroups() {
			objecttest.EachValue(t, g.ColumnChunks()[auditline.StageTimestamp], func(_ int, v pq.Value) {
				if dayText(dayOf(v.Int64()))+".parquet" != in.Name {
					n++
				}
			})
		}
	}
	return n
}

func TestConvertBoundsDays(t *testing.T) {
	for name, c := range map[string]struct {
		from, to int // days after the rotation
		objects  int
		strays   int64
	}{
		"a year":         {-365, 0, 366, 0},
		"as many":        {-maxDays, 1, maxDays + 2, 0},
		"too early":      {-maxDays - 20, -maxDays + 9, 10 + 1, 20},
		"after rotation": {0, 100, 2, 99},
	} {
		if testing.Short() && (name == "a year" || name == "as many") {
			continue // hundreds of objects; the others are at the same bounds
		}
		t.Run(name, func(t *testing.T) {
			var source strings.Builder
			for days := c.from; days <= c.to; days++ {
				source.WriteString(lineOf(days))
			}
			res := roundTrip(t, []byte(source.String()), defaultLimits())
			if len(res.Objects) != c.objects || res.Strays != c.strays {
				t.Errorf("%d objects, %d strays; want %d, %d", len(res.Objects), res.Strays, c.objects, c.strays)
			}
			if n := strays(t, res); n != c.strays {
				t.Errorf("%d rows are not in the object of their day, want %d", n, c.strays)
			}
		})
	}
}

// Without a time of rotation, the day of the first timestamp stands for its day.
func TestConvertBoundsDaysWithoutRotation(t *testing.T) {
	source := lineOf(-2) + lineOf(-1) + lineOf(0)
	res, err := Convert(t.Context(), strings.NewReader(source), int64(len(source)), Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Objects) != 2 || res.Objects[0].Rows != 2 || res.Strays != 1 {
		t.Errorf("objects %+v, %d strays; want two with 2 rows and 1, and 1", res.Objects, res.Strays)
	}
}

func TestConvertIsDeterministic(t *testing.T) {
	source := audittest.Corpus(t, "diverse.log")
	a := convertBytes(t, source, defaultLimits())
	b := convertBytes(t, source, defaultLimits())
	small := defaultLimits()
	small.sort.Memory = 4 << 10
	spilled := convertBytes(t, source, small)
	for _, other := range []Result{b, spilled} {
		if a.Objects[0].SHA256 != other.Objects[0].SHA256 {
			t.Errorf("the same source gave other bytes")
		}
	}
}

func TestConvertIntoOneFile(t *testing.T) {
	source := strings.Replace(canonicalLine, "22T16", "23T16", 2) + canonicalLine
	path := filepath.Join(t.TempDir(), "x.parquet")
	res, err := Convert(t.Context(), strings.NewReader(source), int64(len(source)), Config{Meta: testMeta(), File: path})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Objects) != 1 || res.Objects[0].Path != path || res.Objects[0].Rows != 2 {
		t.Errorf("objects %+v, want one with 2 rows at %s", res.Objects, path)
	}
}

func TestConvertLeavesNothingAfterAnError(t *testing.T) {
	dir := t.TempDir()
	source := []byte(strings.Repeat(canonicalLine, 3000))
	ctx, cancel := context.WithCancel(t.Context())
	firstPass := (len(source) + readSize - 1) / readSize
	src := &cancelAfter{Reader: bytes.NewReader(source), left: firstPass + 2, cancel: cancel}
	_, err := Convert(ctx, src, int64(len(source)), Config{Meta: testMeta(), Dir: dir})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want context.Canceled", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// cancelAfter cancels a context after n reads.
type cancelAfter struct {
	*bytes.Reader
	left   int
	cancel func()
}

func (c *cancelAfter) ReadAt(b []byte, off int64) (int, error) {
	if c.left--; c.left == 0 {
		c.cancel()
	}
	return c.Reader.ReadAt(b, off)
}

func TestConvertReportsAShortSource(t *testing.T) {
	_, err := Convert(t.Context(), strings.NewReader("abc"), 10, Config{Meta: testMeta(), Dir: t.TempDir()})
	if !errors.Is(err, ErrSourceChanged) {
		t.Errorf("error %v, want ErrSourceChanged", err)
	}
}

// A line that is no JSON is not "ok", however much it looks like an event.
func TestLeadingZeroIsNoJSON(t *testing.T) {
	for code, want := range map[string]string{"0200": schema.StatusUndecodable, "00": schema.StatusUndecodable, "0": schema.StatusOK, "200": schema.StatusOK} {
		line := strings.Replace(canonicalLine, `"code":200`, `"code":`+code, 1)
		if got := textsOf(t, roundTrip(t, []byte(line), defaultLimits()), schema.DecodeStatus); got[0] != want {
			t.Errorf("the code %s makes the line %s, want %s", code, got[0], want)
		}
	}
}
