package parquet

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/auditsidecar/auditsidecar/internal/audittest"
	"github.com/auditsidecar/auditsidecar/parquet/internal/rowread"
)

// convertPart converts bytes [from, to) of source as an increment.
func convertPart(tb testing.TB, source []byte, from, to int, lim limits) Result {
	tb.Helper()
	m := testMeta()
	m.Increment = Increment{From: int64(from), FirstLine: int64(bytes.Count(source[:from], []byte("\n"))) + 1}
	part := source[from:to]
	cfg := Config{Meta: m, File: filepath.Join(audittest.FastDir(tb), "part.parquet")}
	res, err := convert(context.Background(), bytes.NewReader(part), int64(len(part)), cfg, lim)
	if err != nil {
		tb.Fatalf("convert: %v", err)
	}
	if err := Check(context.Background(), res); err != nil {
		tb.Fatalf("check: %v", err)
	}
	return res
}

// cuts returns the ends of n parts of whole lines.
func cuts(source []byte, n int) []int {
	ends := []int{0}
	for i := 1; i <= n; i++ {
		ends = append(ends, bytes.LastIndexByte(source[:len(source)*i/n], '\n')+1)
	}
	return ends
}

func TestI3_IncrementsGiveTheFile(t *testing.T) {
	for name, lim := range map[string]limits{"default": defaultLimits(), "tiny": tinyLimits()} {
		t.Run(name, func(t *testing.T) {
			source := audittest.Corpus(t, "diverse.log")
			ends := cuts(source, 5)
			x := Increments{Work: t.TempDir()}
			var out bytes.Buffer
			for i, end := range ends[1:] {
				res := convertPart(t, source, ends[i], end, lim)
				if err := x.Append(t.Context(), inputs(t, res)[0], &out); err != nil {
					t.Fatal(err)
				}
				if x.Offset() != int64(end) {
					t.Errorf("offset %d after the increment to %d", x.Offset(), end)
				}
			}
			if !bytes.Equal(out.Bytes(), source[:ends[5]]) {
				t.Error("the increments give other bytes than the file")
			}
		})
	}
}

// The rows of an increment have the numbers that they have in the whole file.
func TestIncrementCountsLinesOfTheFile(t *testing.T) {
	source := []byte("one\ntwo\n" + canonicalLine + "four\n")
	res := convertPart(t, source, 8, len(source), defaultLimits())
	in := inputs(t, res)[0]
	f, err := rowread.Open(in, in.Size)
	if err != nil {
		t.Fatal(err)
	}
	o, err := rowread.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	lines := map[int64]bool{}
	for {
		var row rowread.Row
		if err := o.Next(&row); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		lines[row.Line] = true
	}
	o.Close()
	if len(lines) != 2 || !lines[3] || !lines[4] {
		t.Errorf("rows of the lines %v, want 3 and 4", lines)
	}
	m, err := ReadMeta(in, in.Size)
	if err != nil || m.Increment != (Increment{From: 8, FirstLine: 3}) || m.SourceSize != int64(len(source)-8) ||
		m.Last.Format(time.RFC3339Nano) != "2026-11-22T16:59:23.525775Z" {
		t.Errorf("metadata %+v, %v", m, err)
	}
	want := map[string]string{keyIncrementFrom: "8", keyIncrementTo: strconv.Itoa(len(source)), keyIncrementFirst: "3"}
	for key, value := range want {
		if got := f.Pairs[key]; got != value {
			t.Errorf("metadata %s is %q, want %q", key, got, value)
		}
	}
}

// A whole file has none of an increment's metadata.
func TestWholeFileIsNoIncrement(t *testing.T) {
	in := inputs(t, convertBytes(t, []byte(canonicalLine), defaultLimits()))[0]
	f, err := rowread.Open(in, in.Size)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{keyIncrementFrom, keyIncrementTo, keyIncrementFirst} {
		if v, ok := f.Pairs[key]; ok {
			t.Errorf("metadata %s is %q", key, v)
		}
	}
	var x Increments
	if err := x.Append(t.Context(), in, io.Discard); !errors.Is(err, ErrMismatch) {
		t.Errorf("a whole file as an increment: %v, want ErrMismatch", err)
	}
}

func TestIncrementsThatDoNotJoin(t *testing.T) {
	source := []byte("one\ntwo\nthree\nfour\n")
	part := func(from, to int) Input { return inputs(t, convertPart(t, source, from, to, defaultLimits()))[0] }
	other := testMeta()
	other.Seq++
	other.Increment = Increment{From: 4, FirstLine: 2}
	otherFile := filepath.Join(t.TempDir(), "x")
	if _, err := Convert(t.Context(), strings.NewReader("two\n"), 4, Config{Meta: other, File: otherFile}); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(otherFile)
	if err != nil {
		t.Fatal(err)
	}
	x := Increments{Work: t.TempDir()}
	var out bytes.Buffer
	var hole *HoleError
	if err := x.Append(t.Context(), part(4, 8), &out); !errors.As(err, &hole) || *hole != (HoleError{From: 0, To: 4}) {
		t.Errorf("the second increment first: %v", err)
	}
	if err := x.Append(t.Context(), part(0, 4), &out); err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]Input{
		"the same again":      part(0, 4),
		"overlap":             part(0, 8),
		"another file":        {Name: "x", ReaderAt: bytes.NewReader(content), Size: int64(len(content))},
		"no whole line":       part(4, 6),
		"empty":               part(4, 4),
		"lines counted wrong": inputs(t, convertPart(t, []byte("a\nb\ntwo\n"), 4, 8, defaultLimits()))[0],
	} {
		if err := x.Append(t.Context(), in, &out); !errors.Is(err, ErrMismatch) {
			t.Errorf("%s: %v, want ErrMismatch", name, err)
		}
	}
	err = x.Append(t.Context(), part(8, 14), &out)
	if !errors.As(err, &hole) || *hole != (HoleError{From: 4, To: 8}) || !strings.Contains(err.Error(), "bytes 4 to 8") {
		t.Errorf("hole: %v", err)
	}
	if out.String() != "one\n" || x.Offset() != 4 {
		t.Errorf("wrote %q, offset %d", out.String(), x.Offset())
	}
	if err := x.Append(t.Context(), part(4, 19), &out); err != nil || out.String() != string(source) {
		t.Errorf("wrote %q, %v", out.String(), err)
	}
}

func TestConvertRefusesIncrementsThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	for name, cfg := range map[string]Config{
		"negative offset": {File: filepath.Join(dir, "x"), Meta: Meta{Increment: Increment{From: -1, FirstLine: 1}}},
		"no line":         {File: filepath.Join(dir, "x"), Meta: Meta{Increment: Increment{From: 1}}},
		"negative line":   {File: filepath.Join(dir, "x"), Meta: Meta{Increment: Increment{FirstLine: -1}}},
		"line overflow":   {File: filepath.Join(dir, "x"), Meta: Meta{Increment: Increment{FirstLine: math.MaxInt64}}},
		"by day":          {Dir: dir, Meta: Meta{Increment: Increment{FirstLine: 1}}},
	} {
		if _, err := Convert(t.Context(), strings.NewReader("x\n"), 2, cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestComplete(t *testing.T) {
	midnight := strings.ReplaceAll(canonicalLine, "2026-11-22T", "2026-11-23T")
	in := inputs(t, convertBytes(t, []byte(canonicalLine+midnight), defaultLimits()))
	if len(in) != 2 {
		t.Fatalf("%d objects, want 2", len(in))
	}
	if err := Complete(in); err != nil {
		t.Error(err)
	}
	for i := range in {
		if err := Complete(in[i : i+1]); !errors.Is(err, ErrIncomplete) {
			t.Errorf("one of two: %v, want ErrIncomplete", err)
		}
	}
	if err := Complete(nil); !errors.Is(err, ErrIncomplete) {
		t.Errorf("none: %v, want ErrIncomplete", err)
	}
}
